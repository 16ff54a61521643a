"""A density and codes for a trained sampler: a noise around its values, an encoder, sigma from validation data."""

from __future__ import annotations

import copy
import dataclasses
import inspect
from typing import Any

from torch import nn

from ppgen.declare import label_of
from ppgen.errors import SettingError
from ppgen.fitted import Fit
from ppgen.nets import BernoulliNoise, NormalNoise
from ppgen.objectives import IWAE
from ppgen.training.fit import fit

__all__ = ["with_noise"]

_PARTICLES = 16  # of the bound that sigma maximises
_EPOCHS, _ROWS, _RATE = 60, 64, 0.03  # of its fit: one number on the validation split


def with_noise(self: Fit, noise: nn.Module | None = None, guide: Any = None, **settings: Any) -> Fit:
    """A latent-variable model of the same generator, held as it is, with an observation noise and a fitted encoder.

    Three steps: the noise is put around what the generator makes; a guide is fitted by the ELBO on the training split,
    by ordinary SVI; then the noise's parameters, such as sigma, are fitted on the validation split, which neither
    generator nor guide has seen, by the importance-weighted bound. What comes back answers as any fit of a model with
    latents does: density, codes, reconstructions, walks from data. Its numbers belong to this noise.

    Reference: Y. Wu et al., "On the quantitative analysis of decoder-based generative models", 2017 (arXiv 1611.04273).

    Args:
        noise: a module from generated values to a distribution of x; default: ``BernoulliNoise`` for binary data, else
            ``NormalNoise``. It is copied.
        guide: a family such as ``ppgen.guides.FullRank``, or a function from the model, which is made here, to a guide:
            ``lambda model: ppgen.guides.MeanField(model, encoder=network)``; default: the derived one.
        **settings: of ``ppgen.fit``, for the guide's fit; ``out`` is written when all is done.

    Raises:
        SettingError: for a model that is not implicit, or that cannot be made with an ``observation``.

    Example:
        >>> import ppgen
        >>> model = ppgen.models.GAN((2,), latent_dim=2, hidden=(8,), output="none")
        >>> fit = ppgen.fit(model, "ring", max_epochs=1, progress=False)
        >>> dense = fit.with_noise(max_epochs=1, progress=False)
        >>> dense.log_prob(num_particles=10).kind, dense.reconstruct().only.shape
        ('lower bound', torch.Size([1000, 2]))
    """
    model = _noisy(self, noise)
    out = settings.pop("out", None)
    settings = {"device": self.device, "progress": True, **settings}
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.startswith("observation."))
    if callable(guide) and not isinstance(guide, type | nn.Module):
        guide = guide(model)
    dense = fit(model, self.data, guide=guide, **settings)
    if any(parameter.requires_grad for parameter in model.parameters()):
        dense.guide.requires_grad_(False)
        splits = dict.fromkeys(self.data.splits, self.data.splits["valid"])
        held_out = dataclasses.replace(self.data, splits=splits)
        chosen: dict[str, Any] = {name: settings[name] for name in ("device", "progress", "seed") if name in settings}
        chosen |= {"max_epochs": _EPOCHS, "batch_size": _ROWS, "learning_rate": _RATE, "schedule": "cosine"}
        fit(model, held_out, guide=dense.guide, objective=IWAE(_PARTICLES), **chosen)
        dense.guide.requires_grad_(True)
    if out is not None:
        dense.save(out)
    return dense


def _noisy(fitted: Fit, noise: nn.Module | None) -> Any:
    """The model of a fit made again, with its weights and a noise."""
    model = fitted.model
    if not model.is_implicit:
        raise SettingError(
            f"with_noise: {label_of(model)} is no sampler without a density",
            expected="a model with an implicit site and no observation",
            got=", ".join(f"{site.role} {name}" for name, site in model.sites.items()),
            fix="fit.log_prob(), which it answers as it is",
            code="S217",
        )
    kind, arguments = type(model), getattr(model, "constructor_arguments", None)
    if arguments is None or "observation" not in inspect.signature(kind.__init__).parameters:
        raise SettingError(
            f"with_noise: {kind.__name__} cannot be made with an observation",
            expected="a constructor with an argument observation, which it keeps as self.observation",
            got=f"{kind.__name__}({', '.join(inspect.signature(kind.__init__).parameters)[len('self, ') :]})",
            fix="def __init__(self, ..., observation=None): ...; if observation is not None: "
            "self.observation = observation",
            code="S218",
        )
    chosen = _usual_noise(fitted) if noise is None else copy.deepcopy(noise)
    made = kind(**copy.deepcopy(dict(arguments)) | {"observation": chosen})
    own = {f"observation.{name}": value for name, value in chosen.state_dict().items()}
    made.load_state_dict(model.state_dict() | own)
    return made


def _usual_noise(fitted: Fit) -> nn.Module:
    (site,) = fitted.observed
    x = fitted.data.splits["train"][fitted.model.column_of(site)]
    if fitted.data.measure == "binary":
        return BernoulliNoise(x.shape[1:])
    return NormalNoise(x.shape[1:], float(x.double().std()) or 1.0)
