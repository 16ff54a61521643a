"""The Row LSTM: no latents, an exact density, an image row by row."""

from __future__ import annotations

__all__ = ["RowLSTM"]

from collections.abc import Sequence

from ppgen import nets
from ppgen.checked import checked
from ppgen.distributions import Order
from ppgen.models.pixels_in_order import PixelsInOrder


class RowLSTM(PixelsInOrder):
    """x_i | x_0 .. x_{i-1} ~ likelihood(network(x)_i), pixels in raster order or another.

    ``log p(x) = sum_i log p(x_i | x_0 .. x_{i-1})`` is exact, so that maximum likelihood needs no bound. What it does
    not have is a representation: there is no z.

    The network is a masked 7 x 7 convolution of the image, then LSTMs that run over the rows of their input u from the
    top down, all pixels of a row at once, and then two linear maps to the logit of each pixel. In each layer

    - ``gates[i] = conv_in(u[i]) + conv_state(h[i - 1])``: along its own row, to the left and up to the pixel itself,
      and along the row above on both sides, since all of that is known;
    - ``c[i] = forget c[i - 1] + enter candidate``, ``h[i] = leave tanh(c[i])``, and ``u + up(h)`` is the next layer's.

    So a pixel sees a triangle: the further up, the wider, and not what lies above beyond it (``DiagonalBiLSTM`` does).

    Reference: A. van den Oord, N. Kalchbrenner and K. Kavukcuoglu, "Pixel recurrent neural networks", 2016 (arXiv
    1601.06759).

    Fit with: no guide, ``ppgen.MaximumLikelihood()``: the defaults.

    Args:
        x_shape: ``(channels, height, width)``.
        hidden: size of a pixel's LSTM state; u has twice as many features.
        num_layers: of LSTMs.
        likelihood: of one pixel, such as ``nets.CategoricalLikelihood((3,), 256, 1.0)``; default: Bernoulli.
        order: of the pixels, by a name of ``orders.named`` such as ``"bottom-up"``, or an ``orders.Order``.

    Example:
        >>> model = RowLSTM(x_shape=(1, 8, 8), hidden=8)
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
        self.network = nets.RowLSTM(self.scanned_shape, hidden, num_layers, num_parameters=self.num_parameters)
