"""Grids of vectors from a codebook, as a distribution: what a vector-quantised model draws and scores."""

from __future__ import annotations

__all__ = ["CodeVectors", "OfCodebook", "codes_of", "vectors_at"]

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from pyro.distributions.torch_distribution import TorchDistribution
from torch import Tensor
from torch.distributions import constraints

from ppgen.distributions.autoregressive import Autoregressive


def vectors_at(vectors: Tensor, codes: Tensor) -> Tensor:
    """The vectors of a grid of codes, as an image of ``code_dim`` channels.

    Args:
        vectors: the codebook, ``[num_codes, code_dim]``.
        codes: whole numbers ``[*batch, height, width]``, of any type.

    Returns:
        ``[*batch, code_dim, height, width]``
    """
    return vectors[codes.long()].movedim(-1, -3)


@torch.no_grad()
def codes_of(vectors: Tensor, outputs: Tensor) -> Tensor:
    """The code whose vector is nearest, at each place of a grid; the first of those that are equally near.

    Args:
        vectors: the codebook, ``[num_codes, code_dim]``.
        outputs: ``[*batch, code_dim, height, width]``.

    Returns:
        int64 ``[*batch, height, width]``
    """
    places = outputs.movedim(-3, -1)
    flat = places.reshape(-1, places.shape[-1])
    # Distances from differences: that of a vector to itself is 0, which |a|^2 - 2 a b + |b|^2 is only nearly.
    distances = torch.cdist(flat, vectors, compute_mode="donot_use_mm_for_euclid_dist")
    return distances.argmin(-1).reshape(places.shape[:-1])


class OfCodebook(constraints.Constraint):
    """Images ``[code_dim, height, width]`` of which every place holds one of the codebook's vectors.

    Args:
        vectors: ``[num_codes, code_dim]``.
    """

    is_discrete = True
    event_dim = 3

    def __init__(self, vectors: Tensor) -> None:
        self.vectors = vectors.detach()
        super().__init__()

    def check(self, value: Tensor) -> Tensor:
        """Whether each image is one, ``[*batch]``; value ``[*batch, code_dim, height, width]``."""
        return (vectors_at(self.vectors, codes_of(self.vectors, value)) == value).flatten(-3).all(-1)

    def __str__(self) -> str:
        return f"grids of the {len(self.vectors)} vectors of a codebook"


class CodeVectors(TorchDistribution):
    """``z = vectors[codes]``, with codes from a distribution over grids of whole numbers.

    A grid of vectors has the probability of its codes. (Where two vectors are equal, their grids are one, and are
    given the probability of the first code alone: never too much.) No gradient passes from a probability to z.

    Args:
        codes: over events ``[1, height, width]`` with values from 0 to ``num_codes - 1``.
        vectors: the codebook, ``[num_codes, code_dim]``.

    Shapes:
        batch that of ``codes``, event ``[code_dim, height, width]``

    Example:
        >>> from ppgen.distributions import conditionals
        >>> from ppgen.nets import GatedPixelCNN
        >>> network = GatedPixelCNN((1, 2, 2), num_parameters=5, highest=4)
        >>> codes = Autoregressive(network, (1, 2, 2), conditional=conditionals.Categorical(5))
        >>> prior = CodeVectors(codes, torch.randn(5, 3))
        >>> z = prior.sample((4,))
        >>> z.shape, bool(prior.support.check(z).all()), prior.log_prob(z).shape
        (torch.Size([4, 3, 2, 2]), True, torch.Size([4]))
    """

    arg_constraints: ClassVar[dict[str, Any]] = {}
    has_rsample = False

    def __init__(self, codes: Autoregressive, vectors: Tensor, validate_args: bool | None = None) -> None:
        self.codes, self.vectors = codes, vectors
        shape = torch.Size((vectors.shape[-1], *codes.event_shape[1:]))
        super().__init__(codes.batch_shape, shape, validate_args=validate_args)

    @property
    def support(self) -> Any:
        """Grids of the codebook's vectors."""
        return OfCodebook(self.vectors)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> CodeVectors:
        """The same distribution, independently for each element of a batch.

        Args:
            batch_shape: of the result.
            _instance: not used; torch has it for subclasses.
        """
        return CodeVectors(self.codes.expand(batch_shape), self.vectors, validate_args=self._validate_args)

    def log_prob(self, value: Tensor) -> Tensor:
        """The log-probability of the codes, in nats.

        Args:
            value: ``[*shape, code_dim, height, width]``; ``shape`` broadcasts against ``batch_shape``.

        Returns:
            The broadcast of ``shape`` and ``batch_shape``.
        """
        if self._validate_args:
            self._validate_sample(value)
        codes = codes_of(self.vectors, value).unsqueeze(-3)
        return self.codes.log_prob(codes.to(value.dtype))

    @torch.no_grad()
    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draws ``[*sample_shape, *batch_shape, *event]``, code by code."""
        return vectors_at(self.vectors, self.codes.sample(sample_shape).squeeze(-3))

    def tempered(self, temperature: float) -> CodeVectors:
        """The distribution with every code's conditional at a temperature, as :meth:`Autoregressive.tempered`.

        Args:
            temperature: above 0.
        """
        return CodeVectors(self.codes.tempered(temperature), self.vectors, validate_args=self._validate_args)
