"""A model and a guide of two bits, with every expectation as a sum over all values."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pyro.distributions as dist
import torch
from torch import Tensor, nn

from ppgen.declare import Guide, Model, latent, observed

__all__ = ["Bits", "BitsGuide", "expectation", "log_joint", "log_q"]

CODES = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])


class Bits(Model):
    """z ~ Bernoulli(p), two bits;  x | z ~ Normal(W z + b, 1)."""

    def __init__(self) -> None:
        super().__init__()
        dtype = torch.get_default_dtype()
        self.logits = nn.Parameter(torch.tensor([0.3, -0.6], dtype=dtype))
        self.weight = nn.Parameter(torch.tensor([[1.0, -0.5], [0.4, 1.3], [-0.8, 0.2]], dtype=dtype))
        self.bias = nn.Parameter(torch.tensor([0.1, -0.2, 0.3], dtype=dtype))

    @latent
    def z(self) -> Any:
        return dist.Bernoulli(logits=self.logits).to_event(1)

    @observed
    def x(self, z: Tensor) -> Any:
        return dist.Normal(z @ self.weight.T + self.bias, 1.0).to_event(1)


class BitsGuide(Guide):
    """z | x ~ Bernoulli(A x + c), two bits."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(3, 2)
        with torch.no_grad():
            self.head.weight.copy_(torch.tensor([[0.5, -0.2, 0.1], [-0.3, 0.6, 0.2]]))
            self.head.bias.copy_(torch.tensor([0.2, -0.4]))

    @latent
    def z(self, x: Tensor) -> Any:
        return dist.Bernoulli(logits=self.head(x)).to_event(1)


def log_q(guide: BitsGuide, x: Tensor) -> Tensor:
    """log q(z | x) of all four values, [N, 4]."""
    return torch.stack([guide.z(x).log_prob(code.to(x.dtype).expand(len(x), 2)) for code in CODES], 1)


def log_joint(model: Bits, x: Tensor) -> Tensor:
    """log p(x, z) of all four values, [N, 4]."""
    codes = [code.to(x.dtype).expand(len(x), 2) for code in CODES]
    return torch.stack([model.z().log_prob(code) + model.x(code).log_prob(x) for code in codes], 1)


def expectation(f: Callable[[list[int]], Tensor], k: int, guide: BitsGuide, x: Tensor) -> Tensor:
    """``E[f(z_1, ..., z_k)]`` over independent draws of the guide for each datum, [N]; the weights have no gradient.

    Args:
        f: from the indices of k values to [N].
    """
    probs = log_q(guide, x).detach().exp()
    tuples = itertools.product(range(4), repeat=k)
    return sum(probs[:, list(drawn)].prod(1) * f(list(drawn)) for drawn in tuples)
