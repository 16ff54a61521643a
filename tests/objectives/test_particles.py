from __future__ import annotations

from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from torch import Tensor

import ppgen
from ppgen import guides
from ppgen.objectives.bound import log_weights
from ppgen.objectives.particles import only_latent, particle_weights, repeat_rows
from tests.oracles.conjugate import BetaBernoulli, GammaPoisson, TwoLevels
from tests.oracles.linear_gaussian import PPCA, marginal


def test_particles_are_rows_and_particle_k_of_datum_b_is_row_k_b() -> None:
    batch = {"x": torch.arange(6.0).reshape(3, 2), "y": torch.tensor([7, 8, 9])}
    wide = repeat_rows(batch, 4)
    assert torch.equal(wide["x"].reshape(4, 3, 2)[2], batch["x"])
    assert wide["y"].reshape(4, 3)[:, 1].tolist() == [8] * 4


@pytest.mark.parametrize("family", [guides.MeanField, guides.FullRank])
def test_weights_of_a_guide_run_once_are_those_of_a_guide_run_for_every_draw(family: Any) -> None:
    """At the same values; recomputed from the densities that model and guide declare."""
    torch.manual_seed(0)
    model = PPCA(latent_dim=2, noise=3.0)
    guide = family(model, width=8)
    x = marginal(model).sample((10,)).float()
    kept: dict[str, Tensor] = {}
    plain = model.forward

    def spy(batch: Any, size: int) -> Any:
        kept.update(batch)
        return plain(batch, size)

    object.__setattr__(model, "forward", spy)
    weights = _weights(model, guide, {"x": x}, 5)
    object.__delattr__(model, "forward")
    assert kept["z"].shape == (50, 2)
    wide = {"x": kept["x"]}
    joint = log_weights(model, None, wide | {"z": kept["z"]})
    with_guide = _log_q(guide, wide, kept["z"])
    torch.testing.assert_close(weights.flatten(), joint - with_guide, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("model", [GammaPoisson(), BetaBernoulli()])
def test_mean_weight_is_the_evidence(model: Any) -> None:
    """Unbiased: ``E[w] = p(x)`` (Burda et al., 2016, section 3), here for guides that are far from the posterior."""
    torch.manual_seed(0)
    x = model(size=6)["x"].detach()
    guide = guides.MeanField(model, width=8)
    with torch.no_grad():
        weights = _weights(model, guide, {"x": x}, 20_000).double()
    ratio = (weights - model.evidence(x)).exp()
    error = ratio.std(0) / len(ratio) ** 0.5
    assert ((ratio.mean(0) - 1).abs() < 4 * error + 1e-3).all()


def test_the_guide_runs_once_for_one_latent_and_for_every_draw_for_two() -> None:
    """The second latent may depend on a draw of the first."""
    x = torch.randn(4, 20)
    assert _rows_read(PPCA(latent_dim=2), {"x": x}) == 4
    two = TwoLevels()
    assert _rows_read(two, {"x": two(size=4)["x"].detach()}) == 4 * 9


def _rows_read(model: Any, batch: dict[str, Tensor]) -> int:
    """The most rows that the guide's encoder saw."""
    guide = guides.MeanField(model, width=8)
    seen: list[int] = []
    plain = guide.forward

    def spy(batch: Any, size: int) -> Any:
        seen.append(len(batch["x"]))
        return plain(batch, size)

    object.__setattr__(guide, "forward", spy)
    _weights(model, guide, batch, 9)
    return max(seen)


class _MaskedLatent(ppgen.Model):
    """z counts only where ``seen``; x is there in any case."""

    @ppgen.latent
    def z(self, seen: Tensor) -> dist.TorchDistribution:
        return dist.Normal(0.0, 1.0).expand([len(seen)]).mask(seen)

    @ppgen.observed
    def x(self, z: Tensor, seen: Tensor) -> dist.TorchDistribution:
        return dist.Normal(torch.where(seen, z, torch.zeros(())), 1.0)


class _Standard(ppgen.Guide):
    @ppgen.latent
    def z(self, x: Tensor, seen: Tensor) -> dist.TorchDistribution:
        return dist.Normal(torch.zeros(len(x)), 0.8).mask(seen)


def test_a_masked_latent_weighs_nothing_where_it_is_masked() -> None:
    seen = torch.tensor([True, False])
    x = torch.tensor([0.3, -1.2])
    weights = _weights(_MaskedLatent(), _Standard(), {"x": x, "seen": seen}, 6)
    exact = dist.Normal(0.0, 1.0).log_prob(x[1])
    torch.testing.assert_close(weights[:, 1], exact.expand(6))
    assert weights[:, 0].std() > 0


def _log_q(guide: Any, batch: dict[str, Tensor], z: Tensor) -> Tensor:
    trace = pyro.poutine.trace(pyro.poutine.condition(guide, {"z": z})).get_trace(batch, len(z))
    return trace.nodes["z"]["fn"].log_prob(z)


def _weights(model: Any, guide: Any, batch: dict[str, Tensor], num_particles: int) -> Tensor:
    return particle_weights(model, guide, batch, num_particles, only_latent(model, guide, batch))
