"""Likelihoods: from what a decoder says of each value to the distribution of the data, one class a family.

A model takes one as an argument, ``VAE(x_shape, likelihood=...)``, and :func:`likelihood_for` finds the one that the
kind and measure of a column ask for.
"""

from __future__ import annotations

__all__ = [
    "BernoulliLikelihood",
    "CategoricalLikelihood",
    "ContinuousBernoulliLikelihood",
    "DiscretizedLogisticLikelihood",
    "GaussianLikelihood",
    "Likelihood",
    "NegativeBinomialLikelihood",
]

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import pyro.distributions as dist
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from ppgen.arguments import Recorded, finite_number, whole_number
from ppgen.distributions.levels import DiscretizedLogistic, LevelCategorical

_ONE = math.log(math.expm1(1.0))  # softplus of it is 1
_SMALLEST = 1e-3


class Likelihood(Recorded):
    """``p(x | h)``: values that are independent of each other, given one number (or a few) for each from a decoder.

    A subclass says by ``per_value`` how many numbers that is, and makes a distribution of them in ``of``.

    Args:
        x_shape: shape of one data point; ``()`` for a single number.

    Shapes:
        ``[*batch, *self.shape] -> batch shape [*batch], event shape x_shape``
    """

    family: ClassVar[str] = ""
    takes_logits: ClassVar[bool] = False  # so that all of them, divided by a temperature, are the family at it

    def __init__(self, x_shape: Sequence[int]) -> None:
        super().__init__()
        self.x_shape = tuple(x_shape)

    @property
    def per_value(self) -> int:
        """How many numbers each value takes."""
        return 1

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of what a decoder has to give: that of the data, the first dim ``per_value`` times as long."""
        if self.per_value == 1:
            return self.x_shape
        first, *rest = self.x_shape or (1,)
        return (first * self.per_value, *rest)

    def of(self, h: Tensor) -> Any:
        """The distribution of each value, its batch shape ``[*batch, *x_shape]``.

        Args:
            h: ``[*batch, *x_shape]``; ``[*batch, *x_shape, per_value]`` where that is more than one.
        """
        raise NotImplementedError("a subclass says which distribution")

    def sharpened(self, h: Tensor, temperature: float) -> Tensor | None:
        """The parameters of the same family at a temperature, or None where it has none.

        Args:
            h: ``[*batch, *self.shape]``.
            temperature: above 0.
        """
        return h / temperature if self.takes_logits else None

    def start_at(self, x: Tensor) -> None:
        """Begin in the units of the data; by default there is nothing to begin at.

        Args:
            x: training data, ``[N, *x_shape]``.
        """

    def forward(self, h: Tensor) -> Any:
        """The distribution of a data point, for what a decoder says of it.

        Args:
            h: ``[*batch, *self.shape]``.
        """
        if self.per_value > 1:
            h = self._with_numbers_last(h)
        return self.of(h).to_event(len(self.x_shape))

    def _with_numbers_last(self, h: Tensor) -> Tensor:
        batch = h.shape[: h.dim() - len(self.shape)]
        first, *rest = self.x_shape or (1,)
        parted = h.reshape(*batch, first, self.per_value, *rest).movedim(len(batch) + 1, -1)
        return parted.reshape(*batch, *self.x_shape, self.per_value)

    def __str__(self) -> str:
        return self.family.replace("-", " ")


class BernoulliLikelihood(Likelihood):
    """Zeros and ones, ``P(x = 1) = sigmoid(h)``; it has no parameters of its own.

    Args:
        x_shape: shape of one data point.

    Example:
        >>> BernoulliLikelihood((1, 2, 2))(torch.zeros(3, 1, 2, 2)).log_prob(torch.ones(3, 1, 2, 2)).exp()
        tensor([0.0625, 0.0625, 0.0625])
    """

    family = "bernoulli"
    takes_logits = True

    def of(self, h: Tensor) -> Any:
        """Bernoulli with logits ``[*batch, *x_shape]``."""
        return dist.Bernoulli(logits=h)


class ContinuousBernoulliLikelihood(Likelihood):
    """Real numbers in [0, 1], with density ``C(h) sigmoid(h)^x (1 - sigmoid(h))^(1 - x)``.

    Reference: G. Loaiza-Ganem and J. Cunningham, "The continuous Bernoulli: fixing a pervasive error in variational
    autoencoders", 2019 (arXiv 1907.06845).

    Args:
        x_shape: shape of one data point.

    Example:
        >>> ContinuousBernoulliLikelihood(())(torch.zeros(3)).log_prob(torch.tensor([0.0, 0.3, 1.0])).exp()
        tensor([1., 1., 1.])
    """

    family = "continuous-bernoulli"

    def of(self, h: Tensor) -> Any:
        """Continuous Bernoulli with logits ``[*batch, *x_shape]``."""
        return dist.ContinuousBernoulli(logits=h)


class DiscretizedLogisticLikelihood(Likelihood):
    """The levels of a grid, by a logistic around ``white (h + 1/2)`` with a scale that is learned for each value.

    See :class:`ppgen.distributions.DiscretizedLogistic`.

    Args:
        x_shape: shape of one data point.
        levels: of the grid; 256 for pixels of 8 bits.
        white: the highest level.

    Example:
        >>> grey = DiscretizedLogisticLikelihood((1,))(torch.zeros(256, 1))
        >>> grey.log_prob(torch.arange(256).unsqueeze(1) / 255).exp().sum().round(decimals=4)
        tensor(1., grad_fn=<RoundBackward1>)
    """

    family = "discretized-logistic"

    def __init__(self, x_shape: Sequence[int], levels: int = 256, white: float = 1.0) -> None:
        super().__init__(x_shape)
        self.levels = whole_number("DiscretizedLogisticLikelihood: levels", levels, at_least=2)
        self.white = finite_number("DiscretizedLogisticLikelihood: white", white, above=0.0, suggested=1.0)
        self.log_scale = nn.Parameter(torch.full(self.x_shape, math.log(0.1)))

    def of(self, h: Tensor) -> Any:
        """Discretized logistic at locations ``white (h + 1/2)``, h of shape ``[*batch, *x_shape]``."""
        # A scale of a hundredth of a step is certainty already; below it, gradients would only overflow.
        scale = self.white * (self.log_scale.exp() + 0.01 / (self.levels - 1))
        return DiscretizedLogistic(self.white * (h + 0.5), scale, self.levels, self.white)


class CategoricalLikelihood(Likelihood):
    """One logit for each of ``levels`` classes, or for each level of a grid, of each value.

    Args:
        x_shape: shape of one data point.
        levels: how many there are.
        white: the highest level of a grid, whose lowest is 0; ``None`` for classes ``0 .. levels - 1``, which have no
            mean.

    Example:
        >>> CategoricalLikelihood((3, 8, 8), levels=256, white=1.0).shape
        (768, 8, 8)
    """

    family = "categorical"
    takes_logits = True

    def __init__(self, x_shape: Sequence[int], levels: int = 256, white: float | None = None) -> None:
        super().__init__(x_shape)
        self.levels, self.white = whole_number("CategoricalLikelihood: levels", levels, at_least=2), white

    @property
    def per_value(self) -> int:
        """A logit for each level."""
        return self.levels

    def of(self, h: Tensor) -> Any:
        """Categorical with logits ``[*batch, *x_shape, levels]``."""
        return dist.Categorical(logits=h) if self.white is None else LevelCategorical(h, self.white)


class GaussianLikelihood(Likelihood):
    """Real numbers around ``center + spread h``, with a standard deviation that is learned for each value.

    Center and spread are the units in which the decoder speaks: 0 and 1, or those of the data after ``start_at``.

    Args:
        x_shape: shape of one data point.

    Example:
        >>> heights = GaussianLikelihood((2,))
        >>> heights.start_at(torch.tensor([[150.0, 1.0], [190.0, 3.0]]))
        >>> heights(torch.zeros(1, 2)).mean
        tensor([[170.,   2.]])
    """

    family = "gaussian"
    center: Tensor
    spread: Tensor

    def __init__(self, x_shape: Sequence[int]) -> None:
        super().__init__(x_shape)
        self.raw_scale = nn.Parameter(torch.full(self.x_shape, _ONE))
        self.register_buffer("center", torch.zeros(self.x_shape))
        self.register_buffer("spread", torch.ones(self.x_shape))

    @torch.no_grad()
    def start_at(self, x: Tensor) -> None:
        """Speak in standard deviations of the data, from their mean.

        Args:
            x: training data, ``[N, *x_shape]``.
        """
        wide = x.double()  # whose sums of large numbers keep their digits
        spread = wide.std(0, correction=0)
        self.center.copy_(wide.mean(0))
        self.spread.copy_(torch.where(spread > 0.0, spread, torch.ones_like(spread)))

    def of(self, h: Tensor) -> Any:
        """Normal around ``center + spread h``, h of shape ``[*batch, *x_shape]``."""
        return dist.Normal(self.center + self.spread * h, self.spread * (softplus(self.raw_scale) + _SMALLEST))


class NegativeBinomialLikelihood(Likelihood):
    """Counts with mean ``m = exp(center + h)`` and variance ``m + m^2 / r``; r is learned for each value.

    For r to infinity it is a Poisson; a small r is for counts that spread more than that.

    Args:
        x_shape: shape of one data point.

    Example:
        >>> words = NegativeBinomialLikelihood((2,))
        >>> words.start_at(torch.tensor([[0.0, 8.0], [2.0, 12.0]]))
        >>> words(torch.zeros(1, 2)).mean.round(decimals=3)
        tensor([[ 1., 10.]], grad_fn=<RoundBackward1>)
    """

    family = "negative-binomial"
    center: Tensor

    def __init__(self, x_shape: Sequence[int]) -> None:
        super().__init__(x_shape)
        self.log_count = nn.Parameter(torch.zeros(self.x_shape))
        self.register_buffer("center", torch.zeros(self.x_shape))

    @torch.no_grad()
    def start_at(self, x: Tensor) -> None:
        """Begin at the mean count of each value; where nothing was counted, at half a count in all rows together.

        Args:
            x: training data, ``[N, *x_shape]``.
        """
        self.center.copy_(x.double().mean(0).clamp(min=0.5 / len(x)).log())

    def of(self, h: Tensor) -> Any:
        """Negative binomial with log-means ``center + h``, h of shape ``[*batch, *x_shape]``."""
        return dist.NegativeBinomial(self.log_count.exp(), logits=self.center + h - self.log_count)
