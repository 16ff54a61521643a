"""The option ``condition`` of autoregressive recipes: the same network, told a covariate."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ppgen.zoo.recipe import BuiltRecipe, number_of

if TYPE_CHECKING:
    from ppgen.data import Dataset

__all__ = ["conditional"]


def conditional(build: Callable[..., BuiltRecipe]) -> Callable[..., BuiltRecipe]:
    """A recipe with a further option ``condition``: the name of what the model is told, ``"y"``.

    The model is then :class:`ppgen.models.ConditionalAutoregressive` of the recipe's own network, made again with a
    context: p(x | y).

    Args:
        build: makes an autoregressive model with one ``network``, a ``likelihood`` and an ``order``.
    """

    @functools.wraps(build)
    def built(data: Dataset, condition: str | None = None, **options: Any) -> BuiltRecipe:
        made = build(data, **options)
        if condition is None:
            return made
        from ppgen import models

        plain: Any = made.model
        told = {**plain.network.constructor_arguments, "context_dim": number_of(data, condition)}
        network, order = type(plain.network)(**told), plain.constructor_arguments["order"]
        return made._replace(model=models.ConditionalAutoregressive(data.x_shape, network, plain.likelihood, order))

    plain = inspect.signature(build)
    option = inspect.Parameter("condition", inspect.Parameter.KEYWORD_ONLY, default=None)
    built.__signature__ = plain.replace(parameters=[*plain.parameters.values(), option])  # type: ignore[attr-defined]
    return built
