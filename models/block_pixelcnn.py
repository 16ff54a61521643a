"""A PixelCNN over blocks of pixels: an exact density at a fourth of the cost."""

from __future__ import annotations

__all__ = ["BlockPixelCNN"]

from collections.abc import Sequence
from math import prod

from ppgen import nets
from ppgen.checked import checked
from ppgen.declare import Model, observed
from ppgen.distributions import Autoregressive


class BlockPixelCNN(Model):
    """x_B | blocks before B ~ Categorical(softmax(network(blocks)_B)), over all 2 ** b patterns of b binary pixels.

    The pixels of a block may depend on each other in any way at all, so nothing is assumed that a PixelCNN does not
    assume; but the network runs over a fourth of the positions (for blocks of 2 x 2), and each of its layers sees twice
    as far. At the same cost it can be wider, or see the data four times as often. ``ppgen.nets.InBlocks`` unfolds the
    softmax into a logit for each pixel, given those before it: first the blocks in raster order, then the pixels of
    each.

    The network over blocks is a gated PixelCNN with skip connections (``ppgen.nets.SkipPixelCNN``): A. van den Oord et
    al., "Conditional image generation with PixelCNN decoders", 2016 (arXiv 1606.05328).

    Fit with: no guide, ``ppgen.MaximumLikelihood()``: the defaults.

    Args:
        x_shape: ``(1, height, width)``, of binary pixels.
        hidden: channels of each stack.
        num_layers: gated layers; each widens what a pixel sees by one block each way.
        block: ``(height, width)`` of a block, which divide those of the image.
        dropout: probability that a feature on its way from a layer to the head is dropped in training.

    Example:
        >>> BlockPixelCNN(x_shape=(1, 8, 8))(size=3)["x"].shape
        torch.Size([3, 1, 8, 8])
    """

    @checked
    def __init__(
        self,
        x_shape: Sequence[int],
        hidden: int = 24,
        num_layers: int = 4,
        block: Sequence[int] = (2, 2),
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.x_shape = tuple(x_shape)
        grid = [length // short for length, short in zip(self.x_shape[1:], block, strict=True)]
        sizes = {"dropout": dropout, "num_parameters": 2 ** prod(block)}
        network = nets.SkipPixelCNN((prod(block), *grid), hidden, num_layers, **sizes)
        self.network = nets.InBlocks(network, block)

    @observed
    def x(self) -> Autoregressive:
        """The image: the network itself is the distribution."""
        return Autoregressive(self.network, self.x_shape, order=self.network.order)
