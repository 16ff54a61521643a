"""Columns that a derived guide reads by an embedding: a row for each class there is, whatever was drawn or seen."""

from __future__ import annotations

from typing import Any

import pyro.distributions as dist
import pytest
import torch
from torch import Tensor, nn

import ppgen
from ppgen.declare import Model, latent, observed
from ppgen.guides import FullRank, MeanField


class Mixed(Model):
    """Two numbers and one of six kinds, some of them rare."""

    def __init__(self, rare: float = 0.0) -> None:
        super().__init__()
        self.net, self.rare = nn.Linear(2, 8), rare

    @latent
    def z(self) -> Any:
        return dist.Normal(0.0, 1.0).expand([2]).to_event(1)

    @observed
    def real(self, z: Tensor) -> Any:
        return dist.Normal(self.net(z)[..., :2], 1.0).to_event(1)

    @observed
    def kind(self, z: Tensor) -> Any:
        return dist.Categorical(logits=self.net(z)[..., 2:] - self.rare * torch.arange(6.0))


@pytest.mark.parametrize("seed", range(4))
def test_every_class_has_a_row_whatever_the_prior_drew(seed: int) -> None:
    torch.manual_seed(seed)
    guide = MeanField(Mixed(rare=5.0))
    assert guide.evidence is not None
    assert guide.evidence.readers["kind"].num_embeddings == 6
    guide({"real": torch.zeros(6, 2), "kind": torch.arange(6)})


@pytest.mark.parametrize("family", [MeanField, FullRank])
def test_classes_that_only_a_later_split_has_are_read(family: Any) -> None:
    model = Mixed()
    data = {"real": torch.randn(120, 2), "kind": torch.arange(120) % 4}
    fit = ppgen.fit(model, data, guide=family(model), max_epochs=1, progress=False)
    assert fit.elbo({"real": torch.zeros(6, 2), "kind": torch.arange(6)}).num_data == 6
