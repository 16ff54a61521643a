"""The contract of an objective: what is minimised, by whom, over what a fit owns."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ppgen.arguments import finite_number, whole_number
from ppgen.data import Dataset
from ppgen.declare import PyroProgram
from ppgen.errors import SettingError

__all__ = [
    "Loss",
    "Objective",
    "Player",
    "State",
    "Step",
    "TrainingPosition",
]


@dataclasses.dataclass(frozen=True)
class TrainingPosition:
    """Where training stands, for schedules: optimizer steps done, and epochs done (a float)."""

    step: int = 0
    epoch: float = 0.0


@dataclasses.dataclass(frozen=True, eq=False)
class State:
    """What one fit owns: the pair, and the networks that its objective made for it, such as a critic.

    Args:
        model: the model.
        guide: the guide, or ``None``.
        networks: of the objective, by name; trained, moved, saved and restored with the fit.
    """

    model: Any
    guide: Any = None
    networks: Mapping[str, nn.Module] = dataclasses.field(default_factory=dict)

    @property
    def modules(self) -> dict[str, nn.Module]:
        """Everything with weights, by name: ``"model"``, ``"guide"`` if there is one, and the networks."""
        return {"model": self.model} | ({} if self.guide is None else {"guide": self.guide}) | dict(self.networks)


@dataclasses.dataclass(frozen=True, eq=False)
class Step:
    """What a loss is computed from, beside the state: nothing in it changes from step to step but tensors.

    Args:
        model: the model.
        guide: the guide, or ``None``.
        batch: values by site and covariate, [batch, ...] each.
        size: data points in the whole data set.
        schedule: the values of :meth:`Objective.schedule`, [] each in float64: tensors, so that a compiled step need
            not be made anew when they change.
    """

    model: Any
    guide: Any
    batch: Mapping[str, Tensor]
    size: int
    schedule: Mapping[str, Tensor] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Loss:
    """The loss of one player on one batch.

    Args:
        value: differentiable scalar, in nats per datum where it is a density.
        record: named parts, detached scalars in the same unit; they stay on the device.
    """

    value: Tensor
    record: Mapping[str, Tensor] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Player:
    """One player of a step: whose parameters move, by what optimizer, and how often.

    Args:
        name: in the record: ``"critic"`` makes ``critic_loss``.
        modules: whose parameters it moves.
        optimizer: settings of its optimizer where the fit names no other: ``{"betas": (0.5, 0.999)}``.
        every: it moves on every so many-th batch only: 3 for a generator against three steps of its critic, each on a
            batch of its own.
        average: decay of an exponential moving average of its weights, which the fit ends with; ``None`` for none.

    Raises:
        SettingError: on a number out of range.
    """

    name: str
    modules: Sequence[nn.Module]
    optimizer: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    every: int = 1
    average: float | None = None

    def __post_init__(self) -> None:
        whole_number(f"player {self.name!r}: every", self.every, suggested=1)
        if self.average is not None:
            finite_number(f"player {self.name!r}: average", self.average, at_least=0, below=1, suggested=0.999)

    @property
    def parameters(self) -> list[nn.Parameter]:
        """All that it moves; what its modules share appears once."""
        return [p for p in nn.ModuleList(self.modules).parameters() if p.requires_grad]


@dataclasses.dataclass(frozen=True)
class Objective(ABC):
    """What is minimised. On every batch, the players move one after the other.

    A subclass is a frozen dataclass too: its fields are its settings, from which come its name in tables and its entry
    in a run folder. It owns nothing else, so that one objective serves any number of fits; what a fit needs of it, such
    as a critic, is made by :meth:`setup` and lives in the :class:`State` of that fit. Most objectives have one player;
    an adversarial one has two. ``loss`` is all that a subclass must have.

    Example:
        >>> from ppgen.inference import elbo_parts
        >>> @dataclasses.dataclass(frozen=True)
        ... class Tempered(Objective):
        ...     temperature: float = 2.0
        ...     def loss(self, state, player, step):
        ...         parts = elbo_parts(step.model, step.guide, step.batch, step.size)
        ...         return Loss(parts.distortion / self.temperature + parts.rate, parts.record())
        >>> Tempered(4.0).name
        'Tempered(temperature=4)'
    """

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

    def check(self, model: PyroProgram, guide: PyroProgram | None) -> None:  # noqa: B027  (a subclass may have more)
        """Refuse a pair that this objective cannot train; by default, none.

        Args:
            model: the model.
            guide: the guide, if there is one.

        Raises:
            SettingError: naming what is missing and the objective that would fit.
        """

    def check_data(self, model: PyroProgram, data: Dataset) -> None:  # noqa: B027  (a subclass may have more)
        """Refuse data that this objective cannot train on, though the model may run on them; by default, none.

        Args:
            model: the model.
            data: all splits.

        Raises:
            DataError: naming what is missing.
        """

    def training_data(self, model: Any, data: Dataset, device: torch.device, seed: int) -> Dataset:
        """What is trained on: by default the data of the fit.

        Args:
            model: the model, on its device, with all its parameters.
            data: of the fit.
            device: where the model is.
            seed: of the fit.
        """
        return data

    def setup(self, model: Any, guide: Any, batch: Mapping[str, Tensor]) -> State:
        """What one fit of this pair owns; by default the pair alone.

        Args:
            model: the model, on its device, with all its parameters.
            guide: the guide, if there is one; likewise.
            batch: a few rows by site and covariate, [rows, ...] each.

        Raises:
            SettingError: by :meth:`check`.
        """
        self.check(model, guide)
        return State(model, guide)

    def players(self, state: State) -> list[Player]:
        """The players of a step, in order; by default one, who moves model and guide.

        Args:
            state: from :meth:`setup`.
        """
        return [
            Player(type(self).__name__.lower(), [state.model] if state.guide is None else [state.model, state.guide])
        ]

    def schedule(self, position: TrainingPosition) -> dict[str, float]:
        """What changes over training, by name; the loss finds it as tensors in its step.

        Args:
            position: where training stands.
        """
        return {}

    def step(
        self, state: State, batch: Mapping[str, Tensor], size: int, position: TrainingPosition | None = None
    ) -> Step:
        """A batch with what is scheduled for it.

        Args:
            state: from :meth:`setup`.
            batch: values by site and covariate, [batch, ...] each.
            size: data points in the whole data set.
            position: where training stands; default: at the start.
        """
        values = self.schedule(position or TrainingPosition())
        if not isinstance(values, Mapping) or not all(isinstance(x, (int, float)) for x in values.values()):
            raise SettingError(
                f"{self.name}: its schedule gives no numbers by name",
                expected='a dictionary of numbers: {"beta": 0.5}',
                got=repr(values),
                fix='def schedule(self, position): return {"beta": min(1.0, position.epoch / 10)}',
                code="S127",
            )
        device = next(iter(batch.values())).device if values and batch else None
        scheduled = {key: torch.full((), x, dtype=torch.float64, device=device) for key, x in values.items()}
        return Step(state.model, state.guide, batch, size, scheduled)

    @abstractmethod
    def loss(self, state: State, player: str, step: Step) -> Loss:
        """The loss of one player on one batch.

        Args:
            state: from :meth:`setup`.
            player: the name of the player.
            step: the batch, and what is scheduled for it.
        """
