"""The likelihood of one pixel by a mixture of discretized logistics."""

from __future__ import annotations

__all__ = ["LogisticMixtureLikelihood"]

from collections.abc import Sequence

from torch import Tensor

from ppgen.arguments import finite_number, whole_number
from ppgen.distributions.discretized_mixture import DiscretizedLogisticMixture
from ppgen.errors import SettingError
from ppgen.nets.likelihoods import Likelihood


class LogisticMixtureLikelihood(Likelihood):
    """The channels of one pixel, on the levels of a grid, by a mixture of discretized logistics.

    Unlike the likelihoods of whole images, it lets the channels of a pixel depend on each other, in their order in the
    data: channel 0 first. See :class:`ppgen.distributions.DiscretizedLogisticMixture`.

    Args:
        x_shape: ``(channels,)``.
        levels: of the grid; 256 for pixels of 8 bits.
        white: the highest level.
        num_mixtures: components.

    Raises:
        SettingError: a shape that is no pixel's; numbers out of range.

    Example:
        >>> LogisticMixtureLikelihood((3,)).shape
        (100,)
    """

    family = "mixture"

    def __init__(self, x_shape: Sequence[int], levels: int = 256, white: float = 1.0, num_mixtures: int = 10) -> None:
        super().__init__(x_shape)
        if len(self.x_shape) != 1:
            raise SettingError(
                "LogisticMixtureLikelihood: it is of the channels of one pixel",
                expected="x_shape=(channels,), in a model that draws pixels one after the other",
                got=f"x_shape={self.x_shape}",
                fix="DiscretizedLogisticLikelihood(x_shape), whose values are independent",
                code="S186",
            )
        self.levels = whole_number("LogisticMixtureLikelihood: levels", levels, at_least=2)
        self.white = finite_number("LogisticMixtureLikelihood: white", white, above=0.0, suggested=1.0)
        self.num_mixtures = whole_number("LogisticMixtureLikelihood: num_mixtures", num_mixtures, suggested=10)

    @property
    def shape(self) -> tuple[int, ...]:
        """All parameters of the pixel side by side."""
        return (DiscretizedLogisticMixture.num_parameters(self.x_shape[0], self.num_mixtures),)

    def forward(self, h: Tensor) -> DiscretizedLogisticMixture:
        """The distribution of a pixel.

        Args:
            h: ``[*batch, *self.shape]``.
        """
        return DiscretizedLogisticMixture(h, self.x_shape[0], self.num_mixtures, self.levels, self.white)

    def sharpened(self, h: Tensor, temperature: float) -> Tensor:
        """Logits divided by the temperature, scales times it.

        Args:
            h: ``[*batch, *self.shape]``.
            temperature: above 0.
        """
        return DiscretizedLogisticMixture.sharpened(h, self.num_mixtures, temperature)

    def __str__(self) -> str:
        return f"mixture of {self.num_mixtures} logistics"
