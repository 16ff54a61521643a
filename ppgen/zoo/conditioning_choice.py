"""The option ``condition`` of autoregressive recipes: the same network, told a covariate."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ppgen.zoo.recipe import BuiltRecipe, reader_of

if TYPE_CHECKING:
    from ppgen.data import Dataset

__all__ = ["conditional"]


def conditional(build: Callable[..., BuiltRecipe]) -> Callable[..., BuiltRecipe]:
    """A recipe with a further option ``condition``: the name of what the model is told, ``"y"``.

    The model is then :class:`ppgen.models.ConditionalAutoregressive`, of tokens
    :class:`ppgen.models.ConditionalTokens`. Its network is the recipe's own, made again with a context: p(x | y).

    What else the recipe's model is made with, such as its likelihood and its order, this one is made with as well.

    Args:
        build: makes an autoregressive model with one ``network``.
    """

    @functools.wraps(build)
    def built(data: Dataset, condition: str | None = None, **options: Any) -> BuiltRecipe:
        made = build(data, **options)
        if condition is None:
            return made
        from ppgen import models, nets

        plain: Any = made.model
        size, reader = reader_of(data, condition)
        network = _told(plain.network, size)
        if isinstance(network, nets.CausalTokenNetwork):
            return made._replace(model=models.ConditionalTokens(network, reader()))
        taken = {"likelihood", "order", "num_components"} - network.constructor_arguments.keys()
        shared = {name: value for name, value in plain.constructor_arguments.items() if name in taken}
        model = models.ConditionalAutoregressive(data.x_shape, network, **shared, context=reader())
        return made._replace(model=model)

    plain = inspect.signature(build)
    option = inspect.Parameter("condition", inspect.Parameter.KEYWORD_ONLY, default=None)
    built.__signature__ = plain.replace(parameters=[*plain.parameters.values(), option])  # type: ignore[attr-defined]
    return built


def _told(network: Any, size: int) -> Any:
    """The network made again, with a context of so many numbers: its own, or that of the network inside it."""
    arguments = network.constructor_arguments
    inner = {name: _told(each, size) for name, each in arguments.items() if hasattr(each, "constructor_arguments")}
    return type(network)(**{**arguments, **(inner or {"context_dim": size})})
