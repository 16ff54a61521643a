"""The evidence lower bound, with a weight on the rate: the VAE's objective and the beta-VAE's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ppgen.declare.look import label_of
from ppgen.declare.supports import name_of, support_name
from ppgen.errors import DeclarationError, SettingError
from ppgen.objectives.base import Loss, Moment, Objective, Program, Turn
from ppgen.objectives.bound import Parts, parts
from ppgen.objectives.pairing import Pairing

__all__ = ["ELBO", "must_be_pathwise"]


class ELBO(Objective):
    """Maximise the evidence lower bound (Kingma & Welling, 2014), or its beta-weighted relative (Higgins et al., 2017).

    ``loss = distortion + beta * rate``, with ``distortion = -E_q[log p(x | z)]`` and ``rate = KL(q(z | x) || p(z))``.
    The true ELBO, at ``beta = 1``, is recorded beside every loss. Where ``KL`` has a registered closed form and the
    guide draws its sites in the model's order, the closed form is used: the same expectation, with less noise.

    Args:
        beta: weight of the rate, at least 0.
        warmup: number of epochs over which the weight rises linearly from 0 to ``beta``.
        num_particles: draws of the guide that each loss averages over.
        closed_form: use closed-form rates where they are valid; ``False`` samples all of them, as Pyro's
            ``Trace_ELBO`` does.

    Raises:
        SettingError: on a negative or non-finite ``beta`` or ``warmup``, or fewer than one particle.

    Example:
        >>> ELBO(beta=4.0, warmup=10).name
        'ELBO(beta=4, warmup=10)'
    """

    def __init__(
        self, beta: float = 1.0, *, warmup: float = 0.0, num_particles: int = 1, closed_form: bool = True
    ) -> None:
        super().__init__()
        for label, value in (("beta", beta), ("warmup", warmup)):
            if not (isinstance(value, (int, float)) and math.isfinite(value) and value >= 0):
                raise SettingError(
                    f"ELBO: {label} is out of range", expected="a finite number >= 0", got=repr(value), fix=f"{label}=1"
                )
        if not isinstance(num_particles, int) or num_particles < 1:
            raise SettingError(
                "ELBO: num_particles is out of range",
                expected="a whole number >= 1",
                got=repr(num_particles),
                fix="num_particles=1",
            )
        self.beta, self.warmup = float(beta), float(warmup)
        self.num_particles, self.closed_form = num_particles, closed_form

    @property
    def name(self) -> str:
        shown = [f"beta={self.beta:g}"] if self.beta != 1 else []
        shown += [f"warmup={self.warmup:g}"] if self.warmup else []
        shown += [f"num_particles={self.num_particles}"] if self.num_particles > 1 else []
        shown += [] if self.closed_form else ["closed_form=False"]
        return f"ELBO({', '.join(shown)})"

    def settings(self) -> dict[str, Any]:
        return {
            "beta": self.beta,
            "warmup": self.warmup,
            "num_particles": self.num_particles,
            "closed_form": self.closed_form,
        }

    def check(self, model: Program, guide: Program | None) -> None:
        if getattr(model, "is_implicit", False):
            raise SettingError(
                f"ELBO: {label_of(model)} has an implicit site, and so no likelihood to bound",
                expected="a model whose observed sites return distributions",
                got=", ".join(name for name, site in getattr(model, "sites", {}).items() if site.role == "implicit"),
                fix="objective=ppgen.Adversarial(), or give the model an `observation` distribution",
            )
        if guide is None:
            raise SettingError(
                f"ELBO: {label_of(model)} has latent variables but no guide",
                expected="a guide q(z | x)",
                got="guide=None",
                fix="guide=ppgen.guides.MeanField(model); for a model without latents: ppgen.MaximumLikelihood()",
            )

    def turns(self, model: nn.Module, guide: nn.Module | None) -> list[Turn]:
        return [Turn("elbo", [model] if guide is None else [model, guide])]

    def beta_at(self, moment: Moment) -> float:
        """The rate's weight at a moment of training."""
        return self.beta * min(1.0, moment.epoch / self.warmup) if self.warmup else self.beta

    def loss(
        self,
        turn: str,
        model: Program,
        guide: Program | None,
        batch: Mapping[str, Tensor],
        size: int,
        moment: Moment,
    ) -> Loss:
        beta = self.beta_at(moment)
        drawn = _mean(
            [parts(model, guide, batch, size, closed_form=self.closed_form) for _ in range(self.num_particles)]
        )
        must_be_pathwise(drawn.pairing, self.name)
        return Loss(drawn.distortion + (drawn.rate if beta == 1 else beta * drawn.rate), drawn.record())


def must_be_pathwise(pairing: Pairing, objective: str) -> None:
    """Refuse a guide whose draws hide their parameters: its gradient would be silently wrong, not only noisy."""
    for draw in pairing.latents.values():
        if not draw.guide_fn.has_rsample:
            raise DeclarationError(
                f"{objective}: the guide draws {draw.name!r} from {name_of(draw.guide_fn)}, and no gradient passes it",
                expected="reparameterised distributions in the guide (Normal, LogNormal, Gamma, Dirichlet ...)",
                got=f"{name_of(draw.guide_fn)} over {support_name(draw.guide_fn.support)}",
                fix=f"sum {draw.name!r} out of the likelihood by hand (a mixture distribution), or make it continuous",
            )


def _mean(particles: list[Parts]) -> Parts:
    """The parts of a bound, averaged over draws of the guide."""
    first = particles[0]
    if len(particles) == 1:
        return first
    rates = {name: torch.stack([drawn.rates[name] for drawn in particles]).mean() for name in first.rates}
    return Parts(torch.stack([drawn.distortion for drawn in particles]).mean(), rates, first.pairing)
