"""The importance-weighted bound as a training objective, with three estimators of its gradient."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ppgen.errors import SettingError
from ppgen.objectives.base import Loss, Moment, Objective, Program, Turn
from ppgen.objectives.bound import per_datum, row_weights
from ppgen.objectives.elbo import ELBO, must_be_pathwise
from ppgen.objectives.pairing import Draw, Pairing, pair
from ppgen.objectives.particles import repeat_rows

__all__ = ["IWAE"]

Gradient = Literal["pathwise", "dreg", "stl"]
_GRADIENTS = ("pathwise", "dreg", "stl")


class IWAE(Objective):
    """Maximise ``L_K = E[log 1/K sum_k w_k]``, ``w_k = p(x, z_k) / q(z_k | x)`` (Burda, Grosse & Salakhutdinov, 2016).

    ``L_1`` is the ELBO, and ``L_K`` rises with K towards log p(x). The logarithm of the mean is taken for each datum
    before anything is summed, so that the bound is right under subsampling, where Pyro's ``RenyiELBO`` is not.

    Args:
        num_particles: K.
        gradient: ``"pathwise"``, the plain reparameterised gradient; ``"dreg"``, doubly reparameterised (Tucker et
            al., 2019), whose signal for the guide does not fade as K grows; ``"stl"``, sticking the landing (Roeder,
            Wu & Duvenaud, 2017), for K = 1 only: with K > 1 it is biased. Both of the latter evaluate the guide a
            second time, and have no variance at the exact posterior.

    Raises:
        SettingError: on a number of particles below 1, an unknown gradient, or ``"stl"`` with several particles.

    Example:
        >>> IWAE(16, gradient="dreg").name
        'IWAE(16, dreg)'
    """

    def __init__(self, num_particles: int = 8, *, gradient: Gradient = "pathwise") -> None:
        super().__init__()
        if not isinstance(num_particles, int) or isinstance(num_particles, bool) or num_particles < 1:
            raise SettingError(
                "IWAE: num_particles is out of range",
                expected="a whole number >= 1",
                got=repr(num_particles),
                fix="num_particles=8",
            )
        if gradient not in _GRADIENTS:
            raise SettingError(
                f"IWAE: unknown gradient {gradient!r}", expected=", ".join(_GRADIENTS), fix='gradient="dreg"'
            )
        if gradient == "stl" and num_particles > 1:
            raise SettingError(
                "IWAE: sticking the landing is biased with more than one particle",
                expected='gradient="stl" with num_particles=1',
                got=f"num_particles={num_particles}",
                fix='gradient="dreg"',
            )
        self.num_particles, self.gradient = num_particles, gradient

    @property
    def name(self) -> str:
        return f"IWAE({self.num_particles}{'' if self.gradient == 'pathwise' else ', ' + self.gradient})"

    def settings(self) -> dict[str, Any]:
        return {"num_particles": self.num_particles, "gradient": self.gradient}

    def check(self, model: Program, guide: Program | None) -> None:
        ELBO().check(model, guide)
        if getattr(guide, "is_point", False):
            raise SettingError(
                "IWAE: the guide is a point, which has no density to weigh draws by",
                expected="a guide with spread",
                fix="guide=ppgen.guides.MeanField(model)",
            )
        for site in getattr(model, "sites", {}).values():
            if not site.local:
                raise SettingError(
                    f"IWAE: {site.name!r} is a global latent, so that data points share one importance weight",
                    expected="local latents only",
                    fix="objective=ppgen.ELBO()",
                )

    def turns(self, model: nn.Module, guide: nn.Module | None) -> list[Turn]:
        return [Turn("iwae", [model] if guide is None else [model, guide])]

    def loss(
        self,
        turn: str,
        model: Program,
        guide: Program | None,
        batch: Mapping[str, Tensor],
        size: int,
        moment: Moment,
    ) -> Loss:
        rows = len(next(iter(batch.values())))
        total = self.num_particles * rows
        wide = repeat_rows(batch, self.num_particles)
        drawn = pair(model, guide, wide, total)
        must_be_pathwise(drawn, self.name)
        weights = row_weights(drawn, total).reshape(self.num_particles, rows)
        bound = (weights.logsumexp(0) - math.log(self.num_particles)).mean()
        record = {
            "iwae": bound.detach(),
            "elbo": weights.detach().mean(),
            "distortion": -_log_prob_of(drawn.observed.values(), total).detach().mean(),
        }
        for name, draw in drawn.latents.items():
            record[f"rate/{name}"] = per_datum(draw.log_ratio(), draw, total).detach().mean()
        if self.gradient == "pathwise" or not torch.is_grad_enabled():
            return Loss(-bound, record)
        surrogate = self._path_derivative(model, guide, wide, drawn, rows)
        return Loss(-(surrogate + (bound - surrogate).detach()), record)

    def _path_derivative(
        self, model: Program, guide: Program | None, wide: Mapping[str, Tensor], drawn: Pairing, rows: int
    ) -> Tensor:
        """A scalar with the estimator's gradient: through z alone for the guide, through log p for the model.

        Guide and model run again at detached values ``z``; ``d log w / d z`` there has no direct dependence on the
        guide's parameters, and is then pushed through ``z(phi, noise)``. DReG squares the normalised weights.
        """
        leaves = {name: draw.value.detach().requires_grad_() for name, draw in drawn.latents.items()}
        total = self.num_particles * rows
        again = pair(model, guide, wide, total, leaves)
        weights = row_weights(again, total).reshape(self.num_particles, rows)
        share = weights.detach().softmax(0)
        power = 2 if self.gradient == "dreg" else 1
        paths = torch.autograd.grad((share.pow(power) * weights).sum(), list(leaves.values()), retain_graph=True)
        for_guide = sum((path.detach() * drawn.latents[n].value).sum() for path, n in zip(paths, leaves, strict=True))
        log_joint = _log_prob_of(again.observed.values(), total)
        for draw in again.latents.values():
            log_joint = log_joint + per_datum(draw.prior_log_prob(), draw, total)
        log_joint = log_joint.reshape(self.num_particles, rows)
        return ((share * log_joint).sum() + for_guide) / rows


def _log_prob_of(draws: Iterable[Draw], rows: int) -> Tensor:
    """``log p(x)`` of observed sites, summed over them: [rows]."""
    return torch.stack([per_datum(draw.log_prob(), draw, rows) for draw in draws]).sum(0)
