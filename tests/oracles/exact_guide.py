"""A model whose posterior is known, and its guide, exact or moved and scaled."""

from __future__ import annotations

from typing import Any

import pyro.distributions as dist
import torch
from torch import Tensor

import ppgen


class Conjugate(ppgen.Model):
    """z ~ Normal(0, I), x ~ Normal(z, I): the posterior is Normal(x / 2, I / 2)."""

    @ppgen.latent
    def z(self) -> Any:
        return dist.Normal(torch.zeros(3), 1.0).to_event(1)

    @ppgen.observed
    def x(self, z: Tensor) -> Any:
        return dist.Normal(z, 1.0).to_event(1)


class Posterior(ppgen.Guide):
    """The exact one, moved and scaled."""

    def __init__(self, shift: float = 0.0, scale: float = 1.0) -> None:
        super().__init__()
        self.shift, self.scale = shift, scale

    @ppgen.latent
    def z(self, x: Tensor) -> Any:
        return dist.Normal(x / 2 + self.shift, self.scale * 0.5**0.5).to_event(1)
