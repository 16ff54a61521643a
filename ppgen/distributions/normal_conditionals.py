"""Conditional families of real numbers: a normal, and a mixture of normals."""

from __future__ import annotations

__all__ = ["Normal", "NormalMixture"]

import dataclasses
import math
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints

from ppgen.arguments import whole_number
from ppgen.distributions.conditional import Conditional

_FLATTEST = 7.0  # of the log-scale: values that come again and again would drive it to minus infinity


class _Real(Conditional):
    """What both share: all real numbers."""

    @property
    def support(self) -> Any:
        """Every real number."""
        return constraints.real

    @property
    def measure(self) -> str:
        """``"continuous"``."""
        return "continuous"


@dataclasses.dataclass(frozen=True)
class Normal(_Real):
    """Real numbers: ``Normal(loc, exp(log_scale))`` for each channel; channels are independent.

    Log-scales are taken from -7 to 7, in the units of the data, which should be standardised.

    Example:
        >>> Normal().log_prob(torch.zeros(3, 2), torch.zeros(3, 1))  # -log(2 pi) / 2
        tensor([-0.9189, -0.9189, -0.9189])
    """

    def num_parameters(self, channels: int) -> int:
        """Location and log-scale of the first channel, of the second, and so on."""
        return 2 * channels

    def log_prob(self, parameters: Tensor, value: Tensor) -> Tensor:
        """Log-densities in nats, summed over channels.

        Args:
            parameters: ``[..., 2 * channels]``.
            value: ``[..., channels]``.

        Returns:
            ``[...]``
        """
        return _log_normal(value, *self._parts(parameters)).sum(-1)

    def sample(self, parameters: Tensor, channels: int) -> Tensor:
        """Real numbers ``[..., channels]``.

        Args:
            parameters: ``[..., 2 * channels]``.
            channels: values of a position.
        """
        loc, log_scale = self._parts(parameters)
        return loc + log_scale.exp() * torch.randn_like(loc)

    def sharpened(self, parameters: Tensor, temperature: float) -> Tensor:
        """Variances times the temperature: the density to the power of ``1 / temperature``, normalised again."""
        loc, log_scale = self._parts(parameters)
        return torch.stack([loc, log_scale + 0.5 * math.log(temperature)], -1).flatten(-2)

    def entropy(self, parameters: Tensor, channels: int) -> Tensor:
        """``sum_c log_scale_c + log(2 pi e) / 2``, ``[...]`` in nats of a density: below 0 where it is narrow."""
        _, log_scale = self._parts(parameters)
        return (log_scale + 0.5 * math.log(2.0 * math.pi * math.e)).sum(-1)

    def _parts(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """Locations and log-scales, ``[..., channels]`` each."""
        loc, log_scale = parameters.unflatten(-1, (-1, 2)).unbind(-1)
        return loc, log_scale.clamp(-_FLATTEST, _FLATTEST)


@dataclasses.dataclass(frozen=True)
class NormalMixture(_Real):
    """Real numbers: ``p(x) = sum_m softmax(logits)_m Normal(x; loc_m, exp(log_scale_m))``; channels are independent.

    Where the network says nothing, locations lie evenly from -1.5 to 1.5: components that begin at one place would stay
    together.

    Log-scales are taken from -7 to 7, in the units of the data, which should be standardised.

    References: C. Bishop, "Mixture density networks", 1994; B. Uria et al., "RNADE: the real-valued neural
    autoregressive density-estimator", 2013 (arXiv 1306.0186).

    Args:
        num_components: of the mixture, 1 or more.

    Raises:
        SettingError: another number of components.

    Example:
        >>> NormalMixture(5).num_parameters(channels=1)
        15
        >>> NormalMixture(2).log_prob(torch.zeros(3, 6), torch.zeros(3, 1))  # -(log(2 pi) + 1.5^2) / 2
        tensor([-2.0439, -2.0439, -2.0439])
    """

    num_components: int

    def __post_init__(self) -> None:
        whole_number("NormalMixture: num_components", self.num_components)

    def num_parameters(self, channels: int) -> int:
        """Logits, locations and log-scales of the components of the first channel, of the second, and so on."""
        return 3 * self.num_components * channels

    def log_prob(self, parameters: Tensor, value: Tensor) -> Tensor:
        """Log-densities in nats, summed over channels.

        Args:
            parameters: ``[..., 3 * num_components * channels]``.
            value: ``[..., channels]``.

        Returns:
            ``[...]``
        """
        logits, loc, log_scale = self._parts(parameters)
        each = _log_normal(value.unsqueeze(-1), loc, log_scale)
        return (each + logits.log_softmax(-1)).logsumexp(-1).sum(-1)

    def sample(self, parameters: Tensor, channels: int) -> Tensor:
        """Real numbers ``[..., channels]``.

        Args:
            parameters: ``[..., 3 * num_components * channels]``.
            channels: values of a position.
        """
        logits, loc, log_scale = self._parts(parameters)
        # The race of conditionals.Categorical: no device waits.
        which = (logits - torch.empty_like(logits).exponential_().log()).argmax(-1, keepdim=True)
        loc, log_scale = (each.gather(-1, which).squeeze(-1) for each in (loc, log_scale))
        return loc + log_scale.exp() * torch.randn_like(loc)

    def sharpened(self, parameters: Tensor, temperature: float) -> Tensor:
        """Logits divided by the temperature, variances times it: each normal to the power of ``1 / temperature``."""
        logits, loc, log_scale = parameters.unflatten(-1, (-1, 3, self.num_components)).unbind(-2)
        log_scale = log_scale.clamp(-_FLATTEST, _FLATTEST) + 0.5 * math.log(temperature)
        return torch.stack([logits / temperature, loc, log_scale], -2).flatten(-3)

    def _parts(self, parameters: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits, locations and log-scales, ``[..., channels, num_components]`` each."""
        logits, loc, log_scale = parameters.unflatten(-1, (-1, 3, self.num_components)).unbind(-2)
        apart = torch.linspace(-1.5, 1.5, self.num_components, dtype=loc.dtype, device=loc.device)
        return logits, loc + (apart if self.num_components > 1 else 0.0), log_scale.clamp(-_FLATTEST, _FLATTEST)


def _log_normal(value: Tensor, loc: Tensor, log_scale: Tensor) -> Tensor:
    standard = (value - loc) * (-log_scale).exp()
    return -0.5 * (standard.square() + math.log(2.0 * math.pi)) - log_scale
