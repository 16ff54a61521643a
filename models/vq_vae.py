"""The vector-quantised VAE: an image as a small grid of codes, which an autoregressive prior draws."""

from __future__ import annotations

__all__ = ["VQVAE"]

from collections.abc import Sequence

import pyro.distributions as dist
from torch import Tensor, nn

from ppgen import nets
from ppgen.checked import checked
from ppgen.declare import Model, latent, observed
from ppgen.distributions import Autoregressive, CodeVectors, conditionals


class VQVAE(Model):
    """code_i | code_0 .. code_{i-1} ~ Categorical(prior(code)_i);  x | z ~ likelihood(decoder(z)), z_i = e[code_i].

    The code of an image is a grid of whole numbers, one for every few pixels, each of which stands for a learned
    vector. z is the grid of these vectors, ``[code_dim, height, width]``: ``model.codebook.codes(z)`` tells them.

    The bound ``log p(z) + log p(x | z)`` at the codes that a guide chooses is a true one: minus the first term are the
    nats that a code takes (the rate), minus the second those that are left (the distortion), and their sum bounds the
    length of x. Decoder and encoder learn as if the choice were the identity; the prior learns the codes as they come,
    and its gradient reaches nothing else, so that one fit does what the paper does in two: first codes, then a prior.

    References: A. van den Oord, O. Vinyals and K. Kavukcuoglu, "Neural discrete representation learning", 2017
    (arXiv 1711.00937); for the other guide, E. Jang, S. Gu and B. Poole, "Categorical reparameterization with
    Gumbel-softmax", 2017 (arXiv 1611.01144).

    Fit with: ``ppgen.guides.NearestCode(nets.GridEncoder(x_shape, code_dim), model.codebook)`` and
    ``ppgen.VectorQuantization()``, or ``ppgen.guides.RelaxedCode(nets.GridEncoder(x_shape, num_codes),
    model.codebook)`` and ``ppgen.GumbelSoftmax()``.

    Args:
        x_shape: ``(channels, height, width)``.
        num_codes: K, from 2 to 256.
        code_dim: size of a code's vector.
        num_halvings: how often height and width are halved, rounded up, to those of the grid.
        width: channels of the decoder.
        prior: a causal network over grids of codes ``[1, *grid]`` with K logits for each; default: a gated PixelCNN.
        likelihood: of x given what the decoder says, such as ``nets.GaussianLikelihood(x_shape)``; default: Bernoulli.

    Example:
        >>> model = VQVAE(x_shape=(1, 28, 28), num_codes=32)
        >>> model.grid, model(size=3)["x"].shape
        ((7, 7), torch.Size([3, 1, 28, 28]))
        >>> network = nets.ImageTransformer((32, 7, 7), num_parameters=32)
        >>> model = VQVAE(x_shape=(1, 28, 28), num_codes=32, prior=nets.OverCodes(network))
    """

    @checked
    def __init__(
        self,
        x_shape: Sequence[int],
        num_codes: int = 64,
        code_dim: int = 16,
        num_halvings: int = 2,
        width: int = 32,
        prior: nn.Module | None = None,
        likelihood: nets.Likelihood | None = None,
    ) -> None:
        super().__init__()
        self.x_shape, self.likelihood = tuple(x_shape), likelihood or nets.BernoulliLikelihood(x_shape)
        self.codebook = nets.Codebook(num_codes, code_dim)
        self.decoder = nets.GridDecoder(code_dim, self.likelihood.shape, num_halvings, width)
        self.grid, self.family = self.decoder.grid, conditionals.Categorical(num_codes)
        self.prior = prior or nets.OverCodes(
            nets.GatedPixelCNN((num_codes, *self.grid), 32, 3, 3, 3, num_parameters=num_codes)
        )

    @latent
    def z(self) -> CodeVectors:
        """The vectors of the codes, which are drawn one after the other."""
        codes = Autoregressive(self.prior, (1, *self.grid), conditional=self.family)
        return CodeVectors(codes, self.codebook.vectors)

    @observed
    def x(self, z: Tensor) -> dist.TorchDistribution:
        """The pixels, independent of each other given the code."""
        return self.likelihood(self.decoder(z))
