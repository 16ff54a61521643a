"""What a recipe is: a name for a model, a guide, an objective and settings that work together."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

from ppgen.errors import SettingError

if TYPE_CHECKING:
    from torch import nn

    from ppgen.data import Dataset
    from ppgen.objectives import Objective

__all__ = ["BuiltRecipe", "Recipe", "num_classes_of", "number_of", "reader_of"]

_TEXT = 32


def num_classes_of(data: Dataset, name: str) -> int:
    """How many classes the labels ``y`` have.

    Args:
        data: with labels.
        name: the recipe that asks for them.

    Raises:
        SettingError: if there are none.
    """
    if "y" in data.num_classes:
        return data.num_classes["y"]
    raise SettingError(
        f"{name}: {data.name} has no class labels",
        expected="an integer covariate y beside x",
        got=", ".join(data.keys),
        fix='data={"x": x, "y": y}, or the recipe vae, which needs no labels',
        code="S125",
    )


def number_of(data: Dataset, condition: str) -> int:
    """How many numbers a network is told by a covariate: a number for each class, else what a datum has.

    Args:
        data: with that covariate.
        condition: its name.

    Raises:
        SettingError: if there is none.
    """
    if condition == "y" and condition in data.keys:
        return data.num_classes.get(condition) or prod(data.split("train")[condition].shape[1:])
    raise SettingError(
        f"condition: {data.name} has no covariate of that name that a model can be told",
        expected="y, class labels or numbers beside x" + ("" if "y" in data.keys else ", which these data lack"),
        got=f"condition={condition!r}, of {', '.join(data.keys)}",
        fix=f'columns=["{condition}"] (of ppgen.data.attributes) makes it y; condition="y"'
        if condition in data.keys
        else 'data={"x": x, "y": y}, condition="y"',
        code="S202",
    )


def reader_of(data: Dataset, condition: str) -> tuple[int, Callable[[], Any]]:
    """How many numbers a network is told by a covariate, and what makes them of it.

    Args:
        data: with that covariate.
        condition: its name.

    Returns:
        The number; and of text, what makes a network that reads it; else what gives ``None``.

    Raises:
        SettingError: if there is none.
    """
    column = data.columns.get(condition) if condition == "y" else None
    if column is None or not column.is_text:
        return number_of(data, condition), lambda: None
    from ppgen import nets

    vocabulary_size = len(column.categories)
    return _TEXT, lambda: nets.TextContext(vocabulary_size, _TEXT)


class BuiltRecipe(NamedTuple):
    """What a fit is made of, besides the data: ``ppgen.fit(model, data, guide=guide, objective=objective)``."""

    model: nn.Module
    guide: nn.Module | None
    objective: Objective


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
        average: decay of a moving average of the weights, which the fit ends with; ``None`` for none.
        patience: epochs without a better validation loss before the fit stops; ``None`` for no early stop.
        demo: the settings that ``ppgen demo`` uses instead, on larger images and with a few minutes for all its models.
        quick: those that ``ppgen demo --quick`` uses instead.
        demo_options: what ``build`` is given in the demo.
        data: the data set that the settings were chosen on.
        binarize: of a data set given by its name, as ``ppgen.data.load`` takes it.
        steps: taken after loading a data set by its name, as ``ppgen.data.load(..., steps=...)`` takes them.
        reads_domains: whether it is fitted to unpaired domains, and not to one x.
    """

    name: str
    summary: str
    paper: str
    build: Callable[..., BuiltRecipe]
    max_epochs: int
    batch_size: int = 64
    learning_rate: float = 3e-3
    schedule: str = "constant"
    average: float | None = None
    patience: int | None = 10
    demo: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    quick: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    demo_options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    data: str = "digits"
    binarize: str | None = "default"
    steps: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    reads_domains: bool = False

    def settings(self) -> dict[str, Any]:
        """Keyword arguments of ``ppgen.fit``.

        Example:
            >>> import ppgen
            >>> sorted(ppgen.zoo.recipe("vae").settings())
            ['average', 'batch_size', 'learning_rate', 'max_epochs', 'patience', 'schedule']
        """
        names = ("max_epochs", "batch_size", "learning_rate", "schedule", "average", "patience")
        return {name: getattr(self, name) for name in names}

    def demo_settings(self, quick: bool) -> dict[str, Any]:
        """Keyword arguments of ``ppgen.fit`` in the demo.

        Args:
            quick: whether it is the short one.
        """
        return self.settings() | dict(self.demo) | (dict(self.quick) if quick else {})

    @property
    def options(self) -> dict[str, Any]:
        """What :func:`ppgen.zoo.build` lets you set, with the defaults."""
        _, *settings = inspect.signature(self.build).parameters.values()
        return {setting.name: setting.default for setting in settings}
