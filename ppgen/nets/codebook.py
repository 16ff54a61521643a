"""The codebook of a vector-quantised model: vectors, and what codes stand for them."""

from __future__ import annotations

__all__ = ["Codebook"]

import torch
from torch import Tensor, nn

from ppgen.arguments import Recorded, whole_number
from ppgen.checked import checked
from ppgen.distributions.code_vectors import codes_of, vectors_at


class Codebook(Recorded):
    """K vectors; ``forward`` replaces the vector at each place of a grid by the nearest of them.

    Args:
        num_codes: K, at least 2.
        code_dim: size of a vector.

    Shapes:
        ``[*batch, code_dim, height, width] -> [*batch, code_dim, height, width]``

    Raises:
        SettingError: fewer than two vectors.

    Example:
        >>> book = Codebook(num_codes=4, code_dim=2)
        >>> codes = torch.tensor([[0, 1], [2, 3]])
        >>> torch.equal(book.codes(book.vectors_at(codes)), codes), book.perplexity(codes)
        (True, tensor(4.))
    """

    @checked
    def __init__(self, num_codes: int, code_dim: int) -> None:
        super().__init__()
        self.num_codes, self.code_dim = whole_number("Codebook: num_codes", num_codes, at_least=2), code_dim
        self.vectors = nn.Parameter(torch.randn(num_codes, code_dim) / code_dim**0.5)

    def forward(self, outputs: Tensor) -> Tensor:
        """The vector nearest to each output, ``[*batch, code_dim, height, width]``."""
        return self.vectors_at(self.codes(outputs))

    def codes(self, outputs: Tensor) -> Tensor:
        """The code of the vector nearest to each output, int64 ``[*batch, height, width]``."""
        return codes_of(self.vectors, outputs)

    def vectors_at(self, codes: Tensor) -> Tensor:
        """The vectors ``[*batch, code_dim, height, width]`` that codes ``[*batch, height, width]`` stand for."""
        return vectors_at(self.vectors, codes)

    def shares(self, codes: Tensor) -> Tensor:
        """How often each code occurs among ``codes`` ``[...]``, as shares that sum to 1, ``[num_codes]``."""
        flat = codes.flatten()
        ones = torch.ones_like(flat, dtype=self.vectors.dtype)
        return ones.new_zeros(self.num_codes).index_add(0, flat, ones) / len(flat)

    def perplexity(self, codes: Tensor) -> Tensor:
        """``exp`` of the entropy of the shares, []: K if all codes occur equally often, 1 if there is only one."""
        return torch.special.entr(self.shares(codes)).sum().exp()
