"""Tokens one after the other, told something: text, music or codes of a class, or with attributes."""

from __future__ import annotations

__all__ = ["ConditionalTokens"]

from torch import Tensor, nn

from ppgen import nets
from ppgen.checked import checked
from ppgen.declare import Model, observed
from ppgen.distributions import Autoregressive, conditionals
from ppgen.models.conditional_autoregressive import told


class ConditionalTokens(Model):
    """x_t | y, x_0 .. x_{t-1} ~ Categorical(network(x, context(y))_t), t = 0 .. L-1, for a given y and length L.

    ``log p(x | y, L) = sum_{t < L} log p(x_t | y, x_0 .. x_{t-1})`` is exact. As in ``ConditionalAutoregressive``,
    ``context(y)`` is a one-hot vector of a class label, and the numbers themselves of anything else: of an image it
    makes a caption.

    Reference: O. Vinyals et al., "Show and tell: a neural image caption generator", 2015 (arXiv 1411.4555).

    Fit with: no guide, ``ppgen.MaximumLikelihood()``: the defaults.

    Covariates:
        y: what it is told, ``[batch]`` of labels or ``[batch, *shape]`` of numbers.
        x_lengths: ``[batch]``, how many tokens of each sequence are its own; left out where all are. What stands behind
            the end has no density, is not looked at, and is drawn as zeros.

    Args:
        network: over tokens, whose ``context_dim`` is the number of classes, or how many numbers y has.
        context: a network from y to ``[batch, context_dim]``, such as ``nets.TextContext``; by default none.

    Example:
        >>> import torch
        >>> model = ConditionalTokens(nets.TokenLSTM(length=6, num_tokens=4, context_dim=10))
        >>> model({"y": torch.tensor([3, 3, 7])})["x"].shape
        torch.Size([3, 6])
    """

    @checked
    def __init__(self, network: nets.CausalTokenNetwork, context: nn.Module | None = None) -> None:
        super().__init__()
        self.network, self.length, self.context = network, network.length, context
        self.family = conditionals.Categorical(network.num_tokens)

    @observed
    def x(self, y: Tensor, x_lengths: Tensor | None = None) -> Autoregressive:
        """The sequence: the network, told y, is the distribution."""
        given = told(self.network, self.context, y)
        return Autoregressive(self.network, (self.length,), given, self.family, lengths=x_lengths)
