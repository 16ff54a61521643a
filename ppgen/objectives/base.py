"""The contract of an objective: what is minimised, by whom, and what it is made of."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from ppgen.declare.protocol import PyroProgram

__all__ = ["Loss", "Moment", "Objective", "Turn"]


@dataclasses.dataclass(frozen=True)
class Moment:
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
class Turn:
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
    def turns(self, model: nn.Module, guide: nn.Module | None) -> list[Turn]:
        """The players of a step, in order."""

    @abstractmethod
    def loss(
        self,
        turn: str,
        model: PyroProgram,
        guide: PyroProgram | None,
        batch: Mapping[str, Tensor],
        size: int,
        moment: Moment,
    ) -> Loss:
        """The loss of one turn on one batch of a data set of ``size`` data points."""

    def settings(self) -> dict[str, Any]:
        """JSON-able constructor arguments, for the run folder."""
        return {}
