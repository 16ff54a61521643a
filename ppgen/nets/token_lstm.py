"""The recurrent network over tokens: logits of each token from a state that has read the tokens before it."""

from __future__ import annotations

__all__ = ["LSTMState", "TokenLSTM"]

import dataclasses

from torch import Tensor, nn

from ppgen.checked import checked
from ppgen.nets.causal_tokens import CausalTokenNetwork


@dataclasses.dataclass
class LSTMState:
    """What an LSTM remembers of the tokens that it has read.

    Args:
        hidden: of each layer, ``[num_layers, size, hidden]``.
        cell: of each layer, of the same shape.
        context: what the context adds to every input, ``[size, hidden]``, or zero.
    """

    hidden: Tensor
    cell: Tensor
    context: Tensor


class TokenLSTM(CausalTokenNetwork):
    """A causal network over tokens: the logits of token t read a state that has seen tokens 0 .. t-1 one by one.

    Reference: S. Hochreiter and J. Schmidhuber, "Long short-term memory", 1997; as a model of text, A. Graves,
    "Generating sequences with recurrent neural networks", 2013 (arXiv 1308.0850).

    Args:
        length: of a sequence, T.
        num_tokens: K; tokens are the numbers from 0 to K - 1.
        hidden: of each layer's state.
        num_layers: of the recurrent network.
        context_dim: size of a vector that is added to every input (a latent variable, a label); 0 for none.

    Shapes:
        x ``[*batch, T]``, whole numbers of any type, context ``[*batch, context_dim]`` -> logits ``[*batch, K, T]``

    Raises:
        SettingError: numbers out of range; when called, sequences of another length, or a context that is missing, too
            much or of another size.

    Example:
        >>> import torch
        >>> TokenLSTM(length=6, num_tokens=4)(torch.zeros(5, 6)).shape
        torch.Size([5, 4, 6])
    """

    @checked
    def __init__(
        self, length: int, num_tokens: int, hidden: int = 64, num_layers: int = 1, context_dim: int = 0
    ) -> None:
        super().__init__(length, num_tokens, hidden, context_dim)
        self.context = nn.Linear(context_dim, hidden, bias=False) if context_dim else None
        self.recurrent = nn.LSTM(hidden, hidden, num_layers, batch_first=True)

    def _of_tokens(self, before: Tensor, context: Tensor | None) -> Tensor:
        return self.recurrent(before + self._of_context(context).unsqueeze(-2))[0]

    def start(self, size: int, context: Tensor | None = None) -> LSTMState:
        """The state before the first token.

        Args:
            size: how many sequences are walked through together.
            context: ``[size, context_dim]``, or None.
        """
        self._must_suit(self.length, context)
        nothing = self.head.weight.new_zeros(self.recurrent.num_layers, size, self.recurrent.hidden_size)
        return LSTMState(nothing, nothing, self._of_context(context))

    def step(self, state: LSTMState, previous: Tensor, position: int) -> tuple[Tensor, LSTMState]:
        """The logits ``[size, num_tokens]`` of the next token, and the state.

        Args:
            state: from ``start``, or from the step before.
            previous: the token before this one, ``[size, 1]``; not read at position 0.
            position: of the token.
        """
        x = self._embedded(previous, position) + state.context
        output, (hidden, cell) = self.recurrent(x.unsqueeze(1), (state.hidden, state.cell))
        return self.head(output[:, 0]), dataclasses.replace(state, hidden=hidden, cell=cell)

    def _of_context(self, context: Tensor | None) -> Tensor:
        """What the context adds to every input, ``[size, hidden]``; nothing ``[1]`` without one."""
        if self.context is None or context is None:
            return self.head.weight.new_zeros(1)
        return self.context(context)
