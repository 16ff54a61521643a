"""The fully visible belief network: no latents, an exact density, one logistic regression for each pixel."""

from __future__ import annotations

__all__ = ["FullyVisibleBeliefNetwork"]

from collections.abc import Sequence

from ppgen import nets
from ppgen.checked import checked
from ppgen.declare import Model, observed
from ppgen.distributions import Autoregressive, conditionals


class FullyVisibleBeliefNetwork(Model):
    """x_i | x_0 .. x_{i-1} ~ Bernoulli(sigmoid(b_i + sum_{j < i} W_ij x_j)), in raster order.

    ``log p(x) = sum_i log p(x_i | x_0 .. x_{i-1})`` is exact and concave in the weights: a fit has one answer, and is
    the baseline that a network with hidden units has to beat.

    References: R. Neal, "Connectionist learning of belief networks", 1992; B. Frey, "Graphical models for machine
    learning and digital communication", 1998.

    Fit with: no guide, ``ppgen.MaximumLikelihood()``: the defaults.

    Args:
        x_shape: ``(length,)`` of a vector, ``(channels, height, width)`` of an image.
        likelihood: of one position, such as ``nets.CategoricalLikelihood((3,), 256, 1.0)``; default: Bernoulli.

    Example:
        >>> model = FullyVisibleBeliefNetwork(x_shape=(1, 8, 8))
        >>> model(size=3)["x"].shape
        torch.Size([3, 1, 8, 8])
    """

    @checked
    def __init__(self, x_shape: Sequence[int], likelihood: nets.Likelihood | None = None) -> None:
        super().__init__()
        self.x_shape = tuple(x_shape)
        self.likelihood = likelihood or nets.BernoulliLikelihood(self.x_shape[:-2] or (1,))
        count = self.likelihood.shape[0]
        self.network = nets.FullyVisibleBeliefNetwork(self.x_shape, num_parameters=count)

    @observed
    def x(self) -> Autoregressive:
        """The image: the network itself is the distribution."""
        return Autoregressive(self.network, self.x_shape, conditional=conditionals.OfPixel(self.likelihood))
