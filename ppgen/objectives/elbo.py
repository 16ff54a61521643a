"""The evidence lower bound and its penalised relatives: beta, warm-up and cycles, free bits, capacity, label weight."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ppgen.declare.look import label_of
from ppgen.declare.protocol import PyroProgram
from ppgen.errors import DeclarationError, SettingError
from ppgen.inference.batch_trace import replay_batch
from ppgen.inference.bound import ELBOParts, elbo_parts, elbo_parts_of
from ppgen.objectives.free_bits import floored_rate
from ppgen.objectives.objective import (
    Loss,
    Objective,
    Player,
    TrainingPosition,
    must_be_count,
    must_be_pathwise,
    must_have_spread,
)
from ppgen.objectives.schedules import Ramp
from ppgen.objectives.score import score_parts

__all__ = ["ELBO"]


class ELBO(Objective):
    """Maximise the evidence lower bound (Kingma & Welling, 2014), or one of its penalised relatives.

    ``loss = distortion + beta * rate``, with ``distortion = -E_q[log p(x | z)]`` and ``rate = KL(q(z | x) || p(z))``,
    in nats per datum (Higgins et al., 2017, beta-VAE). The true ELBO, at ``beta = 1`` and without any penalty, is
    recorded beside every loss. Where ``KL`` has a registered closed form and the guide draws its sites in the model's
    order, the closed form is used: the same expectation, with less noise. Discrete latents are summed out, unless
    ``gradient="score"`` or too many values have them drawn.

    Args:
        beta: weight of the rate, at least 0.
        warmup: number of epochs over which the weight rises linearly from 0 to ``beta``.
        cycles: how many times it does, each rise followed by ``warmup`` epochs at ``beta`` (Fu et al., 2019, Cyclical
            Annealing Schedule, with proportion 1/2).
        free_bits: lambda, in nats: ``loss = distortion + beta * sum_j max(lambda, KL_j)``, with ``KL_j`` a mean over
            the batch (Kingma et al., 2016, Improved Variational Inference with Inverse Autoregressive Flow, equation
            15). Global latents have no floor.
        free_bits_per: the groups j: ``"site"``, or ``"dimension"`` of every site.
        capacity: C, in nats: ``loss = distortion + capacity_weight * |rate - C|``, where C rises linearly from 0 over
            ``warmup`` epochs (Burgess et al., 2018, Understanding Disentangling in beta-VAE, equation 6).
        capacity_weight: its gamma.
        label_weight: adds ``label_weight * -log q(y | x)`` over the rows whose discrete latent y is observed, summed
            over them and divided by all rows, so that labels teach the guide (Kingma et al., 2014, Semi-supervised
            Learning with Deep Generative Models, equation 9, whose alpha multiplies the mean over the labelled rows).
        num_particles: draws of the guide that each loss averages over.
        gradient: ``"pathwise"``, through reparameterised draws; ``"stl"``, sticking the landing (Roeder, Wu &
            Duvenaud, 2017), which leaves out the guide's own score, samples every rate, evaluates the guide twice and
            has no variance at the exact posterior; ``"score"``, for a guide with draws that cannot be
            reparameterised: these get the score function, with a leave-one-out baseline if there are two particles or
            more, and all others keep their paths.
        closed_form: use closed-form rates where they are valid; ``False`` samples all of them, as Pyro's
            ``Trace_ELBO`` does.

    Raises:
        SettingError: on a setting out of range, or two that exclude each other.

    Example:
        >>> ELBO(beta=4.0, warmup=10).name
        'ELBO(beta=4, warmup=10)'
        >>> ELBO(capacity=25.0, warmup=50).name
        'ELBO(warmup=50, capacity=25)'
    """

    def __init__(
        self,
        beta: float = 1.0,
        *,
        warmup: float = 0.0,
        cycles: int = 1,
        free_bits: float = 0.0,
        free_bits_per: Literal["site", "dimension"] = "site",
        capacity: float | None = None,
        capacity_weight: float = 1000.0,
        label_weight: float = 0.0,
        num_particles: int = 1,
        gradient: Literal["pathwise", "stl", "score"] = "pathwise",
        closed_form: bool = True,
    ) -> None:
        super().__init__()
        self.beta, self.free_bits = _at_least_zero("beta", beta), _at_least_zero("free_bits", free_bits)
        self.capacity = None if capacity is None else _at_least_zero("capacity", capacity)
        self.capacity_weight = _at_least_zero("capacity_weight", capacity_weight)
        self.label_weight = _at_least_zero("label_weight", label_weight)
        self.ramp = Ramp(warmup, cycles)
        self.free_bits_per = _one_of("free_bits_per", free_bits_per, ("site", "dimension"))
        self.gradient = _one_of("gradient", gradient, ("pathwise", "stl", "score"))
        must_be_count(num_particles, "ELBO", suggested=1)
        self.num_particles, self.closed_form = num_particles, closed_form
        self._exclude()

    @property
    def name(self) -> str:
        defaults = inspect.signature(ELBO).parameters
        changed = {key: value for key, value in self.settings().items() if value != defaults[key].default}
        shown = (f"{key}={value:g}" if isinstance(value, float) else f"{key}={value}" for key, value in changed.items())
        return f"ELBO({', '.join(shown)})"

    def settings(self) -> dict[str, Any]:
        return {
            "beta": self.beta,
            "warmup": float(self.ramp.warmup),
            "cycles": self.ramp.cycles,
            "free_bits": self.free_bits,
            "free_bits_per": self.free_bits_per,
            "capacity": self.capacity,
            "capacity_weight": self.capacity_weight,
            "label_weight": self.label_weight,
            "num_particles": self.num_particles,
            "gradient": self.gradient,
            "closed_form": self.closed_form,
        }

    def check(self, model: PyroProgram, guide: PyroProgram | None) -> None:
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

    def players(self, model: nn.Module, guide: nn.Module | None) -> list[Player]:
        return [Player("elbo", [model] if guide is None else [model, guide])]

    def beta_at(self, position: TrainingPosition) -> float:
        """The rate's weight at a moment of training."""
        return self.beta * self.ramp.at(position.epoch)

    def capacity_at(self, position: TrainingPosition) -> float:
        """The rate that costs nothing at a moment of training, in nats; 0 without a capacity."""
        return (self.capacity or 0.0) * self.ramp.at(position.epoch)

    def loss(
        self,
        player: str,
        model: PyroProgram,
        guide: PyroProgram | None,
        batch: Mapping[str, Tensor],
        size: int,
        position: TrainingPosition,
    ) -> Loss:
        particles = self._particles(model, guide, batch, size)
        if self.free_bits or self.capacity is not None:
            must_have_spread(particles[0].trace, self.name)
        drawn = _mean(particles)
        value = drawn.distortion + self._price(particles, drawn.rate, position)
        if self.label_weight:
            value = value + self.label_weight * self._label_nll(drawn)
        return Loss(value, drawn.record())

    def _particles(
        self, model: PyroProgram, guide: PyroProgram | None, batch: Mapping[str, Tensor], size: int
    ) -> list[ELBOParts]:
        if self.gradient == "score":
            return score_parts(model, guide, batch, size, self.num_particles, closed_form=self.closed_form)
        closed_form = self.closed_form and self.gradient == "pathwise"
        particles = []
        for _ in range(self.num_particles):
            drawn = elbo_parts(model, guide, batch, size, closed_form=closed_form)
            must_be_pathwise(drawn.trace, self.name)
            if self.gradient == "stl" and torch.is_grad_enabled():
                values = {name: draw.value for name, draw in drawn.trace.latents.items()}
                drawn = elbo_parts_of(
                    replay_batch(drawn.traced, model, guide, values, freeze_guide=True), size, closed_form=False
                )
            particles.append(drawn)
        return particles

    def _price(self, particles: list[ELBOParts], rate: Tensor, position: TrainingPosition) -> Tensor:
        """What the rate costs at a moment of training."""
        if self.capacity is not None:
            return self.capacity_weight * (rate - self.capacity_at(position)).abs()
        if self.free_bits:
            closed_form = self.closed_form and self.gradient == "pathwise"
            rate = floored_rate(particles, self.free_bits, self.free_bits_per, closed_form=closed_form)
        beta = self.beta_at(position)
        return rate if beta == 1 else beta * rate

    def _label_nll(self, drawn: ELBOParts) -> Tensor:
        if not drawn.label_nll:
            raise DeclarationError(
                f"{self.name}: no latent can be observed that the guide would learn to predict",
                expected="a discrete latent of the guide, with its labels in the batch (-1 where missing)",
                got=f"guide sites {sorted(drawn.trace.latents)}",
                fix="leave label_weight out",
            )
        return functools.reduce(torch.add, drawn.label_nll.values())

    def _exclude(self) -> None:
        """Refuse settings of which one would be ignored, or would bias the gradient."""
        penalties = ["free_bits"] * bool(self.free_bits) + ["capacity"] * (self.capacity is not None)
        clashes = {
            "capacity and free_bits: both say what a rate costs": len(penalties) == 2,
            "capacity and beta: the rate's weight is capacity_weight": self.capacity is not None and self.beta != 1,
            f"gradient='score' and {' '.join(penalties)}: a noisy rate inside a maximum biases the gradient": bool(
                self.gradient == "score" and penalties
            ),
            "gradient='score' and label_weight: discrete latents are drawn, not summed out": bool(
                self.gradient == "score" and self.label_weight
            ),
        }
        for text, clash in clashes.items():
            if clash:
                raise SettingError(f"ELBO: {text}", expected="one of the two", fix="leave one of them out")


def _mean(particles: list[ELBOParts]) -> ELBOParts:
    """The parts of a bound, averaged over draws of the guide."""
    first = particles[0]
    if len(particles) == 1:
        return first
    rates = {name: torch.stack([drawn.rates[name] for drawn in particles]).mean() for name in first.rates}
    labels = {name: torch.stack([drawn.label_nll[name] for drawn in particles]).mean() for name in first.label_nll}
    return ELBOParts(torch.stack([drawn.distortion for drawn in particles]).mean(), rates, first.traced, labels)


def _at_least_zero(label: str, value: Any) -> float:
    if isinstance(value, bool) or not (isinstance(value, (int, float)) and math.isfinite(value) and value >= 0):
        raise SettingError(
            f"ELBO: {label} is out of range", expected="a finite number >= 0", got=repr(value), fix=f"{label}=1"
        )
    return float(value)


def _one_of(label: str, value: Any, known: tuple[str, ...]) -> Any:
    if value not in known:
        raise SettingError(
            f"ELBO: unknown {label} {value!r}",
            expected=" or ".join(known),
            got=repr(value),
            fix=f"{label}={known[0]!r}",
        )
    return value
