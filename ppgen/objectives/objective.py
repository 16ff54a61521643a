"""The contract of an objective: what is minimised, by whom, and what it may ask of settings, models and draws."""

from __future__ import annotations

import dataclasses
import functools
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from ppgen.declare import PyroProgram, name_of, support_name
from ppgen.errors import DeclarationError, SettingError
from ppgen.inference import PairedTrace

__all__ = [
    "Loss",
    "Objective",
    "Player",
    "TrainingPosition",
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
    """The loss of one player on one batch.

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


@dataclasses.dataclass(frozen=True)
class Objective(ABC):
    """What is minimised. On every batch, the players move one after the other.

    A subclass is a frozen dataclass too: its fields are its settings, from which come its name in tables and its entry
    in a run folder. Most objectives have one player; an adversarial one has two.

    Example:
        >>> from ppgen.objectives import ELBO
        >>> ELBO(beta=4.0).name
        'ELBO(beta=4)'
    """

    @functools.cached_property
    def networks(self) -> dict[str, nn.Module]:
        """Trained networks of the objective itself, such as a critic: moved, saved and restored with the fit."""
        return {}

    @property
    def name(self) -> str:
        """The class and the settings that differ from their defaults, for tables: ``ELBO(beta=4)``."""
        changed = {key: value for key, value in self.settings().items() if value != self._defaults()[key]}
        shown = (f"{key}={value:g}" if isinstance(value, float) else f"{key}={value}" for key, value in changed.items())
        return f"{type(self).__name__}({', '.join(shown)})"

    def settings(self) -> dict[str, Any]:
        """Constructor arguments as plain data, for the run folder."""
        return {key: getattr(self, key) for key in self._defaults()}

    def _defaults(self) -> dict[str, Any]:
        return {field.name: field.default for field in dataclasses.fields(self)}

    @abstractmethod
    def check(self, model: PyroProgram, guide: PyroProgram | None) -> None:
        """Refuse a pair that this objective cannot train.

        Args:
            model: the model.
            guide: the guide, if there is one.

        Raises:
            SettingError: naming what is missing and the objective that would fit.
        """

    def players(self, model: nn.Module, guide: nn.Module | None) -> list[Player]:
        """The players of a step, in order; by default one, who moves model and guide.

        Args:
            model: the model.
            guide: the guide, if there is one.
        """
        return [Player(type(self).__name__.lower(), [model] if guide is None else [model, guide])]

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
        """The loss of one player on one batch.

        Args:
            player: the name of the player.
            model: the model.
            guide: the guide, if there is one.
            batch: values by site and covariate, [batch, ...] each.
            size: data points in the whole data set.
            position: where training stands.
        """


def must_be_local(model: PyroProgram, objective: Objective) -> None:
    """Refuse a declared model with a global latent: importance weights belong to one datum each.

    Args:
        model: the model.
        objective: named in the message, as in those below.
    """
    for site in getattr(model, "sites", {}).values():
        if not site.local:
            raise SettingError(
                f"{objective.name}: {site.name!r} is a global latent, so that data points share one importance weight",
                expected="local latents only",
                fix="objective=ppgen.ELBO()",
            )


def must_be_pathwise(trace: PairedTrace, objective: Objective) -> None:
    """Refuse a guide whose draws hide their parameters: its gradient would be silently wrong, not only noisy.

    Args:
        trace: a run of it.
        objective: named in the message.
    """
    for draw in trace.latents.values():
        if not draw.guide_fn.has_rsample:
            raise DeclarationError(
                f"{objective.name}: the guide draws {draw.name!r} from {name_of(draw.guide_fn)}, and no gradient "
                "passes it",
                expected="reparameterised distributions in the guide (Normal, LogNormal, Gamma, Dirichlet ...)",
                got=f"{name_of(draw.guide_fn)} over {support_name(draw.guide_fn.support)}",
                fix='objective=ppgen.ELBO(gradient="score", num_particles=8), or ppgen.WakeSleep()',
            )


def must_have_spread(trace: PairedTrace, objective: Objective) -> None:
    """Refuse a guide that is a point: it has no density to weigh draws by, and no rate.

    Args:
        trace: a run of it.
        objective: named in the message.
    """
    if trace.is_point:
        raise SettingError(
            f"{objective.name}: the guide is a point, which has no density",
            expected="a guide with spread",
            got=", ".join(f"{name}: Delta" for name, draw in trace.latents.items() if draw.is_delta),
            fix="guide=ppgen.guides.MeanField(model), or objective=ppgen.ELBO()",
        )
