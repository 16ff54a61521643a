"""Networks that tell real data from generated data."""

from __future__ import annotations

__all__ = ["Critic", "critic"]

from collections.abc import Sequence

from torch import Tensor, nn

from ppgen.nets.encoders import encoder
from ppgen.nets.recorded import Recorded


def critic(x_shape: Sequence[int], hidden: Sequence[int] | None = None, features: int = 128) -> Critic:
    """A critic of events of one shape: convolutions for images, a perceptron for vectors.

    Args:
        x_shape: shape of one event.
        hidden: widths of the stages (image) or layers (vector); by default chosen from ``x_shape``.
        features: width of the last hidden layer.

    Returns:
        A module ``[*batch, *x_shape] -> [*batch]``, logits.

    Example:
        >>> import torch
        >>> critic((1, 8, 8))(torch.zeros(5, 1, 8, 8)).shape
        torch.Size([5])
    """
    return Critic(encoder(x_shape, features, hidden, activation=leaky), features)


class Critic(Recorded):
    """One logit per event: ``sigmoid(critic(x))`` is the probability that x is real.

    It has no batch normalisation, so that the logit of an event never depends on its neighbours in the batch.

    Args:
        body: a module ``[*batch, *x_shape] -> [*batch, features]``.
        features: how many features ``body`` returns.

    Shapes:
        ``[*batch, *x_shape] -> [*batch]``
    """

    def __init__(self, body: nn.Module, features: int) -> None:
        super().__init__()
        self.body = body
        self.head = nn.Linear(features, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``[*batch]`` of events ``[*batch, *x_shape]``."""
        return self.head(self.body(x)).squeeze(-1)


def leaky() -> nn.Module:
    """Units with a slope of 0.2 below zero: a critic that is sure of itself must still pass a gradient on."""
    return nn.LeakyReLU(0.2)
