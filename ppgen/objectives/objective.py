"""The contract of an objective: what is minimised, by whom, and what it may ask of settings, models and draws."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from ppgen.declare.protocol import PyroProgram
from ppgen.declare.supports import name_of, support_name
from ppgen.errors import DeclarationError, SettingError
from ppgen.inference.paired_trace import PairedTrace

__all__ = [
    "Loss",
    "Objective",
    "Player",
    "TrainingPosition",
    "must_be_count",
    "must_be_local",
    "must_be_pathwise",
    "must_have_spread",
]


@dataclasses.dataclass(frozen=True)
class TrainingPosition:
    """Where training stands, for schedules: optimizer steps done, and epochs done (a float)."""

    step: int = 0
    epoch: float = 0.0


@dataclasses.dataclass(frozen=True)
class Loss:
    """What one turn minimises.

    Args:
        value: differentiable scalar, in nats per datum where it is a density.
        record: named parts, detached scalars in the same unit; they stay on the device.
    """

    value: Tensor
    record: Mapping[str, Tensor]


@dataclasses.dataclass(frozen=True)
class Player:
    """One player of a step: the modules whose parameters its optimizer moves, and Adam's two decay rates."""

    name: str
    modules: list[nn.Module]
    betas: tuple[float, float] = (0.9, 0.999)


class Objective(ABC):
    """What is minimised. The training loop plays all turns, in order, on every batch.

    A likelihood objective has one turn; an adversarial one has two. ``networks`` holds trained networks that belong
    to the objective itself, such as a critic; they are moved, saved and restored with the fit.
    """

    def __init__(self) -> None:
        self.networks: dict[str, nn.Module] = {}

    @property
    @abstractmethod
    def name(self) -> str:
        """A short text with the settings, for tables: ``ELBO(beta=4)``."""

    @abstractmethod
    def check(self, model: PyroProgram, guide: PyroProgram | None) -> None:
        """Refuse a pair that this objective cannot train.

        Raises:
            SettingError: naming what is missing and the objective that would fit.
        """

    @abstractmethod
    def players(self, model: nn.Module, guide: nn.Module | None) -> list[Player]:
        """The players of a step, in order."""

    @abstractmethod
    def loss(
        self,
        player: str,
        model: PyroProgram,
        guide: PyroProgram | None,
        batch: Mapping[str, Tensor],
        size: int,
        position: TrainingPosition,
    ) -> Loss:
        """The loss of one turn on one batch of a data set of ``size`` data points."""

    def settings(self) -> dict[str, Any]:
        """JSON-able constructor arguments, for the run folder."""
        return {}


def must_be_count(value: Any, objective: str, suggested: int) -> None:
    """Refuse a number of particles that is no whole number, or below 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise SettingError(
            f"{objective}: num_particles is out of range",
            expected="a whole number >= 1",
            got=repr(value),
            fix=f"num_particles={suggested}",
        )


def must_be_local(model: PyroProgram, objective: str) -> None:
    """Refuse a declared model with a global latent: importance weights belong to one datum each."""
    for site in getattr(model, "sites", {}).values():
        if not site.local:
            raise SettingError(
                f"{objective}: {site.name!r} is a global latent, so that data points share one importance weight",
                expected="local latents only",
                fix="objective=ppgen.ELBO()",
            )


def must_be_pathwise(trace: PairedTrace, objective: str) -> None:
    """Refuse a guide whose draws hide their parameters: its gradient would be silently wrong, not only noisy."""
    for draw in trace.latents.values():
        if not draw.guide_fn.has_rsample:
            raise DeclarationError(
                f"{objective}: the guide draws {draw.name!r} from {name_of(draw.guide_fn)}, and no gradient passes it",
                expected="reparameterised distributions in the guide (Normal, LogNormal, Gamma, Dirichlet ...)",
                got=f"{name_of(draw.guide_fn)} over {support_name(draw.guide_fn.support)}",
                fix='objective=ppgen.ELBO(gradient="score", num_particles=8), or ppgen.WakeSleep()',
            )


def must_have_spread(trace: PairedTrace, objective: str) -> None:
    """Refuse a guide that is a point: it has no density to weigh draws by, and no rate."""
    if trace.is_point:
        raise SettingError(
            f"{objective}: the guide is a point, which has no density",
            expected="a guide with spread",
            got=", ".join(f"{name}: Delta" for name, draw in trace.latents.items() if draw.is_delta),
            fix="guide=ppgen.guides.MeanField(model), or objective=ppgen.ELBO()",
        )
