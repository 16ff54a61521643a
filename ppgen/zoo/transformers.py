"""Recipes for models that attend to what was drawn, and for sequences of tokens: exact densities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ppgen.errors import SettingError
from ppgen.zoo.conditioning_choice import conditional
from ppgen.zoo.likelihood_choice import pixel_likelihood_for
from ppgen.zoo.recipe import BuiltRecipe, Recipe

if TYPE_CHECKING:
    from ppgen.data import Dataset

__all__ = ["TRANSFORMERS"]


def _image_transformer(
    data: Dataset,
    hidden: int = 32,
    num_layers: int = 3,
    attention: Any = "local-2d",
    likelihood: str | None = None,
    order: str = "raster",
) -> BuiltRecipe:
    from ppgen import models, objectives

    chosen = pixel_likelihood_for(data, "image-transformer", likelihood)
    model = models.ImageTransformer(
        data.x_shape, hidden, num_layers, attention=attention, likelihood=chosen, order=order
    )
    return BuiltRecipe(model, None, objectives.MaximumLikelihood())


def _token_transformer(data: Dataset, hidden: int = 64, num_layers: int = 2) -> BuiltRecipe:
    from ppgen import models, objectives

    model = models.TokenTransformer(*_room_and_tokens(data, "token-transformer"), hidden, num_layers)
    return BuiltRecipe(model, None, objectives.MaximumLikelihood())


def _token_lstm(data: Dataset, hidden: int = 64, num_layers: int = 1) -> BuiltRecipe:
    from ppgen import models, objectives

    model = models.TokenLSTM(*_room_and_tokens(data, "token-lstm"), hidden, num_layers)
    return BuiltRecipe(model, None, objectives.MaximumLikelihood())


def _room_and_tokens(data: Dataset, name: str) -> tuple[int, int]:
    """For how many tokens the sequences x have room, and how many different ones there are.

    Args:
        data: of sequences of whole numbers [N, T].
        name: of the recipe, for the error text.

    Raises:
        SettingError: for data of another kind.
    """
    column = data.columns.get("x")
    if column is not None and len(column.event_shape) == 1 and column.measure in ("binary", "integer"):
        values = [stored["x"] for stored in data.splits.values() if len(stored["x"])]
        if min(int(part.min()) for part in values) >= 0:
            found = 1 + max(int(part.max()) for part in values)
            return column.event_shape[0], max(2, found, len(column.categories))
    raise SettingError(
        f"{name}: {data.name} holds no sequences of tokens",
        expected="x of whole numbers from 0 on, [N, T], with x_lengths [N] where they differ in length",
        got=", ".join(f"{key} {list(each.event_shape)} ({each})" for key, each in data.columns.items()),
        fix='data={"x": tokens, "x_lengths": lengths}; the recipe image-transformer takes images',
        code="S189",
    )


TRANSFORMERS = (
    Recipe(
        "image-transformer",
        "one pixel after the other, each by attention to those before it; its density is exact",
        "Parmar et al., 2018, Image Transformer",
        conditional(_image_transformer),
        max_epochs=40,
        schedule="cosine",
        patience=8,
        quick={"max_epochs": 10},
    ),
    Recipe(
        "token-transformer",
        "text or codes, one token after the other, by attention to all before; exact density",
        "Radford et al., 2018, Improving Language Understanding by Generative Pre-Training",
        conditional(_token_transformer),
        max_epochs=20,
        schedule="cosine",
        patience=8,
        quick={"max_epochs": 5},
        data="glyphs",
        steps=(("captions", {}),),
    ),
    Recipe(
        "token-lstm",
        "text or codes, one token after the other, by a state that has read those before; exact density",
        "Graves, 2013, Generating Sequences With Recurrent Neural Networks",
        conditional(_token_lstm),
        max_epochs=20,
        schedule="cosine",
        patience=8,
        quick={"max_epochs": 5},
        data="glyphs",
        steps=(("captions", {}),),
    ),
)
