"""The Diagonal BiLSTM: no latents, an exact density, every pixel told by all pixels before it."""

from __future__ import annotations

__all__ = ["DiagonalBiLSTM"]

from collections.abc import Sequence

from ppgen import nets
from ppgen.checked import checked
from ppgen.distributions import Order
from ppgen.models.pixels_in_order import PixelsInOrder


class DiagonalBiLSTM(PixelsInOrder):
    """x_i | x_0 .. x_{i-1} ~ likelihood(network(x)_i), pixels in raster order or another.

    ``log p(x) = sum_i log p(x_i | x_0 .. x_{i-1})`` is exact, so that maximum likelihood needs no bound. What it does
    not have is a representation: there is no z.

    The network is a masked 7 x 7 convolution of the image, then layers of two LSTMs, and then two linear maps to the
    logit of each pixel. Row i, column j of a layer with input u gives ``u[i, j] + up(left[i, j] + right[i - 1, j])``:

    - ``left[i, j] = lstm(u[i, j], left[i - 1, j], left[i, j - 1])`` has seen all above and to the left;
    - ``right[i, j] = lstm(u[i, j], right[i - 1, j], right[i, j + 1])`` all above and to the right. Its own row is not
      known before it is drawn, so that the layer reads the row above.

    So a pixel sees all pixels before it, however far. Pixels on an anti-diagonal are computed at once.

    Reference: A. van den Oord, N. Kalchbrenner and K. Kavukcuoglu, "Pixel recurrent neural networks", 2016 (arXiv
    1601.06759).

    Fit with: no guide, ``ppgen.MaximumLikelihood()``: the defaults.

    Args:
        x_shape: ``(channels, height, width)``.
        hidden: size of a pixel's LSTM state, on either side; u has twice as many features.
        num_layers: of pairs of LSTMs.
        likelihood: of one pixel, such as ``nets.CategoricalLikelihood((3,), 256, 1.0)``; default: Bernoulli.
        order: of the pixels, by a name of ``orders.named`` such as ``"bottom-up"``, or an ``orders.Order``.

    Example:
        >>> model = DiagonalBiLSTM(x_shape=(1, 8, 8), hidden=8)
        >>> model(size=3)["x"].shape
        torch.Size([3, 1, 8, 8])
    """

    @checked
    def __init__(
        self,
        x_shape: Sequence[int],
        hidden: int = 32,
        num_layers: int = 2,
        likelihood: nets.Likelihood | None = None,
        order: str | Order = "raster",
    ) -> None:
        super().__init__(x_shape, likelihood, order)
        self.network = nets.DiagonalBiLSTM(self.scanned_shape, hidden, num_layers, num_parameters=self.num_parameters)
