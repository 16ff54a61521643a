"""The evidence lower bound and its penalised relatives: beta, warm-up and cycles, free bits, capacity, label weight."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor

from ppgen.arguments import finite_number, one_of, whole_number
from ppgen.declare import Model, PyroProgram, label_of
from ppgen.errors import DeclarationError, SettingError
from ppgen.inference import (
    ELBOParts,
    data_frame,
    elbo_parts,
    elbo_parts_of,
    full_size,
    rate_per_dimension,
    replay_batch,
)
from ppgen.objectives.objective import Loss, Objective, State, Step, TrainingPosition
from ppgen.objectives.requirements import must_be_pathwise, must_be_plain, must_have_spread
from ppgen.objectives.schedules import Ramp
from ppgen.objectives.score import score_parts

__all__ = ["ELBO"]

_SCORED = ("score", "mixed")  # gradients that draw discrete latents, and give some draws the score function


@dataclasses.dataclass(frozen=True)
class ELBO(Objective):
    """Maximise the evidence lower bound (Kingma & Welling, 2014), or one of its penalised relatives.

    ``loss = distortion + beta * rate``, with ``distortion = -E_q[log p(x | z)]`` and ``rate = KL(q(z | x) || p(z))``,
    in nats per datum (Higgins et al., 2017, beta-VAE). The true ELBO, at ``beta = 1`` and without any penalty, is
    recorded beside every loss. Where ``KL`` has a registered closed form and the guide draws its sites in the model's
    order, the closed form is used: the same expectation, with less noise. Discrete latents are summed out, unless
    a score-function gradient or too many values have them drawn.

    Args:
        beta: weight of the rate, at least 0.
        warmup: number of epochs over which the weight rises linearly from 0 to ``beta``.
        cycles: number of such rises, each followed by ``warmup`` epochs at ``beta`` (Fu et al., 2019, Cyclical
            Annealing Schedule, with proportion 1/2).
        free_bits: lambda, in nats: ``loss = distortion + beta * sum_j max(lambda, KL_j)``, with ``KL_j`` a mean over
            the batch (Kingma et al., 2016, Improved Variational Inference with Inverse Autoregressive Flow, equation
            15). Global latents have no floor.
        free_bits_per: the groups j: ``"site"``, or ``"dimension"`` of every site.
        capacity: C, in nats: ``loss = distortion + capacity_weight * |rate - C|``, where C rises linearly from 0 over
            ``warmup`` epochs (Burgess et al., 2018, Understanding Disentangling in beta-VAE, equation 6).
        capacity_weight: gamma, the weight of the distance between rate and capacity.
        label_weight: adds ``label_weight * -log q(y | x)`` over the rows whose discrete latent y is observed, summed
            over them and divided by all rows, so that labels teach the guide (Kingma et al., 2014, Semi-supervised
            Learning with Deep Generative Models, equation 9, whose alpha multiplies the mean over the labelled rows).
        num_particles: draws of the guide that each loss averages over.
        gradient: ``"pathwise"``, through reparameterised draws; ``"stl"``, sticking the landing (Roeder, Wu &
            Duvenaud, 2017), which leaves out the guide's own score, samples every rate, evaluates the guide twice and
            has no variance at the exact posterior; ``"score"``, the score function of every draw, with a leave-one-out
            baseline if there are two particles or more: right for any guide, and far noisier; ``"mixed"``, for a guide
            with draws that cannot be reparameterised: these get the score function, and all others keep their paths.
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

    beta: float = 1.0
    _: dataclasses.KW_ONLY
    warmup: float = 0.0
    cycles: int = 1
    free_bits: float = 0.0
    free_bits_per: Literal["site", "dimension"] = "site"
    capacity: float | None = None
    capacity_weight: float = 1000.0
    label_weight: float = 0.0
    num_particles: int = 1
    gradient: Literal["pathwise", "stl", "score", "mixed"] = "pathwise"
    closed_form: bool = True

    def __post_init__(self) -> None:
        for name in ("beta", "free_bits", "capacity", "capacity_weight", "label_weight"):
            value = getattr(self, name)
            if name != "capacity" or value is not None:
                value = finite_number(f"ELBO: {name}", value, at_least=0, suggested=1)
                object.__setattr__(self, name, value)
        object.__setattr__(self, "warmup", self.ramp.warmup)
        one_of("ELBO: free_bits_per", self.free_bits_per, ("site", "dimension"))
        one_of("ELBO: gradient", self.gradient, ("pathwise", "stl", *_SCORED))
        whole_number("ELBO: num_particles", self.num_particles)
        self._exclude()

    @functools.cached_property
    def ramp(self) -> Ramp:
        """The course of beta and of the capacity, as a share of the full value."""
        return Ramp(self.warmup, self.cycles)

    def check(self, model: PyroProgram, guide: PyroProgram | None) -> None:
        if model.is_implicit:
            raise SettingError(
                f"ELBO: {label_of(model)} has an implicit site, and so no likelihood to bound",
                expected="a model whose observed sites return distributions",
                got=", ".join(name for name, site in model.sites.items() if site.role == "implicit"),
                fix="objective=ppgen.Adversarial(), or give the model an `observation` distribution",
                code="S087",
            )
        if guide is None:
            raise SettingError(
                f"ELBO: {label_of(model)} has latent variables but no guide",
                expected="a guide q(z | x)",
                got="guide=None",
                fix="guide=ppgen.guides.MeanField(model); for a model without latents: ppgen.MaximumLikelihood()"
                if isinstance(model, Model)
                else "ppgen.Program(model, guide), with a guide of your own or pyro.infer.autoguide.AutoNormal(model)",
                code="S088",
            )

    def schedule(self, position: TrainingPosition) -> dict[str, float]:
        """The capacity C in nats, or the rate's weight ``beta``; neither where that is 1 throughout."""
        share = self.ramp.at(position.epoch)
        if self.capacity is not None:
            return {"capacity": self.capacity * share}
        return {} if self.beta == 1 and not self.warmup else {"beta": self.beta * share}

    def loss(self, state: State, player: str, step: Step) -> Loss:
        particles = self._particles(step)
        if self.free_bits or self.capacity is not None:
            must_have_spread(particles[0].trace, self)
        drawn = _mean(particles)
        value = drawn.distortion + self._price(particles, drawn.rate, step.schedule)
        for added in drawn.added.values():
            value = value + added
        if self.label_weight:
            value = value + self.label_weight * self._label_nll(drawn)
        return Loss(value, drawn.record())

    def _particles(self, step: Step) -> list[ELBOParts]:
        model, guide, batch, size = step.model, step.guide, step.batch, step.size
        if self.gradient in _SCORED:
            settings = {"closed_form": self.closed_form, "keep_paths": self.gradient == "mixed"}
            return score_parts(model, guide, batch, size, self.num_particles, **settings)
        closed_form = self.closed_form and self.gradient == "pathwise"
        particles = []
        for _ in range(self.num_particles):
            drawn = elbo_parts(model, guide, batch, size, closed_form=closed_form)
            must_be_pathwise(drawn.trace.latents, self)
            if self.gradient == "stl":
                must_be_plain(drawn.trace, self)
            if self.gradient == "stl" and torch.is_grad_enabled():
                values = {name: draw.value for name, draw in drawn.trace.latents.items()}
                drawn = elbo_parts_of(
                    replay_batch(drawn.traced, model, guide, values, freeze_guide=True), size, closed_form=False
                )
            particles.append(drawn)
        return particles

    def _price(self, particles: list[ELBOParts], rate: Tensor, schedule: Mapping[str, Tensor]) -> Tensor:
        """The rate's term of the loss, []: weighted, floored, or held to the capacity."""
        if "capacity" in schedule:
            return self.capacity_weight * (rate - schedule["capacity"].to(rate.dtype)).abs()
        if self.free_bits:
            closed_form = self.closed_form and self.gradient == "pathwise"
            rate = _floored_rate(particles, self.free_bits, self.free_bits_per, closed_form=closed_form)
        return schedule["beta"].to(rate.dtype) * rate if "beta" in schedule else rate

    def _label_nll(self, drawn: ELBOParts) -> Tensor:
        if not drawn.label_nll:
            raise DeclarationError(
                f"{self.name}: no latent can be observed that the guide would learn to predict",
                expected="a discrete latent of the guide, with its labels in the batch (-1 where missing)",
                got=f"guide sites {sorted(drawn.trace.latents)}",
                fix="leave label_weight out",
                code="M049",
            )
        return functools.reduce(torch.add, drawn.label_nll.values())

    def _exclude(self) -> None:
        """Refuse settings of which one would be ignored, or would bias the gradient."""
        penalties = ["free_bits"] * bool(self.free_bits) + ["capacity"] * (self.capacity is not None)
        clashes = {
            "capacity and free_bits: both say what a rate costs": len(penalties) == 2,
            "capacity and beta: the rate's weight is capacity_weight": self.capacity is not None and self.beta != 1,
            f"gradient={self.gradient!r} and {' '.join(penalties)}: a noisy rate in a maximum biases it": bool(
                self.gradient in _SCORED and penalties
            ),
            f"gradient={self.gradient!r} and label_weight: discrete latents are drawn, not summed out": bool(
                self.gradient in _SCORED and self.label_weight
            ),
        }
        for text, clash in clashes.items():
            if clash:
                raise SettingError(f"ELBO: {text}", expected="one of the two", fix="leave one of them out", code="S089")


