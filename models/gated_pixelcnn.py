"""The gated PixelCNN: no latents, an exact density, one pixel after the other."""

from __future__ import annotations

__all__ = ["GatedPixelCNN"]

from collections.abc import Sequence

from ppgen import nets
from ppgen.checked import checked
from ppgen.distributions import Order
from ppgen.models.pixels_in_order import PixelsInOrder


class GatedPixelCNN(PixelsInOrder):
    """x_i | x_0 .. x_{i-1} ~ likelihood(network(x)_i), pixels in raster order or another.

    ``log p(x) = sum_i log p(x_i | x_0 .. x_{i-1})`` is exact, so that maximum likelihood needs no bound. What it does
    not have is a representation: there is no z.

    The network is two stacks of masked convolutions, so that pixel i sees all pixels before it and no other:

    - the *vertical* stack v reads the rows above: ``v_0 = conv(x)``, ``v_l = gate(conv_v(v_{l-1}))``;
    - the *horizontal* stack h reads the row of the pixel, to its left, and in each layer takes a message from the
      vertical one: ``h_0 = conv(x)``, ``h_l = h_{l-1} + mix(gate(conv_h(h_{l-1}) + down(conv_v(v_{l-1}))))``.

    The logit of pixel i is read from the last h, and has a bias of its own.

    Reference: A. van den Oord et al., "Conditional image generation with PixelCNN decoders", 2016 (arXiv 1606.05328).

    Fit with: no guide, ``ppgen.MaximumLikelihood()``: the defaults.

    Args:
        x_shape: ``(channels, height, width)``.
        hidden: channels of each stack.
        num_layers: gated layers; each widens what a pixel sees by one pixel each way.
        likelihood: of one pixel, such as ``nets.CategoricalLikelihood((3,), 256, 1.0)``; default: Bernoulli.
        order: of the pixels, by a name of ``orders.named`` such as ``"bottom-up"``, or an ``orders.Order``.

    Example:
        >>> model = GatedPixelCNN(x_shape=(1, 8, 8))
        >>> model(size=3)["x"].shape
        torch.Size([3, 1, 8, 8])
        >>> layer = model.network.layers[0]  # what its convolutions read, around the features of a pixel
        >>> layer.vertical.mask.int().tolist(), layer.horizontal.mask.int().tolist()
        ([[1, 1, 1], [1, 1, 1], [0, 0, 0]], [[1, 1, 0]])
    """

    @checked
    def __init__(
        self,
        x_shape: Sequence[int],
        hidden: int = 32,
        num_layers: int = 4,
        likelihood: nets.Likelihood | None = None,
        order: str | Order = "raster",
    ) -> None:
        super().__init__(x_shape, likelihood, order)
        # 7 x 7 where the stacks read the image, 3 x 3 in each of their layers.
        self.network = nets.GatedPixelCNN(
            self.scanned_shape, hidden, num_layers, 3, 7, num_parameters=self.num_parameters
        )
