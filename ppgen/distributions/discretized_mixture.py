"""A mixture of discretized logistics over the channels of a pixel, each channel told of those before it."""

from __future__ import annotations

__all__ = ["DiscretizedLogisticMixture"]

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from pyro.distributions.torch_distribution import TorchDistribution
from torch import Tensor
from torch.distributions import constraints

from ppgen.distributions.levels import DiscretizedLogistic, Levels

_FLOOR = 0.01  # of a step, added to every scale: it is certainty already, and below it gradients would only overflow

_WIDEST = 30.0  # of the logarithm of a scale: all but 1e-13 of the mass lies at the edges, and beyond floats overflow


class DiscretizedLogisticMixture(TorchDistribution):
    """The values of one pixel on the levels of a grid: a component is drawn, then channel 0, channel 1 ... by it.

    ``p(x) = sum_k pi_k prod_c P(x_c | m_kc + sum_{d<c} a_kcd y_d, s_kc)``

    P is a logistic of which only the nearest level is seen, its lowest and highest bin open
    (:class:`~ppgen.distributions.DiscretizedLogistic`), so that the probabilities of all levels sum to 1 without a
    renormalisation. Locations and scales count in ``y = 2 x / white - 1``, which is -1 to 1. With channels in the order
    red, green, blue it is the likelihood of PixelCNN++: green leans on red, blue on both.

    Reference: T. Salimans et al., "PixelCNN++: improving the PixelCNN with discretized logistic mixture likelihood and
    other modifications", 2017 (arXiv 1701.05517).

    Args:
        parameters: ``[*batch, K * (1 + 2 * C + C * (C - 1) / 2)]``, of all components side by side: K logits; then for
            each component its C locations, its C logarithms of scales and, for c = 1 .. C - 1 and d < c, its
            coefficients ``a_kcd``, of which the hyperbolic tangent is taken.
        channels: C, how many values a pixel has.
        num_mixtures: K, how many components there are.
        levels: of the grid; 256 for pixels of 8 bits.
        white: the highest level; the lowest is 0.

    Example:
        >>> pixels = DiscretizedLogisticMixture(torch.zeros(5, 100), channels=3)
        >>> pixels.sample().shape, pixels.log_prob(torch.zeros(5, 3)).shape
        (torch.Size([5, 3]), torch.Size([5]))
    """

    arg_constraints: ClassVar[dict[str, Any]] = {}
    has_rsample = False

    def __init__(
        self,
        parameters: Tensor,
        channels: int = 1,
        num_mixtures: int = 10,
        levels: int = 256,
        white: float = 1.0,
        validate_args: bool | None = None,
    ) -> None:
        self.grid, self.parameters, self._settings = Levels(levels, white), parameters, (channels, num_mixtures)
        logits, rest = parameters[..., :num_mixtures], parameters[..., num_mixtures:]
        self.log_weights = logits.log_softmax(-1)
        sizes = (channels, channels, channels * (channels - 1) // 2)
        self.loc, log_scale, self.coefficients = rest.unflatten(-1, (num_mixtures, -1)).split(sizes, -1)
        self.scale = log_scale.clamp(max=_WIDEST).exp() + _FLOOR * 2.0 / (levels - 1)
        super().__init__(parameters.shape[:-1], torch.Size([channels]), validate_args=validate_args)

    @staticmethod
    def num_parameters(channels: int, num_mixtures: int) -> int:
        """How many numbers a pixel takes: ``K * (1 + 2 * C + C * (C - 1) / 2)``, 3 K of grey and 10 K of colour.

        Args:
            channels: C.
            num_mixtures: K.
        """
        return num_mixtures * (1 + 2 * channels + channels * (channels - 1) // 2)

    @staticmethod
    def sharpened(parameters: Tensor, num_mixtures: int, temperature: float) -> Tensor:
        """The parameters at a temperature: logits divided by it, scales times it, so that components are narrower.

        Args:
            parameters: ``[..., num_parameters]``.
            num_mixtures: K.
            temperature: above 0.
        """
        logits, rest = parameters[..., :num_mixtures], parameters[..., num_mixtures:].unflatten(-1, (num_mixtures, -1))
        # Of C locations, C scales and C (C - 1) / 2 coefficients.
        channels = (math.isqrt(8 * rest.shape[-1] + 9) - 3) // 2
        loc, log_scale, coefficients = rest.split((channels, channels, rest.shape[-1] - 2 * channels), -1)
        components = torch.cat([loc, log_scale.clamp(max=_WIDEST) + math.log(temperature), coefficients], -1)
        return torch.cat([logits / temperature, components.flatten(-2)], -1)

    @property
    def support(self) -> Any:
        """The levels of the grid, for each channel."""
        return constraints.independent(self.grid, 1)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> DiscretizedLogisticMixture:
        """The same distribution, independently for each element of a batch.

        Args:
            batch_shape: of the result.
            _instance: not used; torch has it for subclasses.
        """
        parameters = self.parameters.expand(*batch_shape, -1)
        return DiscretizedLogisticMixture(
            parameters, *self._settings, self.grid.levels, self.grid.white, validate_args=False
        )

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-probabilities in nats of pixels ``[*shape, channels]``; ``shape`` broadcasts against ``batch_shape``."""
        if self._validate_args:
            self._validate_sample(value)
        signed = self._signed(value).unsqueeze(-2)
        loc = torch.stack(
            [_leaning(self.loc, self.coefficients, signed, channel) for channel in range(value.shape[-1])], -1
        )
        log_probs = self._logistic(loc, self.scale).log_prob(value.unsqueeze(-2)).sum(-1)
        return (self.log_weights + log_probs).logsumexp(-1)

    @torch.no_grad()
    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Pixels ``[*sample_shape, *batch_shape, channels]``: a component each, then one channel after the other."""
        shape = self._extended_shape(torch.Size(sample_shape))
        # Of clocks with rates pi_k, component k rings first with probability pi_k.
        clocks = self.log_weights.expand(*shape[:-1], -1)
        first = (clocks - torch.empty_like(clocks).exponential_().log()).argmax(-1, keepdim=True).unsqueeze(-1)
        loc, scale, coefficients = (
            each.expand(*shape[:-1], *each.shape[-2:]).take_along_dim(first, -2).squeeze(-2)
            for each in (self.loc, self.scale, self.coefficients)
        )
        value = torch.zeros(shape, dtype=loc.dtype, device=loc.device)
        for channel in range(shape[-1]):
            leaning = _leaning(loc, coefficients, self._signed(value), channel)
            value[..., channel] = self._logistic(leaning, scale[..., channel]).sample()
        return value

    def entropy(self) -> Tensor:
        """``-E log p`` in nats, ``[*batch_shape]``; of one channel: of more it is a sum over all colours."""
        if self.event_shape != (1,):
            raise NotImplementedError(f"the entropy of {self.event_shape[0]} channels is a sum over all colours")
        return self.grid.entropy(self)

    def _signed(self, value: Tensor) -> Tensor:
        """Values from 0 to white as -1 to 1."""
        return value * (2.0 / self.grid.white) - 1.0

    def _logistic(self, loc: Tensor, scale: Tensor) -> DiscretizedLogistic:
        """Of one component and channel, with both in units of -1 to 1."""
        half = 0.5 * self.grid.white
        return DiscretizedLogistic(half * (loc + 1.0), half * scale, self.grid.levels, self.grid.white, False)


def _leaning(loc: Tensor, coefficients: Tensor, signed: Tensor, channel: int) -> Tensor:
    """``m_c + sum_{d<c} a_cd y_d``, ``[...]``, of locations ``[..., channels]``.

    Args:
        loc: of all channels, before they lean on each other.
        coefficients: ``[..., C * (C - 1) / 2]``, before the hyperbolic tangent.
        signed: values ``[..., channels]``, of which those before the channel are read.
        channel: c.
    """
    first = channel * (channel - 1) // 2
    own = coefficients[..., first : first + channel].tanh()
    return loc[..., channel] + (own * signed[..., :channel]).sum(-1)
