"""The recurrent model of tokens: text, music or codes with an exact density, one token after the other."""

from __future__ import annotations

__all__ = ["TokenLSTM"]

from torch import Tensor

from ppgen import nets
from ppgen.checked import checked
from ppgen.declare import Model, observed
from ppgen.distributions import Autoregressive, conditionals


class TokenLSTM(Model):
    """x_t | x_0 .. x_{t-1} ~ Categorical(W h_t), h_t = LSTM(h_{t-1}, x_{t-1}), t = 0 .. L-1, for a given length L.

    ``log p(x | L) = sum_{t < L} log p(x_t | x_0 .. x_{t-1})`` is exact: the probabilities of all sequences of one
    length sum to one. All that is known of the tokens before is the state h, of one size however many they are; a gate
    says what of it stays, so that it may remember for long.

    Sequences that end by themselves need no lengths: a token that stands for the end is learned like any other.

    References: S. Hochreiter and J. Schmidhuber, "Long short-term memory", 1997; A. Graves, "Generating sequences with
    recurrent neural networks", 2013 (arXiv 1308.0850).

    Fit with: no guide, ``ppgen.MaximumLikelihood()``: the defaults.

    Covariates:
        x_lengths: ``[batch]``, how many tokens of each sequence are its own; left out where all are. What stands behind
            the end has no density, is not looked at, and is drawn as zeros.

    Args:
        length: T, for how many tokens there is room.
        num_tokens: K, 2 to 256; tokens are the numbers from 0 to K - 1.
        hidden: of each layer's state.
        num_layers: of the recurrent network.

    Example:
        >>> import torch
        >>> model = TokenLSTM(length=6, num_tokens=4)
        >>> model(size=3)["x"].shape
        torch.Size([3, 6])
        >>> model({"x_lengths": torch.tensor([2, 5])})["x"][0, 2:]
        tensor([0., 0., 0., 0.])
    """

    @checked
    def __init__(self, length: int, num_tokens: int, hidden: int = 64, num_layers: int = 1) -> None:
        super().__init__()
        self.length, self.family = length, conditionals.Categorical(num_tokens)
        self.network = nets.TokenLSTM(length, num_tokens, hidden, num_layers)

    @observed
    def x(self, x_lengths: Tensor | None = None) -> Autoregressive:
        """The sequence: the network itself is the distribution."""
        return Autoregressive(self.network, (self.length,), conditional=self.family, lengths=x_lengths)
