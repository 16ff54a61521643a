"""The fully visible belief network: no latents, an exact density, one logistic regression for each pixel."""

from __future__ import annotations

__all__ = ["FullyVisibleBeliefNetwork"]

from collections.abc import Sequence

from ppgen import nets
from ppgen.checked import checked
from ppgen.distributions import Order
from ppgen.models.pixels_in_order import PixelsInOrder


class FullyVisibleBeliefNetwork(PixelsInOrder):
    """x_i | x_0 .. x_{i-1} ~ Bernoulli(sigmoid(b_i + sum_{j < i} W_ij x_j)), in raster order or another.

    ``log p(x) = sum_i log p(x_i | x_0 .. x_{i-1})`` is exact and concave in the weights: a fit has one answer, and is
    the baseline that a network with hidden units has to beat.

    References: R. Neal, "Connectionist learning of belief networks", 1992; B. Frey, "Graphical models for machine
    learning and digital communication", 1998.

    Fit with: no guide, ``ppgen.MaximumLikelihood()``: the defaults.

    Args:
        x_shape: ``(length,)`` of a vector, ``(channels, height, width)`` of an image.
        likelihood: of one position, such as ``nets.CategoricalLikelihood((3,), 256, 1.0)``; default: Bernoulli.
        order: of the pixels, by a name of ``orders.named`` such as ``"bottom-up"``, or an ``orders.Order``.

    Example:
        >>> model = FullyVisibleBeliefNetwork(x_shape=(1, 8, 8))
        >>> model(size=3)["x"].shape
        torch.Size([3, 1, 8, 8])
    """

    @checked
    def __init__(
        self, x_shape: Sequence[int], likelihood: nets.Likelihood | None = None, order: str | Order = "raster"
    ) -> None:
        super().__init__(x_shape, likelihood, order)
        self.network = nets.FullyVisibleBeliefNetwork(self.scanned_shape, num_parameters=self.num_parameters)
