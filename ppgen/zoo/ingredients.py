"""What a recipe is: a name for a model, a guide, an objective and settings that work together."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from torch import nn

    from ppgen.objectives import Objective

__all__ = ["Ingredients", "Recipe"]


class Ingredients(NamedTuple):
    """What a fit is made of, besides the data: ``ppgen.fit(model, guide, data, objective)``."""

    model: nn.Module
    guide: nn.Module | None
    objective: Objective | None


@dataclasses.dataclass(frozen=True)
class Recipe:
    """One model family, ready to be fitted.

    Args:
        name: what ``ppgen fit`` calls it.
        summary: one line for ``ppgen list models``.
        paper: where the idea comes from (authors, year, title).
        build: data set and settings to the ingredients; its keyword arguments are what may be set.
        max_epochs: passes over the training data.
        batch_size: data points a step.
        learning_rate: Adam's step size.
        schedule: its course, ``"constant"`` or ``"cosine"``.
        patience: epochs without a better validation loss before the fit stops; ``None`` for no early stop.
        quick: the settings that ``ppgen demo --quick`` uses instead.
        data: the data set that the settings were chosen on.
        then: what is done to a data set that is given by name, as ``ppgen.data.load(..., then=...)`` takes it.
    """

    name: str
    summary: str
    paper: str
    build: Callable[..., Ingredients]
    max_epochs: int
    batch_size: int = 64
    learning_rate: float = 3e-3
    schedule: str = "constant"
    patience: int | None = 10
    quick: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    data: str = "digits"
    then: tuple[tuple[str, Mapping[str, Any]], ...] = ()

    def settings(self, quick: bool = False) -> dict[str, Any]:
        """Keyword arguments of ``ppgen.fit``.

        Example:
            >>> import ppgen
            >>> sorted(ppgen.zoo.recipe("vae").settings())
            ['batch_size', 'learning_rate', 'max_epochs', 'patience', 'schedule']
        """
        chosen = {
            name: getattr(self, name) for name in ("max_epochs", "batch_size", "learning_rate", "schedule", "patience")
        }
        return chosen | (dict(self.quick) if quick else {})

    @property
    def options(self) -> dict[str, Any]:
        """What :func:`ppgen.zoo.build` lets you set, with the defaults."""
        parameters = list(inspect.signature(self.build).parameters.values())[1:]
        return {parameter.name: parameter.default for parameter in parameters}
