"""Simulation: the guide learns the posterior from draws of the model itself; no likelihood is asked for."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ppgen.arguments import whole_number
from ppgen.context import preserved_state
from ppgen.data import Dataset
from ppgen.declare import ProgramPart, PyroProgram, label_of, without_latents
from ppgen.errors import DataError, SettingError
from ppgen.inference import dream_many, find_waking, trace_guide
from ppgen.objectives.guide_density import guide_log_prob
from ppgen.objectives.objective import Loss, Objective, Player, State, Step
from ppgen.objectives.requirements import must_be_local, refuse_points

__all__ = ["Simulation"]

_HELD_OUT = 10  # every so many-th draw, for validation


@dataclasses.dataclass(frozen=True)
class Simulation(Objective):
    """Maximise ``E_p(z, x)[log q(z | x)]`` over draws of the model, by the guide alone (neural posterior estimation).

    The model is drawn from before the first step; then latents and data are pairs, and the guide is fitted to them by
    maximum likelihood. So the model need not have a density: a simulator (``@ppgen.implicit``) and the generator of a
    GAN get posteriors as well. The guide minimises KL(p || q) on average over p(x): it covers all modes, where an ELBO
    seeks one. It knows only data like those that the model makes.

    Draws in which a simulator failed, numbers that are not finite, are left out, with a warning: the posterior given
    data that are finite is that of the others.

    The model stays as it is: give it parameters, or fit it before, and hand its guide on to make that one better. The
    data of the fit are not trained on. They say shapes and types, covariates are taken from their rows, and posteriors
    are asked at them: ``fit.posterior(x)``.

    References: G. Papamakarios and I. Murray, "Fast epsilon-free inference of simulation models with Bayesian
    conditional density estimation", 2016 (arXiv 1605.06376); D. Greenberg, M. Nonnenmacher and J. Macke, "Automatic
    posterior transformation for likelihood-free inference", 2019 (arXiv 1905.07488).

    Fit with: ``ppgen.guides.Flow(model, flow="NSF")``, which ``ppgen.fit`` derives where no guide is given.

    Args:
        num_draws: of the model; a tenth of them is held out for validation.

    Raises:
        SettingError: on a setting out of range; by :meth:`check`, for a model without latents, or with a global one;
            by :meth:`setup`, for a point guide, or a hand-written program that cannot draw its data.
        DataError: by :meth:`training_data`, if all draws but a few are not finite.

    Example:
        >>> Simulation(5_000).name
        'Simulation(5000)'
    """

    num_draws: int = 100_000

    def __post_init__(self) -> None:
        whole_number("Simulation: num_draws", self.num_draws, at_least=2 * _HELD_OUT, suggested=20_000)

    @property
    def name(self) -> str:
        return f"Simulation({self.num_draws})"

    def check(self, model: PyroProgram, guide: PyroProgram | None) -> None:
        if guide is None:
            raise SettingError(
                f"Simulation: there is nothing to learn: {label_of(model)} has no guide",
                expected="latent variables, and a guide over them",
                got=f"sites {sorted(model.sites)}",
                fix="mark a site of the model @ppgen.latent, or fit it by ppgen.MaximumLikelihood()",
                code="S231",
            )
        must_be_local(model, self)

    def setup(self, model: Any, guide: Any, batch: Mapping[str, Tensor]) -> State:
        state = super().setup(model, guide, batch)
        with preserved_state(guide):
            refuse_points(trace_guide(guide, without_latents(model, batch), len(next(iter(batch.values())))), self)
        if reason := find_waking(model, batch):
            raise SettingError(
                f"Simulation: {label_of(model)} cannot draw its data: {reason}",
                expected="a program whose observed sites are given arguments that nothing else reads",
                got=f"def {label_of(model)}({', '.join(batch)})",
                fix="declare the model",
                code="S232",
            )
        return state

    def training_data(self, model: Any, data: Dataset, device: torch.device, seed: int) -> Dataset:
        latents, evidence = dream_many(model, data.split("train"), self.num_draws, device=device, seed=seed)
        drawn = self._readable(model, {name: value.cpu() for name, value in (latents | evidence).items()})
        held = len(next(iter(drawn.values()))) // _HELD_OUT
        return Dataset(
            f"{self.num_draws} draws of {label_of(model)}",
            data.measure,
            {
                "train": {name: value[held:] for name, value in drawn.items()},
                "valid": {name: value[:held] for name, value in drawn.items()},
                "test": {name: value[:0] for name, value in drawn.items()},
            },
            num_classes=data.num_classes,
            protocol=f"drawn, seed {seed}",
            kinds={name: kind for name, kind in data.kinds.items() if name in drawn},
        )

    def _readable(self, model: Any, drawn: dict[str, Tensor]) -> dict[str, Tensor]:
        """The draws without those in which a simulator failed: given finite data, the posterior is that of the rest."""
        finite = torch.stack([value.isfinite().reshape(len(value), -1).all(1) for value in drawn.values()]).all(0)
        if finite.all():
            return drawn
        failed = f"{int((~finite).sum())} of {self.num_draws} draws of {label_of(model)} are not finite"
        if finite.sum() < 2 * _HELD_OUT:
            raise DataError(
                f"Simulation: {failed}",
                expected="a model that can draw data",
                got=f"{int(finite.sum())} draws that are finite",
                fix="clamp what overflows in the simulator, or give its latents a narrower prior",
                code="D145",
            )
        warnings.warn(f"Simulation: {failed}, and are left out: nothing is learned of such data", stacklevel=2)
        return {name: value[finite] for name, value in drawn.items()}

    def players(self, state: State) -> list[Player]:
        # Both parts of a hand-written program hold all that its functions have created.
        own = state.guide.own_parameters if isinstance(state.guide, ProgramPart) else state.guide
        return [Player("simulation", [own])]

    def loss(self, state: State, player: str, step: Step) -> Loss:
        latents = {name: site for name, site in step.model.sites.items() if site.role == "latent"}
        values = {name: step.batch[name] for name in latents}
        evidence = {name: value for name, value in step.batch.items() if name not in latents}
        nll = -guide_log_prob(step.guide, evidence, len(next(iter(evidence.values()))), values, self).mean()
        return Loss(nll, {"guide_nll": nll.detach()})
