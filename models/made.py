"""MADE: no latents, an exact density, all conditionals by one masked autoencoder, in one order or several."""

from __future__ import annotations

__all__ = ["MADE"]

from collections.abc import Sequence

from ppgen import nets
from ppgen.checked import checked
from ppgen.distributions import Order
from ppgen.models.pixels_in_order import PixelsInOrder


class MADE(PixelsInOrder):
    """x_i | those drawn before it ~ likelihood(network(x)_i), in the order of a set of masks.

    The network is an autoencoder in which a weight is kept where it leads from positions to later ones. One set of
    masks is one autoregressive model. Several share the weights:

    - in training, each step takes one set at random, so that the loss is the average of the orders' ``-log p_k(x)``;
    - afterwards, and for validation, the model is their mixture ``p(x) = 1/K sum_k p_k(x)``, whose density is exact and
      at least as high as that average (an average of conditionals over orders would be no density).

    Reference: M. Germain et al., "MADE: masked autoencoder for distribution estimation", 2015 (arXiv 1502.03509).

    Fit with: no guide, ``ppgen.MaximumLikelihood()``: the defaults.

    Args:
        x_shape: ``(length,)`` of a vector, ``(channels, height, width)`` of an image.
        hidden: units of each hidden layer.
        num_masks: sets of masks, each with degrees of its own.
        order: of the positions: ``"random"``, another for each set of masks; else one for all of them, by a name of
            ``orders.named`` such as ``"bottom-up"``, or an ``orders.Order``.
        direct: whether each output also reads the values before it directly, without hidden units.
        num_components: of a mixture of normals for each value, which real numbers take; 0 for a likelihood.
        likelihood: of one position, such as ``nets.CategoricalLikelihood((3,), 256, 1.0)``; default: Bernoulli.
        seed: of orders and degrees that are drawn.

    Example:
        >>> MADE(x_shape=(1, 8, 8), hidden=(32, 32), num_masks=4, order="random")(size=3)["x"].shape
        torch.Size([3, 1, 8, 8])

        Real vectors, which should be standardised:

        >>> MADE(x_shape=(5,), hidden=(32,), num_components=3)(size=3)["x"].shape
        torch.Size([3, 5])
    """

    @checked
    def __init__(
        self,
        x_shape: Sequence[int],
        hidden: Sequence[int] = (500,),
        num_masks: int = 1,
        order: str | Order = "raster",
        direct: bool = True,
        num_components: int = 0,
        likelihood: nets.Likelihood | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(x_shape, likelihood, num_components=num_components)
        highest = None if num_components else 1.0
        self.network = nets.MADE(
            self.x_shape, hidden, num_masks, order, direct, seed, num_parameters=self.num_parameters, highest=highest
        )
