"""Training mode for what is trained: a network that is frozen as a whole stays as it is evaluated."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

__all__ = ["begin_training"]


def begin_training(modules: Mapping[str, nn.Module]) -> None:
    """Put modules into training mode, but for those none of whose parameters is trained.

    A guide that is fitted to a frozen model approximates the posterior of the model as it is used: without its dropout,
    and without a step of its running statistics.

    Args:
        modules: by role, of a fit.
    """
    for module in modules.values():
        parameters = list(module.parameters())
        module.train(not parameters or any(parameter.requires_grad for parameter in parameters))
