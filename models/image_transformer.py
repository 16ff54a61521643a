"""The image transformer: no latents, an exact density, each pixel attending to pixels before it."""

from __future__ import annotations

__all__ = ["ImageTransformer"]

from collections.abc import Sequence
from typing import Literal

from ppgen import nets
from ppgen.checked import checked
from ppgen.distributions import Order
from ppgen.models.pixels_in_order import PixelsInOrder


class ImageTransformer(PixelsInOrder):
    """x_i | x_0 .. x_{i-1} ~ likelihood(network(x)_i), pixels in raster order or another.

    ``log p(x) = sum_i log p(x_i | x_0 .. x_{i-1})`` is exact. What a pixel looks at is chosen anew in each layer, by
    content and place, instead of being the neighbours that a kernel covers:

    - ``h_i = W x_{i-1} + row(i) + column(i)``: the pixel before, and where this one lies;
    - in each layer, for each head, ``h_i += sum_j softmax_j(q_i . k_j / sqrt(d)) v_j`` with queries, keys and values
      linear in ``norm(h)``, and then ``h_i += mlp(norm(h_i))``.

    The sum runs over pixels ``j <= i`` of a *memory*: with ``attention="local-1d"`` the lines of the pixel's own block
    and of the block before, with ``"local-2d"`` a rectangle around it, and with ``"global"`` all of them. A local
    memory costs less, and reaches further with each layer.

    Reference: N. Parmar et al., "Image transformer", 2018 (arXiv 1802.05751).

    Fit with: no guide, ``ppgen.MaximumLikelihood()``: the defaults.

    Args:
        x_shape: ``(channels, height, width)``.
        hidden: width of the layers, a multiple of ``num_heads``.
        num_layers: of attention, each with a perceptron.
        num_heads: of each layer.
        attention: ``"local-1d"``, ``"local-2d"`` or ``"global"``.
        block: ``(height, width)`` of a query block, cut to the image; in 1-D, a block has as many pixels.
        likelihood: of one pixel, such as ``nets.CategoricalLikelihood((3,), 256, 1.0)``; default: Bernoulli.
        order: of the pixels, by a name of ``orders.named`` such as ``"bottom-up"``, or an ``orders.Order``.

    Example:
        >>> ImageTransformer(x_shape=(1, 8, 8))(size=3)["x"].shape
        torch.Size([3, 1, 8, 8])
    """

    @checked
    def __init__(
        self,
        x_shape: Sequence[int],
        hidden: int = 64,
        num_layers: int = 4,
        num_heads: int = 4,
        attention: Literal["local-1d", "local-2d", "global"] = "local-2d",
        block: tuple[int, int] = (4, 14),
        likelihood: nets.Likelihood | None = None,
        order: str | Order = "raster",
    ) -> None:
        super().__init__(x_shape, likelihood, order)
        self.network = nets.ImageTransformer(
            self.scanned_shape, hidden, num_layers, num_heads, attention, block, num_parameters=self.num_parameters
        )
