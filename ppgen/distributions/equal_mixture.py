"""A mixture whose components all weigh the same."""

from __future__ import annotations

__all__ = ["EqualMixture"]

import copy
import math
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from pyro.distributions.torch_distribution import TorchDistribution
from torch import Tensor
from torch.distributions import Normal


class EqualMixture(TorchDistribution):
    """``p(z) = 1/K sum_k components_k(z)``: which component a draw comes from is pure chance.

    Because the weights are constants, a draw from a component drawn at random has a pathwise gradient, which a
    mixture with learned weights has not. The components are shared by all elements of a batch, never copied.

    Args:
        components: batch shape ``[K]``; any event shape.

    Shapes:
        batch_shape is ``()`` until expanded; the event shape is the components'.

    Example:
        >>> import pyro.distributions as dist
        >>> mixture = EqualMixture(dist.Normal(torch.tensor([[-1.0], [1.0]]), 1.0).to_event(1))
        >>> mixture.expand([3]).sample().shape
        torch.Size([3, 1])
    """

    arg_constraints: ClassVar[dict[str, Any]] = {}

    def __init__(self, components: Any, validate_args: bool | None = None) -> None:
        (self.num_components,) = components.batch_shape
        self.components, self.has_rsample = components, components.has_rsample
        super().__init__(torch.Size(), components.event_shape, validate_args=validate_args)

    @property
    def support(self) -> Any:
        """The components' support."""
        return self.components.support

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> EqualMixture:
        """The same distribution, independently for each element of a batch.

        Args:
            batch_shape: of the result.
            _instance: not used; torch has it for subclasses.
        """
        new = copy.copy(self)
        new._batch_shape = torch.Size(batch_shape)
        return new

    def log_prob(self, value: Tensor) -> Tensor:
        """``logsumexp_k log components_k(value) - log K``, in nats: ``[*shape]`` for values ``[*shape, *event]``."""
        if self._validate_args:
            self._validate_sample(value)
        event_dim = len(self.event_shape)
        batch = torch.broadcast_shapes(value.shape[: value.dim() - event_dim], self.batch_shape)
        normal = getattr(self.components, "base_dist", None)
        if isinstance(normal, Normal) and normal.loc.dim() == 2:
            each = _normal_log_probs(value, normal.loc, normal.scale)
        else:
            each = self.components.log_prob(value.unsqueeze(-1 - event_dim))
        return (each.logsumexp(-1) - math.log(self.num_components)).expand(batch)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draws ``[*sample_shape, *batch_shape, *event_shape]``, each from a component drawn at random."""
        shape = self._extended_shape(torch.Size(sample_shape))
        count = shape[: len(shape) - len(self.event_shape)].numel()
        which = torch.randint(self.num_components, (count,))
        rank = _rank_among_equals(which)
        draws = self.components.rsample((int(rank.max()) + 1 if count else 0,))  # as many as the commonest one needs
        return draws[rank.to(draws.device), which.to(draws.device)].reshape(shape)

    @property
    def mean(self) -> Tensor:
        """The mean of the components' means, ``[*batch_shape, *event_shape]``."""
        return self.components.mean.mean(0).expand(self.batch_shape + self.event_shape)


def _normal_log_probs(z: Tensor, loc: Tensor, scale: Tensor) -> Tensor:
    """``log Normal(z; loc_k, scale_k)`` ``[*shape, K]`` of values ``[*shape, dim]``, for loc and scale ``[K, dim]``.

    ``(z - m)^2 p = z^2 p - 2 z m p + m^2 p`` makes matrix products of what would be a tensor ``[*shape, K, dim]``: a
    tenth of the time for 500 components. The three terms cancel, which float64 can bear and float32 cannot.
    """
    wide, loc, precision = z.double(), loc.double(), scale.double().square().reciprocal()
    squares = wide.square() @ precision.T - 2.0 * wide @ (loc * precision).T + (loc.square() * precision).sum(-1)
    constant = scale.log().sum(-1) + 0.5 * z.shape[-1] * math.log(2.0 * math.pi)
    return (-0.5 * squares - constant).to(z.dtype)


def _rank_among_equals(which: Tensor) -> Tensor:
    """For each entry, how many equal ones stand before it: ``[2, 5, 2, 2] -> [0, 0, 1, 2]``."""
    ordered, order = which.sort(stable=True)
    rank = torch.arange(len(which), device=which.device) - torch.searchsorted(ordered, ordered)
    return torch.empty_like(which).scatter(0, order, rank)