def _mean(particles: list[ELBOParts]) -> ELBOParts:
    """The parts of a bound, averaged over draws of the guide."""
    first = particles[0]
    if len(particles) == 1:
        return first
    rates = {name: torch.stack([drawn.rates[name] for drawn in particles]).mean() for name in first.rates}
    labels = {name: torch.stack([drawn.label_nll[name] for drawn in particles]).mean() for name in first.label_nll}
    added = {name: torch.stack([drawn.added[name] for drawn in particles]).mean() for name in first.added}
    distortion = torch.stack([drawn.distortion for drawn in particles]).mean()
    unweighted = [drawn.unweighted for drawn in particles if drawn.unweighted is not None]
    return ELBOParts(distortion, rates, first.traced, labels, added, _mean(unweighted) if unweighted else None)


def _floored_rate(particles: Sequence[ELBOParts], floor: float, per: str, *, closed_form: bool) -> Tensor:
    """``sum_j max(floor, mean over the batch of KL_j)``, in nats per datum, [].

    The mean over batch and particles is taken inside the maximum, as published: a datum may spend less than the floor
    if others spend more. Global latents, whose rate is shared by all data, have no floor.
    """
    first = particles[0]
    total = first.distortion.new_zeros(())
    for name in first.rates:
        draw = first.trace.latents.get(name)  # None, if the latent is summed out
        is_shared = draw is not None and (draw.model_fn is None or data_frame(draw, first.trace.rows) is None)
        if draw is None or is_shared or per == "site":
            rates = [drawn.rates[name] for drawn in particles]
        else:
            rates = [_rate_by_dimension(drawn, name, closed_form) for drawn in particles]
        groups = torch.stack(rates).mean(0)
        total = total + (groups if is_shared else groups.clamp(min=floor)).sum()
    return total


def _rate_by_dimension(drawn: ELBOParts, name: str, closed_form: bool) -> Tensor:
    """One latent's rate by dimension, nats per datum: [D], over events and plates inside the data plate."""
    draw, enumerated, rows = drawn.trace.latents[name], drawn.traced.enumerated, drawn.traced.rows
    rate = rate_per_dimension(draw, closed_form=closed_form)
    if rate is None:
        raise DeclarationError(
            f"free_bits_per='dimension': the rate of {name!r} is no sum over its dimensions",
            expected="guide and prior independent over dimensions: dist.Normal(loc, scale).to_event(1)",
            got=f"{type(draw.guide_fn).__name__} in the guide, {type(draw.model_fn).__name__} in the model",
            fix='free_bits_per="site"',
            code="M050",
        )
    by_row = rate.movedim(data_frame(draw, rows).dim - draw.guide_fn.event_dim, 0).reshape(rows, -1)
    if enumerated is not None:
        return (enumerated.log_weight.exp().unsqueeze(1) * by_row).sum(0) / enumerated.num_data
    return by_row.sum(0) / full_size(drawn.trace)
