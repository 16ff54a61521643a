"""The causal transformer over tokens: logits of each token from the tokens before it."""

from __future__ import annotations

__all__ = ["TokenTransformer"]

import torch
from torch import Tensor, nn

from ppgen.checked import checked
from ppgen.nets.attention import FullAttention
from ppgen.nets.causal_tokens import CausalTokenNetwork
from ppgen.nets.transformer import CausalTransformer, TransformerState


class TokenTransformer(CausalTokenNetwork):
    """A causal network over tokens: the logits of token t read tokens 0 .. t-1, by attention to all of them.

    Position t holds what token t-1 is and t itself, by learned embeddings; in every layer it attends to itself and to
    all positions before it. ``step`` keeps keys and values, so that no position is computed twice.

    References: A. Vaswani et al., "Attention is all you need", 2017 (arXiv 1706.03762); A. Radford et al., "Improving
    language understanding by generative pre-training", 2018.

    Args:
        length: of a sequence, T.
        num_tokens: K; tokens are the numbers from 0 to K - 1.
        hidden: width of the layers, a multiple of ``num_heads``.
        num_layers: of attention, each with a perceptron.
        num_heads: of each layer.
        context_dim: size of a vector that every layer is conditioned on (a latent variable, a label); 0 for none.

    Shapes:
        x ``[*batch, T]``, whole numbers of any type, context ``[*batch, context_dim]`` -> logits ``[*batch, K, T]``

    Raises:
        SettingError: a width that the heads do not divide; numbers out of range; when called, sequences of another
            length, or a context that is missing, too much or of another size.

    Example:
        >>> TokenTransformer(length=6, num_tokens=4)(torch.zeros(5, 6)).shape
        torch.Size([5, 4, 6])
    """

    @checked
    def __init__(
        self,
        length: int,
        num_tokens: int,
        hidden: int = 64,
        num_layers: int = 2,
        num_heads: int = 4,
        context_dim: int = 0,
    ) -> None:
        super().__init__(length, num_tokens, hidden, context_dim)
        self.place = nn.Parameter(torch.randn(length, hidden) / hidden**0.5)
        self.transformer = CausalTransformer(FullAttention(length), hidden, num_layers, num_heads, context_dim)

    def _of_tokens(self, before: Tensor, context: Tensor | None) -> Tensor:
        return self.transformer(before + self.place, context)

    def start(self, size: int, context: Tensor | None = None) -> TransformerState:
        """The state before the first token.

        Args:
            size: how many sequences are walked through together.
            context: ``[size, context_dim]``, or None.
        """
        self._must_suit(self.length, context)
        return self.transformer.start(size, context)

    def step(self, state: TransformerState, previous: Tensor, position: int) -> tuple[Tensor, TransformerState]:
        """The logits ``[size, num_tokens]`` of the next token, and the state, which is written into.

        Args:
            state: from ``start``, or from the step before.
            previous: the token before this one, ``[size, 1]``; not read at position 0.
            position: of the token.
        """
        x = self._embedded(previous, position) + self.place[position]
        return self.head(self.transformer.step(state, x, position)), state
