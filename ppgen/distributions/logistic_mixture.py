"""The mixture of discretized logistics as a conditional family: the likelihood of PixelCNN++."""

from __future__ import annotations

__all__ = ["LogisticMixture"]

import dataclasses
from typing import Any

from torch import Tensor

from ppgen.arguments import finite_number, whole_number
from ppgen.distributions.conditional import Conditional
from ppgen.distributions.discretized_mixture import DiscretizedLogisticMixture
from ppgen.distributions.levels import Levels


@dataclasses.dataclass(frozen=True)
class LogisticMixture(Conditional):
    """A pixel on the levels ``k * white / (levels - 1)`` by a mixture of discretized logistics.

    A component is drawn, then by it channel 0, channel 1 given channel 0, channel 2 given both ...: the order of the
    channels in the data, red, green and blue as a rule. :class:`~ppgen.distributions.DiscretizedLogisticMixture` is its
    law and says what the parameters are. Near levels have near probabilities, which a categorical has to learn.

    Reference: T. Salimans et al., "PixelCNN++", 2017 (arXiv 1701.05517).

    Args:
        num_mixtures: components, K.
        levels: of the grid; 256 for pixels of 8 bits.
        white: the highest level; the lowest is 0.

    Raises:
        SettingError: numbers out of range.

    Example:
        >>> import torch
        >>> pixel = LogisticMixture(num_mixtures=5)
        >>> pixel.num_parameters(channels=1), pixel.num_parameters(channels=3)
        (15, 50)
        >>> grey = torch.arange(256).unsqueeze(-1) / 255
        >>> pixel.log_prob(torch.zeros(256, 15), grey).exp().sum().round(decimals=4)
        tensor(1.)
        >>> pixel
        LogisticMixture(num_mixtures=5, levels=256, white=1.0), channel 0 first
    """

    num_mixtures: int = 10
    levels: int = 256
    white: float = 1.0

    def __post_init__(self) -> None:
        whole_number("LogisticMixture: num_mixtures", self.num_mixtures, suggested=10)
        whole_number("LogisticMixture: levels", self.levels, at_least=2)
        finite_number("LogisticMixture: white", self.white, above=0.0, suggested=1.0)

    def __repr__(self) -> str:
        settings = f"num_mixtures={self.num_mixtures}, levels={self.levels}, white={self.white}"
        return f"LogisticMixture({settings}), channel 0 first"

    @property
    def support(self) -> Any:
        """The levels of the grid."""
        return Levels(self.levels, self.white)

    @property
    def measure(self) -> str:
        """``"8-bit"`` on 256 levels, else ``"integer"``."""
        return "8-bit" if self.levels == 256 else "integer"

    def num_parameters(self, channels: int) -> int:
        """``K * (1 + 2 * channels + channels * (channels - 1) / 2)``: 3 K of grey, 10 K of colour."""
        return DiscretizedLogisticMixture.num_parameters(channels, self.num_mixtures)

    def log_prob(self, parameters: Tensor, value: Tensor) -> Tensor:
        """Log-probabilities in nats of pixels, exact, without a clamp.

        Args:
            parameters: ``[..., num_parameters]``.
            value: ``[..., channels]``.

        Returns:
            ``[...]``
        """
        return self._of(parameters, value.shape[-1]).log_prob(value)

    def sample(self, parameters: Tensor, channels: int) -> Tensor:
        """Pixels ``[..., channels]``.

        Args:
            parameters: ``[..., num_parameters]``.
            channels: values of a pixel.
        """
        return self._of(parameters, channels).sample()

    def entropy(self, parameters: Tensor, channels: int) -> Tensor:
        """``-sum_k p_k log p_k`` over all levels, ``[...]`` in nats, of one channel; of more there is no such sum.

        Args:
            parameters: ``[..., num_parameters]``.
            channels: values of a position.
        """
        return self._of(parameters, 1).entropy() if channels == 1 else super().entropy(parameters, channels)

    def sharpened(self, parameters: Tensor, temperature: float) -> Tensor:
        """Logits divided by the temperature, scales times it: surer of a component, and it is narrower."""
        return DiscretizedLogisticMixture.sharpened(parameters, self.num_mixtures, temperature)

    def _of(self, parameters: Tensor, channels: int) -> DiscretizedLogisticMixture:
        settings = self.num_mixtures, self.levels, self.white
        return DiscretizedLogisticMixture(parameters, channels, *settings, validate_args=False)
