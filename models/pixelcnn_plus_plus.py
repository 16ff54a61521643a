"""PixelCNN++: no latents, an exact density, pixels read at several resolutions."""

from __future__ import annotations

__all__ = ["PixelCNNPlusPlus"]

from collections.abc import Sequence

from ppgen import nets
from ppgen.checked import checked
from ppgen.distributions import Order
from ppgen.models.pixels_in_order import PixelsInOrder


class PixelCNNPlusPlus(PixelsInOrder):
    """x_i | x_0 .. x_{i-1} ~ likelihood(network(x)_i), pixels in raster order or another.

    ``log p(x) = sum_i log p(x_i | x_0 .. x_{i-1})`` is exact. For pixels on levels the likelihood is a mixture of
    discretized logistics, ``nets.LogisticMixtureLikelihood((channels,), levels)``, in which the channels of a pixel
    are drawn one after the other, each from what the network and the channels before it say:

    ``p(x_i | ..) = sum_k pi_k prod_c logistic(x_ic; m_kc + sum_{d<c} a_kcd x_id, s_kc)``, rounded to levels.

    The network has two streams, of the rows above a pixel and of the pixels to its left, and passes both through gated
    residual blocks at full, half and quarter resolution and back, with a shortcut from each block on the way down to
    its counterpart on the way up. So a pixel reads far with few layers.

    Reference: T. Salimans et al., "PixelCNN++: improving the PixelCNN with discretized logistic mixture likelihood and
    other modifications", 2017 (arXiv 1701.05517).

    Fit with: no guide, ``ppgen.MaximumLikelihood()``: the defaults.

    Args:
        x_shape: ``(channels, height, width)``.
        hidden: channels of each stream.
        num_blocks: residual blocks of each stream and resolution, each way.
        num_resolutions: 3 for full, half and quarter.
        dropout: inside the blocks, in training.
        likelihood: of one pixel; default: Bernoulli.
        order: of the pixels, by a name of ``orders.named`` such as ``"bottom-up"``, or an ``orders.Order``.

    Example:
        >>> colour = nets.LogisticMixtureLikelihood((3,), levels=256)
        >>> model = PixelCNNPlusPlus((3, 6, 6), hidden=8, num_blocks=1, likelihood=colour)
        >>> model(size=2)["x"].shape
        torch.Size([2, 3, 6, 6])
    """

    @checked
    def __init__(
        self,
        x_shape: Sequence[int],
        hidden: int = 32,
        num_blocks: int = 2,
        num_resolutions: int = 3,
        dropout: float = 0.0,
        likelihood: nets.Likelihood | None = None,
        order: str | Order = "raster",
    ) -> None:
        super().__init__(x_shape, likelihood, order)
        sizes = hidden, num_blocks, num_resolutions, dropout
        self.network = nets.PixelCNNPlusPlus(self.scanned_shape, *sizes, num_parameters=self.num_parameters)
