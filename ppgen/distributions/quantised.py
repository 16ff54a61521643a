"""What an encoder says of a grid of code vectors: the nearest ones, or draws with a relaxed gradient."""

from __future__ import annotations

__all__ = ["NearestCodes", "RelaxedCodes"]

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from pyro.distributions.torch_distribution import TorchDistribution
from torch import Tensor
from torch.nn import functional

from ppgen.distributions.code_vectors import OfCodebook, codes_of, vectors_at


class _Quantised(TorchDistribution):
    """A distribution over grids of code vectors ``[code_dim, height, width]``, given what an encoder says of each.

    Args:
        given: ``[*batch, channels, height, width]``.
        vectors: the codebook, ``[num_codes, code_dim]``.
        validate_args: as torch has it.
    """

    arg_constraints: ClassVar[dict[str, Any]] = {}
    has_rsample = True

    def __init__(self, given: Tensor, vectors: Tensor, validate_args: bool | None) -> None:
        self.given, self.vectors = given, vectors
        shape = torch.Size((vectors.shape[-1], *given.shape[-2:]))
        super().__init__(given.shape[:-3], shape, validate_args=validate_args)

    @property
    def support(self) -> Any:
        """Grids of the codebook's vectors."""
        return OfCodebook(self.vectors)

    def _expanded(self, batch_shape: Sequence[int]) -> Tensor:
        return self.given.expand(*batch_shape, *self.given.shape[-3:])


class NearestCodes(_Quantised):
    """A point mass: each place holds the vector that is nearest to the encoder's output there.

    A point among finitely many is a distribution like any other, with probability 1 and entropy 0, so that the ELBO
    ``log p(z(x)) + log p(x | z(x))`` is a bound on log p(x). (A point among real numbers has no density: see
    ``ppgen.guides.Delta``.)

    The choice has no derivative. ``rsample`` has the *straight-through* one, of the identity: what a decoder says of z
    is handed to the outputs unchanged. The codebook gets no gradient.

    Reference: A. van den Oord, O. Vinyals and K. Kavukcuoglu, "Neural discrete representation learning", 2017
    (arXiv 1711.00937).

    Args:
        outputs: of the encoder, ``[*batch, code_dim, height, width]``.
        vectors: the codebook, ``[num_codes, code_dim]``.

    Example:
        >>> vectors = torch.tensor([[0.0, 0.0], [1.0, 1.0]])
        >>> q = NearestCodes(torch.full((5, 2, 3, 3), 0.7), vectors)
        >>> q.codes.shape, float(q.sample().mean()), float(q.log_prob(q.sample()).sum())
        (torch.Size([5, 3, 3]), 1.0, 0.0)
    """

    def __init__(self, outputs: Tensor, vectors: Tensor, validate_args: bool | None = None) -> None:
        super().__init__(outputs, vectors, validate_args)
        self.outputs, self.codes = outputs, codes_of(vectors, outputs)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> NearestCodes:
        """The same points for each element of a batch.

        Args:
            batch_shape: of the result.
            _instance: not used; torch has it for subclasses.
        """
        return NearestCodes(self._expanded(batch_shape), self.vectors, validate_args=self._validate_args)

    @property
    def mean(self) -> Tensor:
        """The points themselves, ``[*batch, *event]``."""
        return vectors_at(self.vectors, self.codes)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """The points ``[*sample_shape, *batch, *event]``, with the straight-through gradient."""
        value = self.mean.detach() + (self.outputs - self.outputs.detach())
        return value.expand(*sample_shape, *value.shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """0 for the point, minus infinity for all else.

        Args:
            value: ``[*shape, *event]``; ``shape`` broadcasts against ``batch_shape``.

        Returns:
            The broadcast of ``shape`` and ``batch_shape``.
        """
        if self._validate_args:
            self._validate_sample(value)
        same = (codes_of(self.vectors, value) == self.codes).flatten(-2).all(-1)
        return torch.where(same, 0.0, -torch.inf).to(value.dtype)


class RelaxedCodes(_Quantised):
    """Codes that are independent given the encoder's logits, ``code ~ Categorical(logits)`` at each place.

    Draws are vectors of the codebook, so that densities are those of codes. Their gradient is that of a relaxed draw,
    ``sum_k softmax((logits + gumbel) / temperature)_k vectors_k`` with the same noise (straight-through
    Gumbel-softmax): biased, of low variance, and it reaches logits and codebook.

    Reference: E. Jang, S. Gu and B. Poole, "Categorical reparameterization with Gumbel-softmax", 2017
    (arXiv 1611.01144).

    Args:
        logits: ``[*batch, num_codes, height, width]``.
        vectors: the codebook, ``[num_codes, code_dim]``.
        temperature: of the relaxed draw, above 0.

    Example:
        >>> q = RelaxedCodes(torch.zeros(5, 4, 3, 3), torch.randn(4, 2))
        >>> q.rsample().shape, q.entropy() / 9  # log 4
        (torch.Size([5, 2, 3, 3]), tensor([1.3863, 1.3863, 1.3863, 1.3863, 1.3863]))
    """

    def __init__(
        self, logits: Tensor, vectors: Tensor, temperature: float = 1.0, validate_args: bool | None = None
    ) -> None:
        self.logits, self.temperature = logits.log_softmax(-3), temperature
        super().__init__(self.logits, vectors, validate_args)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> RelaxedCodes:
        """The same distribution, independently for each element of a batch.

        Args:
            batch_shape: of the result.
            _instance: not used; torch has it for subclasses.
        """
        return RelaxedCodes(self._expanded(batch_shape), self.vectors, self.temperature, self._validate_args)

    @property
    def mean(self) -> Tensor:
        """The mean vector at each place, ``[*batch, *event]``."""
        return self._mixed(self.logits.exp())

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Draws ``[*sample_shape, *batch, *event]`` of the codebook's vectors, with a relaxed gradient."""
        logits = self.logits.expand(*sample_shape, *self.logits.shape)
        noisy = logits - torch.empty_like(logits).exponential_().log()
        mixed = self._mixed((noisy / self.temperature).softmax(-3))
        return vectors_at(self.vectors, noisy.argmax(-3)).detach() + (mixed - mixed.detach())

    def log_prob(self, value: Tensor) -> Tensor:
        """The log-probability of the codes, in nats.

        Args:
            value: ``[*shape, *event]``; ``shape`` broadcasts against ``batch_shape``.

        Returns:
            The broadcast of ``shape`` and ``batch_shape``.
        """
        if self._validate_args:
            self._validate_sample(value)
        codes = codes_of(self.vectors, value).unsqueeze(-3)
        batch = torch.broadcast_shapes(codes.shape[:-3], self.batch_shape)
        logits, codes = self._expanded(batch), codes.expand(*batch, *codes.shape[-3:])
        return logits.gather(-3, codes).flatten(-3).sum(-1)

    def entropy(self) -> Tensor:
        """In nats, ``[*batch]``."""
        return -functional.softmax(self.logits, -3).mul(self.logits).flatten(-3).sum(-1)

    def _mixed(self, shares: Tensor) -> Tensor:
        """Vectors weighted by shares ``[..., num_codes, height, width]``, ``[..., code_dim, height, width]``."""
        return torch.einsum("...khw,kd->...dhw", shares, self.vectors)
