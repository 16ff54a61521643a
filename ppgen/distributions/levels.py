"""Distributions over the levels of a grid: a logistic whose bins are integrated, and one probability for each level."""

from __future__ import annotations

__all__ = ["DiscretizedLogistic", "LevelCategorical", "Levels"]

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from pyro.distributions.torch_distribution import TorchDistribution
from torch import Tensor
from torch.distributions import constraints
from torch.nn.functional import logsigmoid

from ppgen.arguments import finite_number, whole_number

_TOGETHER = 16  # levels whose probabilities are summed in one go: bounds the memory of a mean


class Levels(constraints.Constraint):
    """The support of both: the values ``k * white / (levels - 1)`` for ``k = 0 .. levels - 1``.

    Args:
        levels: how many there are, at least 2.
        white: the highest; 1 for pixels that were divided by 255, 255 for pixels as they are stored.

    Example:
        >>> Levels(256, 1.0).check(torch.tensor([51 / 255, 0.21]))
        tensor([ True, False])
    """

    is_discrete = True

    def __init__(self, levels: int, white: float) -> None:
        self.levels = whole_number("Levels: levels", levels, at_least=2)
        self.white = finite_number("Levels: white", white, above=0.0, suggested=1.0)
        self.step = self.white / (self.levels - 1)
        super().__init__()

    def check(self, value: Tensor) -> Tensor:
        """Whether each value [*shape] is one of the levels, up to the rounding of a division: [*shape] of bools."""
        place = value / self.step
        near = (place - place.round()).abs() < 1e-2
        return near & (place > -0.5) & (place < self.levels - 0.5)

    def index(self, value: Tensor) -> Tensor:
        """Which level each value [*shape] is, as floats: 0 to ``levels - 1``."""
        return (value / self.step).round()

    def value(self, index: Tensor) -> Tensor:
        """The levels of some indices [*shape]; a division, as that of stored pixels is, so that both agree in bits."""
        return index if self.step == 1.0 else index / ((self.levels - 1) / self.white)

    def entropy(self, fn: TorchDistribution) -> Tensor:
        """``-sum_k p_k log p_k`` in nats of one number on these levels, ``[*batch_shape]``.

        Args:
            fn: its distribution; an event of one number may have a dim.
        """
        index = torch.arange(self.levels).reshape(-1, *(1 for _ in fn.batch_shape + fn.event_shape))
        return torch.special.entr(fn.log_prob(self.value(index.to(torch.get_default_dtype()))).exp()).sum(0)

    def __repr__(self) -> str:
        return f"the {self.levels} levels k * {self.white:g} / {self.levels - 1}"


class _OnLevels(TorchDistribution):
    """What both share: independent values of one number each, on the levels of a grid."""

    arg_constraints: ClassVar[dict[str, Any]] = {}
    has_rsample = False
    grid: Levels

    @property
    def support(self) -> Any:
        """The levels of the grid."""
        return self.grid

    def entropy(self) -> Tensor:
        """``-sum_k P(x = level k) log P(x = level k)`` in nats, ``[*batch_shape]``."""
        return self.grid.entropy(self)


