"""Guides over the vectors of a codebook: the nearest ones, or draws with a relaxed gradient."""

from __future__ import annotations

__all__ = ["NearestCode", "RelaxedCode"]

from torch import Tensor, nn

from ppgen import nets
from ppgen.arguments import finite_number
from ppgen.checked import checked
from ppgen.declare import Guide, latent
from ppgen.distributions import NearestCodes, RelaxedCodes


class NearestCode(Guide):
    """``q(z | x)``: at each place of the grid, surely the vector nearest to the encoder's output.

    The codebook is the model's, which model and guide share. Entropy is 0, and the ELBO ``log p(x, z(x))`` is a bound.

    Reference: A. van den Oord, O. Vinyals and K. Kavukcuoglu, "Neural discrete representation learning", 2017
    (arXiv 1711.00937).

    Args:
        encoder: maps x ``[batch, ...]`` to outputs ``[batch, code_dim, *grid]``.
        codebook: of the model.

    Example:
        >>> import torch
        >>> from ppgen.models import VQVAE
        >>> model = VQVAE(x_shape=(1, 8, 8), num_codes=5, code_dim=3)
        >>> guide = NearestCode(nets.GridEncoder((1, 8, 8), 3), model.codebook)
        >>> model.codebook.codes(guide({"x": torch.zeros(4, 1, 8, 8)})["z"]).shape
        torch.Size([4, 2, 2])
    """

    @checked
    def __init__(self, encoder: nn.Module, codebook: nets.Codebook) -> None:
        super().__init__()
        self.encoder, self.codebook = encoder, codebook

    @latent
    def z(self, x: Tensor) -> NearestCodes:
        """The nearest vectors."""
        return NearestCodes(self.encoder(x), self.codebook.vectors)


class RelaxedCode(Guide):
    """``q(z | x)``: at each place of the grid, code k with probability ``softmax(encoder(x))_k``.

    Draws are vectors of the codebook; their gradient is that of a Gumbel-softmax draw.

    References: E. Jang, S. Gu and B. Poole, "Categorical reparameterization with Gumbel-softmax", 2017
    (arXiv 1611.01144); A. Ramesh et al., "Zero-shot text-to-image generation", 2021 (arXiv 2102.12092).

    Args:
        encoder: maps x ``[batch, ...]`` to logits ``[batch, num_codes, *grid]``.
        codebook: of the model.
        temperature: of the relaxed draw, above 0: the lower, the less biased and the noisier is its gradient.

    Example:
        >>> import torch
        >>> from ppgen.models import VQVAE
        >>> model = VQVAE(x_shape=(1, 8, 8), num_codes=5, code_dim=3)
        >>> guide = RelaxedCode(nets.GridEncoder((1, 8, 8), 5), model.codebook)
        >>> guide({"x": torch.zeros(4, 1, 8, 8)})["z"].shape
        torch.Size([4, 3, 2, 2])
    """

    @checked
    def __init__(self, encoder: nn.Module, codebook: nets.Codebook, temperature: float = 1.0) -> None:
        super().__init__()
        self.encoder, self.codebook = encoder, codebook
        self.temperature = finite_number("RelaxedCode: temperature", temperature, above=0.0, suggested=1.0)

    @latent
    def z(self, x: Tensor) -> RelaxedCodes:
        """Vectors of codes that are drawn independently."""
        return RelaxedCodes(self.encoder(x), self.codebook.vectors, self.temperature)
