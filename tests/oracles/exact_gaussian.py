"""A model of twenty independent normal values: an exact density without latents, and a fit in a moment."""

from __future__ import annotations

import math

import pyro.distributions as dist
import torch
from torch import Tensor, nn

import ppgen
from ppgen.fitted import Fit


class Gaussian(ppgen.Model):
    """x ~ Normal(0, scale): an exact density."""

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(scale), requires_grad=False)
        self.shift = nn.Parameter(torch.zeros(()))  # what there is to train: by 1e-9, as the rate says

    @ppgen.observed
    def x(self) -> dist.TorchDistribution:
        return dist.Normal(self.shift.expand(20), self.scale).to_event(1)


def gaussian_fit(scale: float = 1.0) -> Fit:
    """The model as it is, fitted to 400 draws at scale 1."""
    x = torch.randn(400, 20, generator=torch.Generator().manual_seed(0))
    return ppgen.fit(Gaussian(scale), x, max_epochs=1, learning_rate=1e-9, progress=False)


def normal(x: Tensor, scale: float = 1.0) -> Tensor:
    """log p(x_i), [N]."""
    return -0.5 * (x.double() / scale).square().sum(1) - 20 * (math.log(scale) + 0.5 * math.log(2 * math.pi))
