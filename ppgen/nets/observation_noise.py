"""Observation noise: a distribution around values that a generator made, which gives an implicit model a density."""

from __future__ import annotations

__all__ = ["BernoulliNoise", "NormalNoise"]

import math
from collections.abc import Sequence
from typing import Any

import pyro.distributions as dist
import torch
from torch import Tensor, nn

from ppgen.checked import checked
from ppgen.nets.likelihoods import Likelihood


class NormalNoise(Likelihood):
    """``x ~ Normal(h, sigma)``: values as they were made, and one noise of them all, which is learned unless frozen.

    The density of a sampler depends on it, so that sigma belongs beside every number: it is
    ``noise.log_sigma.exp()``.

    Reference: Y. Wu et al., "On the quantitative analysis of decoder-based generative models", 2017 (arXiv 1611.04273).

    Args:
        x_shape: shape of one data point.
        sigma: standard deviation at the start.

    Example:
        >>> NormalNoise((2,), 0.5)(torch.zeros(3, 2)).stddev[0]
        tensor([0.5000, 0.5000], grad_fn=<SelectBackward0>)
    """

    @checked
    def __init__(self, x_shape: Sequence[int], sigma: float = 0.1) -> None:
        super().__init__(x_shape)
        self.log_sigma = nn.Parameter(torch.full((), math.log(sigma)))

    def of(self, h: Tensor) -> Any:
        """Normals around the values."""
        return dist.Normal(h, self.log_sigma.exp())


class BernoulliNoise(Likelihood):
    """``x ~ Bernoulli(h)``: bits whose probabilities are the values, in [0, 1], that were made.

    Args:
        x_shape: shape of one data point.

    Example:
        >>> BernoulliNoise((2,))(torch.tensor([[0.25, 1.0]])).mean
        tensor([[0.2500, 1.0000]])
    """

    @checked
    def __init__(self, x_shape: Sequence[int]) -> None:
        super().__init__(x_shape)

    def of(self, h: Tensor) -> Any:
        """Bernoullis with the values as probabilities."""
        return dist.Bernoulli(h)
