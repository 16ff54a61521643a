"""The PixelCNN: no latents, an exact density, one pixel after the other."""

from __future__ import annotations

__all__ = ["PixelCNN"]

from collections.abc import Sequence

from ppgen import nets
from ppgen.declare import Model, observed
from ppgen.distributions import Autoregressive


class PixelCNN(Model):
    """x_i | x_0 .. x_{i-1} ~ Bernoulli(network(x)_i), pixels in raster order.

    ``log p(x) = sum_i log p(x_i | x_0 .. x_{i-1})`` is exact, so that maximum likelihood needs no bound. What it does
    not have is a representation: there is no z.

    Reference: A. van den Oord et al., "Conditional image generation with PixelCNN decoders", 2016 (arXiv 1606.05328).

    Args:
        x_shape: ``(1, height, width)``.
        hidden: channels of each stack.
        num_layers: gated layers; each widens what a pixel sees by one pixel each way.

    Example:
        >>> PixelCNN(x_shape=(1, 8, 8))(size=3)["x"].shape
        torch.Size([3, 1, 8, 8])
    """

    def __init__(self, x_shape: Sequence[int], hidden: int = 32, num_layers: int = 4) -> None:
        super().__init__()
        self.x_shape = tuple(x_shape)
        self.network = nets.PixelCNN(self.x_shape, hidden, num_layers)

    @observed
    def x(self) -> Autoregressive:
        """The image: the network itself is the distribution."""
        return Autoregressive(self.network, self.x_shape)
