"""The plain PixelCNN: no latents, an exact density, one pixel after the other by one stack of masked convolutions."""

from __future__ import annotations

__all__ = ["PixelCNN"]

from collections.abc import Sequence

from ppgen import nets
from ppgen.checked import checked
from ppgen.distributions import Order
from ppgen.models.pixels_in_order import PixelsInOrder


class PixelCNN(PixelsInOrder):
    """x_i | x_0 .. x_{i-1} ~ likelihood(network(x)_i), pixels in raster order or another.

    ``log p(x) = sum_i log p(x_i | x_0 .. x_{i-1})`` is exact, so that maximum likelihood needs no bound. What it does
    not have is a representation: there is no z.

    The network is one stack of masked convolutions, each of which reads the rows above and the pixels to the left:

    ``h_0 = conv_A(x),  h_l = h_{l-1} + widen(relu(conv_B(relu(narrow(relu(h_{l-1}))))))``

    where mask A hides the pixel itself and mask B does not. The logit of pixel i is read from the last h, and has a
    bias of its own. Some of the pixels before i, above and to the right, are in a blind spot, which the two stacks of
    ``GatedPixelCNN`` do not have; it is the better model, and this one the simpler.

    Reference: A. van den Oord et al., "Pixel recurrent neural networks", 2016 (arXiv 1601.06759), its section 3.5.

    Fit with: no guide, ``ppgen.MaximumLikelihood()``: the defaults.

    Args:
        x_shape: ``(channels, height, width)``.
        hidden: channels of each masked convolution; h has twice as many.
        num_layers: residual blocks; each widens what a pixel sees by one pixel each way.
        likelihood: of one pixel, such as ``nets.CategoricalLikelihood((3,), 256, 1.0)``; default: Bernoulli.
        order: of the pixels, by a name of ``orders.named`` such as ``"bottom-up"``, or an ``orders.Order``.

    Example:
        >>> model = PixelCNN(x_shape=(1, 8, 8))
        >>> model(size=3)["x"].shape
        torch.Size([3, 1, 8, 8])
        >>> model.network.layers[0].masked.mask.int().tolist()  # what it reads, around the features of a pixel
        [[1, 1, 1], [1, 1, 0], [0, 0, 0]]
    """

    @checked
    def __init__(
        self,
        x_shape: Sequence[int],
        hidden: int = 32,
        num_layers: int = 7,
        likelihood: nets.Likelihood | None = None,
        order: str | Order = "raster",
    ) -> None:
        super().__init__(x_shape, likelihood, order)
        # 7 x 7 where the network reads the image, 3 x 3 in each block.
        self.network = nets.PixelCNN(self.scanned_shape, hidden, num_layers, 3, 7, num_parameters=self.num_parameters)
