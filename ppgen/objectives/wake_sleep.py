"""Wake-sleep: the model learns from the guide's draws, the guide from the model's dreams or from weighted draws."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor

from ppgen.arguments import one_of, whole_number
from ppgen.declare import ProgramPart, PyroProgram, label_of
from ppgen.errors import SettingError
from ppgen.inference import (
    BatchTrace,
    dream,
    elbo_parts_of,
    find_waking,
    repeat_rows,
    replay_batch,
    row_weights,
    trace_batch,
)
from ppgen.objectives.elbo import ELBO
from ppgen.objectives.guide_density import guide_log_prob
from ppgen.objectives.objective import Loss, Objective, Player, State, Step
from ppgen.objectives.requirements import must_be_local, must_have_spread

__all__ = ["WakeSleep"]


@dataclasses.dataclass(frozen=True)
class WakeSleep(Objective):
    """Train the model awake and the guide asleep (Hinton et al., 1995), or both on weighted draws (reweighted
    wake-sleep: Bornschein & Bengio, 2015).

    Each step is two turns. The wake turn moves the model's parameters: it maximises the importance-weighted bound
    ``log 1/K sum_k p(x, z_k) / q(z_k | x)`` at draws of the guide (``K = 1``: the ELBO). The sleep turn moves the
    guide's: in its sleep phase it maximises ``E_p(x, z)[log q(z | x)]`` on data that the model dreams; in its wake
    phase ``sum_k w_k log q(z_k | x)`` at the guide's own draws on real data, with normalised weights w.

    No gradient passes a draw, so that any guide will do, also one of discrete latents; these are drawn, never summed
    out. The guide minimises KL(p || q), not the bound's KL(q || p). Losses are in nats per datum.

    The record holds the bound as ``iwae``, the true ``elbo`` with its parts, and ``guide_nll``, the guide's loss.

    Args:
        num_particles: K.
        guide_phase: ``"sleep"``, ``"wake"``, or ``"both"``, their mean.

    Raises:
        SettingError: on a setting out of range, or a wake phase of the guide with a single particle, whose gradient is
            pure noise; by :meth:`check`, on a global latent; by :meth:`setup`, on a hand-written program
            that cannot dream; from the loss, on a point guide.

    Example:
        >>> WakeSleep(5, guide_phase="wake").name
        'WakeSleep(5, wake)'
    """

    num_particles: int = 1
    guide_phase: Literal["sleep", "wake", "both"] = dataclasses.field(default="sleep", kw_only=True)

    def __post_init__(self) -> None:
        whole_number("WakeSleep: num_particles", self.num_particles)
        one_of("WakeSleep: guide_phase", self.guide_phase, ("sleep", "wake", "both"))
        if self.guide_phase != "sleep" and self.num_particles == 1:
            raise SettingError(
                "WakeSleep: with one particle all weights are 1, and the guide would learn nothing awake",
                expected="num_particles >= 2",
                got="num_particles=1",
                fix=f'WakeSleep(5, guide_phase="{self.guide_phase}")',
                code="S097",
            )

    @property
    def name(self) -> str:
        return f"WakeSleep({self.num_particles}{'' if self.guide_phase == 'sleep' else ', ' + self.guide_phase})"

    def check(self, model: PyroProgram, guide: PyroProgram | None) -> None:
        ELBO().check(model, guide)
        must_be_local(model, self)

    def setup(self, model: Any, guide: Any, batch: Mapping[str, Tensor]) -> State:
        state = super().setup(model, guide, batch)
        if self.guide_phase != "wake" and (reason := find_waking(model, batch)):
            raise SettingError(
                f"WakeSleep: {label_of(model)} cannot dream its data: {reason}",
                expected="a program whose observed sites are given arguments that nothing else reads",
                got=f"def {label_of(model)}({', '.join(batch)})",
                fix="declare the model, or objective=ppgen.WakeSleep(5, guide_phase='wake')",
                code="S098",
            )
        return state

    def players(self, state: State) -> list[Player]:
        parts = [state.model, state.guide]
        # Both parts of a hand-written program hold all that its functions have created.
        wake, sleep = (part.own_parameters if isinstance(part, ProgramPart) else part for part in parts)
        return [Player("wake", [wake]), Player("sleep", [sleep])]

    def loss(self, state: State, player: str, step: Step) -> Loss:
        model, guide, batch = step.model, step.guide, step.batch
        if player == "wake":
            return self._awake(model, guide, batch)
        phases = {"sleep": [self._dreamt], "wake": [self._weighted], "both": [self._dreamt, self._weighted]}
        losses = [phase(model, guide, batch) for phase in phases[self.guide_phase]]
        value = functools.reduce(torch.add, losses) / len(losses)
        return Loss(value, {"guide_nll": value.detach()})

    def _awake(self, model: PyroProgram, guide: PyroProgram | None, batch: Mapping[str, Tensor]) -> Loss:
        first, values = self._draws(model, guide, batch)
        traced = replay_batch(first, model, guide, values, freeze_guide=True)
        weights = self._by_particle(row_weights(traced.trace))
        bound = (weights.logsumexp(0) - math.log(self.num_particles)).mean()
        return Loss(-bound, {"iwae": bound.detach(), **elbo_parts_of(traced, traced.rows, closed_form=False).record()})

    def _weighted(self, model: PyroProgram, guide: PyroProgram, batch: Mapping[str, Tensor]) -> Tensor:
        first, values = self._draws(model, guide, batch)
        share = self._by_particle(row_weights(first.trace)).softmax(0)
        log_q = self._by_particle(guide_log_prob(guide, first.batch, first.rows, values, self))
        return -(share * log_q).sum(0).mean()

    def _dreamt(self, model: Any, guide: PyroProgram, batch: Mapping[str, Tensor]) -> Tensor:
        with torch.no_grad():
            latents, evidence = dream(model, batch)
        return -guide_log_prob(guide, evidence, len(next(iter(batch.values()))), latents, self).mean()

    def _draws(
        self, model: PyroProgram, guide: PyroProgram | None, batch: Mapping[str, Tensor]
    ) -> tuple[BatchTrace, dict[str, Tensor]]:
        """K draws of the guide for each datum, [K * B] rows, without gradients."""
        wide = repeat_rows(batch, self.num_particles)
        with torch.no_grad():
            first = trace_batch(model, guide, wide, len(next(iter(wide.values()))), sum_out=False)
        must_have_spread(first.trace, self)
        return first, {name: draw.value for name, draw in first.trace.latents.items()}

    def _by_particle(self, values: Tensor) -> Tensor:
        return values.reshape(self.num_particles, -1)
