"""The causal transformer over tokens: text, music or codes with an exact density, one token after the other."""

from __future__ import annotations

__all__ = ["TokenTransformer"]

from torch import Tensor

from ppgen import nets
from ppgen.checked import checked
from ppgen.declare import Model, observed
from ppgen.distributions import Autoregressive, conditionals


class TokenTransformer(Model):
    """x_t | x_0 .. x_{t-1} ~ Categorical(network(x)_t), t = 0 .. L-1, for a sequence of given length L.

    ``log p(x | L) = sum_{t < L} log p(x_t | x_0 .. x_{t-1})`` is exact: the probabilities of all sequences of one
    length sum to one. Each token attends to all before it:

    - ``h_t = embedding(x_{t-1}) + place(t)``, with a token of its own before the first;
    - in each layer, for each head, ``h_t += sum_{s <= t} softmax_s(q_t . k_s / sqrt(d)) v_s`` with queries, keys and
      values linear in ``norm(h)``, and then ``h_t += mlp(norm(h_t))``.

    Sequences that end by themselves need no lengths: a token that stands for the end is learned like any other.

    References: A. Vaswani et al., "Attention is all you need", 2017 (arXiv 1706.03762); A. Radford et al., "Improving
    language understanding by generative pre-training", 2018.

    Fit with: no guide, ``ppgen.MaximumLikelihood()``: the defaults.

    Covariates:
        x_lengths: ``[batch]``, how many tokens of each sequence are its own; left out where all are. What stands behind
            the end has no density, is not looked at, and is drawn as zeros.

    Args:
        length: T, for how many tokens there is room.
        num_tokens: K, 2 to 256; tokens are the numbers from 0 to K - 1.
        hidden: width of the layers, a multiple of ``num_heads``.
        num_layers: of attention, each with a perceptron.
        num_heads: of each layer.

    Example:
        >>> import torch
        >>> model = TokenTransformer(length=6, num_tokens=4)
        >>> model(size=3)["x"].shape
        torch.Size([3, 6])
        >>> model({"x_lengths": torch.tensor([2, 5])})["x"][0, 2:]
        tensor([0., 0., 0., 0.])
    """

    @checked
    def __init__(self, length: int, num_tokens: int, hidden: int = 64, num_layers: int = 2, num_heads: int = 4) -> None:
        super().__init__()
        self.length, self.family = length, conditionals.Categorical(num_tokens)
        self.network = nets.TokenTransformer(length, num_tokens, hidden, num_layers, num_heads)

    @observed
    def x(self, x_lengths: Tensor | None = None) -> Autoregressive:
        """The sequence: the network itself is the distribution."""
        return Autoregressive(self.network, (self.length,), conditional=self.family, lengths=x_lengths)
