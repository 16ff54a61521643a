"""What recipes of networks over pixels share that are so many layers of so many channels."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ppgen.zoo.conditioning_choice import conditional
from ppgen.zoo.likelihood_choice import pixel_likelihood_for
from ppgen.zoo.recipe import BuiltRecipe

if TYPE_CHECKING:
    from ppgen.data import Dataset

__all__ = ["stacked"]


def stacked(name: str, model: str, channels: int, layers: int) -> Callable[..., BuiltRecipe]:
    """The ``build`` of a recipe, which may be told a covariate.

    Args:
        name: of the recipe, for error texts.
        model: the class in ``ppgen.models``, by name: recipes are listed without an import of torch.
        channels: ``hidden`` by default.
        layers: ``num_layers`` by default.
    """

    def build(
        data: Dataset,
        hidden: int = channels,
        num_layers: int = layers,
        likelihood: str | None = None,
        order: str = "raster",
    ) -> BuiltRecipe:
        from ppgen import models, objectives

        kind: Any = getattr(models, model)
        chosen = pixel_likelihood_for(data, name, likelihood)
        made = kind(data.x_shape, hidden=hidden, num_layers=num_layers, likelihood=chosen, order=order)
        return BuiltRecipe(made, None, objectives.MaximumLikelihood())

    return conditional(build)
