"""Small models and data on which a fit takes a fraction of a second."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyro.distributions as dist
import pytest
import torch
from torch import Tensor, nn

import ppgen
from ppgen.data import Dataset
from ppgen.declare import Model, latent, observed
from ppgen.fitted import Fit
from ppgen.guides import MeanField
from ppgen.models import VAE
from tests.oracles.precision import float64

__all__ = ["float64", "grey", "noisy_fit", "vae_fit"]


class Noisy(Model):
    """z ~ Normal(0, I);  x | z ~ Bernoulli(...), by a decoder with batch statistics and noise of its own."""

    def __init__(self, x_dim: int = 12, latent_dim: int = 2) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.decoder = nn.Sequential(
            nn.Linear(latent_dim, 8), nn.BatchNorm1d(8), nn.Dropout(0.2), nn.SiLU(), nn.Linear(8, x_dim)
        )

    @latent
    def z(self) -> Any:
        return dist.Normal(0.0, 1.0).expand([self.latent_dim]).to_event(1)

    @observed
    def x(self, z: Tensor) -> Any:
        return dist.Bernoulli(logits=self.decoder(z)).to_event(1)


@pytest.fixture(scope="session")
def grey() -> Dataset:
    """Grey values in twelve dims, whose bits are drawn anew for every batch."""
    generator = torch.Generator().manual_seed(0)
    return ppgen.data.from_tensors(torch.rand(100, 12, generator=generator), binarize="dynamic")


@pytest.fixture
def noisy_fit(grey: Dataset) -> Callable[..., Fit]:
    """A fit with all that has a state: dropout, batch statistics, random bits, warm-up, schedule, patience."""

    def make(**settings: Any) -> Fit:
        torch.manual_seed(0)
        model = Noisy()
        guide = MeanField(model, width=8)
        chosen = {"max_epochs": 6, "batch_size": 16, "learning_rate": 0.02, "schedule": "cosine", "clip_norm": 5.0}
        chosen |= {"patience": 3, "progress": False, "device": "cpu"} | settings
        return ppgen.fit(model, grey, guide=guide, **({"objective": ppgen.ELBO(2.0, warmup=2.5)} | chosen))

    return make


@pytest.fixture(scope="session")
def vae_fit() -> Fit:
    """A VAE after two epochs of digits; read-only, as all tests share it."""
    torch.manual_seed(0)
    model = VAE((1, 8, 8), latent_dim=3, hidden=(16,))
    return ppgen.fit(model, "digits", guide=MeanField(model, width=16), max_epochs=2, progress=False, device="cpu")
