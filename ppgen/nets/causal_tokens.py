"""What causal networks over sequences of tokens have in common: how they read tokens, and what they refuse."""

from __future__ import annotations

__all__ = ["CausalTokenNetwork"]

import abc
from math import prod

from torch import Tensor, nn
from torch.nn.functional import pad

from ppgen.arguments import Recorded
from ppgen.errors import SettingError


class CausalTokenNetwork(Recorded, abc.ABC):
    """A network that gives each token of a sequence logits that depend on the tokens before it only.

    A network derived from this one fills in ``_of_tokens``, for all positions at once, and, to be sampled fast,
    ``start`` and ``step`` as :class:`~ppgen.distributions.SteppingNetwork` describes them.

    Args:
        length: of a sequence, T.
        num_tokens: K; tokens are the numbers from 0 to K - 1.
        hidden: size of a token's embedding.
        context_dim: size of a vector that every position is conditioned on; 0 for none.

    Shapes:
        x ``[*batch, T]``, whole numbers of any type, context ``[*batch, context_dim]`` -> logits ``[*batch, K, T]``

    Raises:
        SettingError: when called, sequences of another length, or a context that is missing, too much or of another
            size.
    """

    def __init__(self, length: int, num_tokens: int, hidden: int, context_dim: int) -> None:
        super().__init__()
        self.length, self.num_tokens, self.context_dim = length, num_tokens, context_dim
        self.embedding = nn.Embedding(num_tokens + 1, hidden)  # the last one stands before the first token
        self.head = nn.Linear(hidden, num_tokens)

    @abc.abstractmethod
    def _of_tokens(self, before: Tensor, context: Tensor | None) -> Tensor:
        """What all positions hold, ``[size, T, hidden]``.

        Args:
            before: embeddings of the tokens before each position, ``[size, T, hidden]``.
            context: ``[size, context_dim]``, or None.
        """

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """The logits ``[*batch, K, T]`` of all tokens at once.

        Args:
            x: ``[*batch, T]``, from 0 to K - 1.
            context: ``[*batch, context_dim]``, or None.
        """
        batch = x.shape[:-1]
        self._must_suit(x.shape[-1], context)
        size = prod(batch)
        before = pad(x.reshape(size, self.length).long()[:, :-1], (1, 0), value=self.num_tokens)
        if context is not None:
            context = context.expand(*batch, context.shape[-1]).reshape(size, context.shape[-1])
        logits = self.head(self._of_tokens(self.embedding(before), context))
        return logits.mT.reshape(*batch, self.num_tokens, self.length)

    def _embedded(self, previous: Tensor, position: int) -> Tensor:
        """The embedding of what stands before a position, ``[size, hidden]``.

        Args:
            previous: tokens ``[size, 1]``; not read at position 0.
            position: 0, 1, 2 ...
        """
        token = previous[:, 0].long()
        return self.embedding(token if position > 0 else token.new_full(token.shape, self.num_tokens))

    def _must_suit(self, length: int, context: Tensor | None) -> None:
        """Refuse sequences and contexts that the network was not made for."""
        given = 0 if context is None else context.shape[-1]
        if length != self.length or given != self.context_dim:
            name = type(self).__name__
            raise SettingError(
                f"{name}: the network was made for other inputs",
                expected=f"sequences of {self.length} tokens, a context of size {self.context_dim}",
                got=f"sequences of {length} tokens, a context of size {given}",
                fix=f"{name}(length={length}, num_tokens={self.num_tokens}, context_dim={given})",
                code="S182",
            )
