"""Parameters that get no gradient for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

__all__ = ["frozen"]


@contextmanager
def frozen(*modules: object) -> Iterator[None]:
    """No gradients for the parameters of these modules within the block; gradients pass through them all the same.

    A graph that was built before the block keeps its own gradients. What is no module has no parameters.
    """
    parameters = [
        parameter
        for module in modules
        if isinstance(module, nn.Module)
        for parameter in module.parameters()
        if parameter.requires_grad
    ]
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)
