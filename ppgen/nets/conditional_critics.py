"""Critics of pairs of an event and what was asked for: by its side, or by a projection."""

from __future__ import annotations

__all__ = ["JoiningCritic", "ProjectionCritic"]

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ppgen.arguments import Recorded
from ppgen.checked import checked
from ppgen.nets.contexts import as_context
from ppgen.nets.encoders import encoder, leaky
from ppgen.nets.spectral_norms import with_spectral_norms


class _ConditionalCritic(Recorded):
    """What both have: a covariate ``y``, read by a network of the critic's own where it is no label and no numbers."""

    context: nn.Module | None
    context_dim: int

    def read(self, x: Tensor, y: Tensor) -> Tensor:
        """What was asked for as a vector, ``[batch, context_dim]``."""
        return as_context(y, self.context_dim).to(x.dtype) if self.context is None else self.context(y)


class ProjectionCritic(_ConditionalCritic):
    """``c(x, y) = w . f(x) + (V y) . f(x) + b``: is x like data, and does what is seen in it agree with y.

    The log-ratio of two joint densities is such a sum wherever both log p(y | x) are linear in common features.

    Reference: T. Miyato and M. Koyama, "cGANs with projection discriminator", 2018 (arXiv 1802.05637).

    Args:
        x_shape: shape of one event.
        context_dim: number of classes, or of the numbers in ``y``, or the size of what ``context`` returns.
        hidden: widths of the stages (image) or layers (vector); by default chosen from ``x_shape``.
        features: size of f(x).
        spectral: whether every layer is divided by its spectral norm.
        context: a network from y to ``[batch, context_dim]``, such as ``TextContext``; by default none.

    Shapes:
        ``[batch, *x_shape], y -> [batch]``

    Example:
        >>> ProjectionCritic((1, 8, 8), context_dim=10)(torch.zeros(5, 1, 8, 8), torch.arange(5)).shape
        torch.Size([5])
    """

    @checked
    def __init__(
        self,
        x_shape: Sequence[int],
        context_dim: int = 10,
        hidden: Sequence[int] | None = None,
        features: int = 128,
        spectral: bool = False,
        context: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.context_dim, self.context = context_dim, context
        self.body = encoder(x_shape, features, hidden, activation=leaky)
        self.head = nn.Linear(features, 1)
        self.projection = nn.Linear(context_dim, features, bias=False)
        if spectral:
            with_spectral_norms(self)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Scores ``[batch]`` of events, told what each was to be."""
        seen = self.body(x)
        return self.head(seen).squeeze(-1) + (self.projection(self.read(x, y)) * seen).sum(-1)


class JoiningCritic(_ConditionalCritic):
    """``c(x, y)`` of both side by side: beside an image, every number of y is a plane of its own.

    Reference: M. Mirza and S. Osindero, "Conditional generative adversarial nets", 2014 (arXiv 1411.1784).

    Args:
        x_shape: shape of one event.
        context_dim: number of classes, or of the numbers in ``y``, or the size of what ``context`` returns.
        hidden: widths of the stages (image) or layers (vector); by default chosen from ``x_shape``.
        features: width of the last hidden layer.
        spectral: whether every layer is divided by its spectral norm.
        context: a network from y to ``[batch, context_dim]``, such as ``TextContext``; by default none.

    Shapes:
        ``[batch, *x_shape], y -> [batch]``

    Example:
        >>> JoiningCritic((2,), context_dim=3)(torch.zeros(5, 2), torch.rand(5, 3)).shape
        torch.Size([5])
    """

    @checked
    def __init__(
        self,
        x_shape: Sequence[int],
        context_dim: int = 10,
        hidden: Sequence[int] | None = None,
        features: int = 128,
        spectral: bool = False,
        context: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.context_dim, self.context = context_dim, context
        first, *rest = tuple(x_shape) or (1,)
        self.body = encoder((first + context_dim, *rest), features, hidden, activation=leaky)
        self.head = nn.Linear(features, 1)
        if spectral:
            with_spectral_norms(self)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Scores ``[batch]`` of events, told what each was to be."""
        told = self.read(x, y)
        planes = told.reshape(*told.shape, *(1,) * (x.dim() - 2)).expand(*told.shape, *x.shape[2:])
        return self.head(self.body(torch.cat([x, planes], dim=1))).squeeze(-1)