class DiscretizedLogistic(_OnLevels):
    """A logistic distribution of which only the nearest level of a grid is seen; the lowest and highest bin are open.

    ``P(x = v) = F((v + h - loc) / scale) - F((v - h - loc) / scale)`` with the logistic F and half a step h; below the
    lowest level and above the highest, everything counts to these. So the probabilities of all levels sum to 1, with
    no renormalisation, and black and white can be certain.

    It is computed as ``log F(b) + log F(-a) + log(1 - exp(a - b))``, which is exact for every a < b: the tails need
    neither a clamp nor the density in place of the mass.

    Reference: D. Kingma et al., "Improved variational inference with inverse autoregressive flow", 2016 (arXiv
    1606.04934); T. Salimans et al., "PixelCNN++", 2017 (arXiv 1701.05517).

    Args:
        loc: where the logistic lies, ``[*batch]``, in the units of the values.
        scale: of the logistic, positive; broadcasts against ``loc``.
        levels: of the grid, at least 2.
        white: the highest level; the lowest is 0.

    Example:
        >>> grey = DiscretizedLogistic(torch.tensor(0.3), torch.tensor(0.05))
        >>> grey.log_prob(torch.arange(256) / 255).exp().sum().round(decimals=4)
        tensor(1.)
    """

    def __init__(
        self, loc: Tensor, scale: Tensor, levels: int = 256, white: float = 1.0, validate_args: bool | None = None
    ) -> None:
        self.loc, self.scale = torch.broadcast_tensors(loc, scale)
        self.grid = Levels(levels, white)
        super().__init__(self.loc.shape, torch.Size(), validate_args=validate_args)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> DiscretizedLogistic:
        """The same distribution, independently for each element of a batch.

        Args:
            batch_shape: of the result.
            _instance: not used; torch has it for subclasses.
        """
        shape = torch.Size(batch_shape)
        loc, scale = self.loc.expand(shape), self.scale.expand(shape)
        return DiscretizedLogistic(loc, scale, self.grid.levels, self.grid.white, validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-probabilities in nats of levels ``[*shape]``, which broadcast against ``batch_shape``."""
        if self._validate_args:
            self._validate_sample(value)
        index = self.grid.index(value)
        # The end that two bins share is the same float in both, so that narrow scales lose nothing between them.
        from_below = logsigmoid(((index + 0.5) * self.grid.step - self.loc) / self.scale)
        from_above = logsigmoid((self.loc - (index - 0.5) * self.grid.step) / self.scale)
        within = from_below + from_above + _log_one_minus_exp(self.grid.step, self.scale)
        return torch.where(index == 0, from_below, torch.where(index == self.grid.levels - 1, from_above, within))

    @torch.no_grad()
    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Levels ``[*sample_shape, *batch_shape]``: the one nearest to a draw of the logistic, whose tails are open."""
        shape = self._extended_shape(torch.Size(sample_shape))
        drawn = torch.rand(shape, dtype=self.loc.dtype, device=self.loc.device)
        index = self.grid.index(self.loc + self.scale * drawn.logit(torch.finfo(drawn.dtype).tiny))
        return self.grid.value(index.clamp(0, self.grid.levels - 1))

    @property
    def mean(self) -> Tensor:
        """The mean ``step * sum_k P(x >= level k)``, ``[*batch_shape]``."""
        ends = (torch.arange(1, self.grid.levels, device=self.loc.device) - 0.5).to(self.loc.dtype) * self.grid.step
        total = torch.zeros_like(self.loc)
        for few in ends.split(_TOGETHER):
            total = total + ((self.loc.unsqueeze(-1) - few) / self.scale.unsqueeze(-1)).sigmoid().sum(-1)
        return total * self.grid.step


def _log_one_minus_exp(step: float, scale: Tensor) -> Tensor:
    """``log(1 - exp(-step / scale))``; where that ratio is no normal float it is its logarithm, gradient and all."""
    is_flat = step / scale < torch.finfo(scale.dtype).tiny
    usual = (-torch.expm1(-step / scale.masked_fill(is_flat, 1.0))).log()
    return torch.where(is_flat, math.log(step) - scale.log(), usual)


class LevelCategorical(_OnLevels):
    """One probability for each level of a grid, ``P(x = level k) = softmax(logits)_k``: that 17 is near 18 is learnt.

    Args:
        logits: ``[*batch, levels]``.
        white: the highest level; the lowest is 0.

    Example:
        >>> LevelCategorical(torch.zeros(5, 256)).log_prob(torch.full((5,), 17 / 255)).exp()
        tensor([0.0039, 0.0039, 0.0039, 0.0039, 0.0039])
    """

    def __init__(self, logits: Tensor, white: float = 1.0, validate_args: bool | None = None) -> None:
        self.logits = logits.log_softmax(-1)
        self.grid = Levels(logits.shape[-1], white)
        super().__init__(logits.shape[:-1], torch.Size(), validate_args=validate_args)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> LevelCategorical:
        """The same distribution, independently for each element of a batch.

        Args:
            batch_shape: of the result.
            _instance: not used; torch has it for subclasses.
        """
        return LevelCategorical(self.logits.expand(*batch_shape, -1), self.grid.white, validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-probabilities in nats of levels ``[*shape]``, which broadcast against ``batch_shape``."""
        if self._validate_args:
            self._validate_sample(value)
        index, logits = self.grid.index(value).long().unsqueeze(-1), self.logits
        shape = torch.broadcast_shapes(index.shape[:-1], logits.shape[:-1])
        return logits.expand(*shape, -1).gather(-1, index.expand(*shape, 1)).squeeze(-1)

    @torch.no_grad()
    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Levels ``[*sample_shape, *batch_shape]``."""
        drawn = torch.distributions.Categorical(logits=self.logits).sample(torch.Size(sample_shape))
        return self.grid.value(drawn.to(self.logits.dtype))

    @property
    def mean(self) -> Tensor:
        """The mean ``sum_k P(x = level k) level_k``, ``[*batch_shape]``."""
        levels = torch.arange(self.grid.levels, device=self.logits.device).to(self.logits.dtype)
        return self.logits.exp() @ self.grid.value(levels)
