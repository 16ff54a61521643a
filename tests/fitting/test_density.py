from __future__ import annotations

import math
import tracemalloc
from collections.abc import Mapping
from typing import Any

import pyro.distributions as dist
import pytest
import torch
from torch import Tensor, nn

import ppgen
from ppgen.errors import SettingError
from ppgen.fitting import density
from ppgen.guides import MeanField
from ppgen.models import ConditionalVAE, DiscreteVAE, PixelCNN
from ppgen.objectives.bound import log_weights
from ppgen.objectives.particles import particle_weights
from tests.oracles.conjugate import SharedMean, TwoLevels
from tests.oracles.linear_gaussian import PPCA, log_evidence, marginal


@pytest.fixture
def pair() -> tuple[PPCA, MeanField, Tensor]:
    torch.manual_seed(0)
    model = PPCA(latent_dim=2, noise=3.0)
    return model, MeanField(model, width=8), marginal(model).sample((10,)).float()


def test_the_bound_is_the_logsumexp_of_its_weights(
    pair: tuple[PPCA, MeanField, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a datum's particles come in several passes of different size."""
    model, guide, x = pair
    seen: list[Tensor] = []

    def spy(*args: Any) -> Tensor:
        seen.append(particle_weights(*args))
        return seen[-1]

    monkeypatch.setattr(density, "particle_weights", spy)
    monkeypatch.setattr(density, "_ROWS_A_PASS", 30)
    found = density.log_prob(model, guide, {"x": x}, 7, seed=3)
    assert [len(weights) for weights in seen] == [3, 3, 1]
    torch.testing.assert_close(found, torch.cat(seen).double().logsumexp(0) - math.log(7), rtol=0, atol=1e-12)
    assert found.dtype == torch.float64


@pytest.mark.parametrize(("rows_a_pass", "rows"), [(40, 256), (64, 3), (4096, 4), (10, 1)])
def test_how_it_is_cut_changes_the_draws_and_not_the_value(
    pair: tuple[PPCA, MeanField, Tensor], monkeypatch: pytest.MonkeyPatch, rows_a_pass: int, rows: int
) -> None:
    """In distribution: a thousand particles in any pieces agree within their Monte-Carlo error, and with log p(x)."""
    model, guide, x = pair
    monkeypatch.setattr(density, "_ROWS_A_PASS", rows_a_pass)
    monkeypatch.setattr(density, "_ROWS", rows)
    found = density.log_prob(model, guide, {"x": x}, 1000, seed=0)
    exact = log_evidence(model, x)
    assert (found - exact).abs().mean() < 0.15
    assert found.mean() < exact.mean() + 0.1


def test_a_pass_never_has_more_rows_than_allowed(
    pair: tuple[PPCA, MeanField, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, guide, _ = pair
    seen: list[int] = []

    def spy(model: Any, guide: Any, batch: Mapping[str, Tensor], num_particles: int, only: Any) -> Tensor:
        seen.append(len(batch["x"]) * num_particles)
        return particle_weights(model, guide, batch, num_particles, only)

    monkeypatch.setattr(density, "particle_weights", spy)
    x = torch.randn(600, 20)
    for particles in (1, 100, 1000):
        seen.clear()
        density.log_prob(model, guide, {"x": x}, particles, seed=0)
        assert max(seen) <= density._ROWS_A_PASS
        assert sum(seen) == 600 * particles
    density.log_prob(model, guide, {"x": x[:1]}, 10_000, seed=0)
    assert max(seen) <= density._ROWS_A_PASS


def test_memory_does_not_grow_with_the_number_of_particles(pair: tuple[PPCA, MeanField, Tensor]) -> None:
    """Python's side; the tensors' side is bounded by the rows of a pass, which the test before counts."""
    model, guide, x = pair
    peaks = []
    for particles in (1000, 1000, 20_000):
        tracemalloc.start()
        density.log_prob(model, guide, {"x": x}, particles, seed=0)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < 1.5 * peaks[1] + 10_000


def test_without_latents_it_is_exact() -> None:
    model = PixelCNN((1, 2, 2), hidden=3, num_layers=1)
    images = torch.tensor([[float(b) for b in f"{i:04b}"] for i in range(16)]).reshape(16, 1, 2, 2)
    found = density.log_prob(model, None, {"x": images}, 1, seed=0)
    assert found.exp().sum().item() == pytest.approx(1.0, abs=1e-6)
    assert torch.equal(found, density.log_prob(model, None, {"x": images}, 1, seed=9))


def test_covariates_go_with_their_rows() -> None:
    """A label that decides everything: each row's density is under its own label, in every piece."""

    class Told(ConditionalVAE):
        """x is almost surely the bit that y says, whatever z."""

        def x(self, z: Tensor, y: Tensor) -> Any:
            sure = (2.0 * y - 1.0).reshape(-1, 1, 1, 1).expand(-1, 1, 4, 4)
            return dist.Bernoulli(logits=20 * sure + 0 * z.sum(1).reshape(-1, 1, 1, 1)).to_event(3)

    model = Told((1, 4, 4), num_classes=2, latent_dim=2)
    y = torch.tensor([0, 1] * 150)
    batch = {"x": y.float().reshape(-1, 1, 1, 1).expand(-1, 1, 4, 4).clone(), "y": y}
    guide = MeanField(model, width=4).setup(batch)
    found = density.log_prob(model, guide, batch, 50, seed=0)
    assert (found > -1.0).all()


def test_the_elbo_is_the_mean_weight(pair: tuple[PPCA, MeanField, Tensor]) -> None:
    model, guide, x = pair
    found = density.elbo(model, guide, {"x": x}, 3, seed=1)
    torch.manual_seed(1)
    with torch.no_grad():
        weights = torch.stack([log_weights(model, guide, {"x": x}).double() for _ in range(3)])
    torch.testing.assert_close(found, weights.mean(0), rtol=0, atol=1e-12)
    exact = log_evidence(model, x).mean()
    many = density.elbo(model, guide, {"x": x}, 300, seed=1).mean()
    assert many < density.log_prob(model, guide, {"x": x}, 100, seed=1).mean() < exact + 0.05


def test_with_a_global_latent_there_is_one_bound_for_all() -> None:
    model = SharedMean()
    x = model(size=20)["x"].detach()
    found = density.elbo(model, MeanField(model, width=4), {"x": x}, 5, seed=0)
    assert found.shape == (5,)


def test_evaluation_leaves_no_trace(pair: tuple[PPCA, MeanField, Tensor]) -> None:
    model, guide, x = pair
    guide.evidence.readers["x"].add_module("dropout", nn.Dropout(0.5))
    guide.train()
    before = torch.get_rng_state()
    found = density.log_prob(model, guide, {"x": x}, 5, seed=0)
    assert torch.equal(torch.get_rng_state(), before)
    assert guide.training
    assert torch.equal(found, density.log_prob(model, guide, {"x": x}, 5, seed=0))
    assert not found.requires_grad


@pytest.mark.parametrize("particles", [0, -1, 2.0, None])
def test_a_number_of_particles_that_is_none(particles: Any) -> None:
    model = TwoLevels()
    x = {"x": torch.zeros(2, 5)}
    for ask in (density.elbo, density.log_prob):
        with pytest.raises(SettingError, match="num_particles"):
            ask(model, MeanField(model), x, particles, seed=0)


def test_the_answer_of_a_fit_is_that_of_its_model(vae_fit: ppgen.fitting.Fit) -> None:
    x = vae_fit.data.split("test")
    expected = density.log_prob(vae_fit.model, vae_fit.guide, x, 20, seed=4)
    assert torch.equal(vae_fit.log_prob_per_datum(num_particles=20, seed=4), expected)
    assert vae_fit.log_prob(num_particles=20, seed=4).value == expected.mean().item()


def test_values_that_are_summed_out_count_as_rows_of_a_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred letters to a datum: the model never sees more rows at once than it would without them."""
    torch.manual_seed(0)
    model = DiscreteVAE((1, 4, 4), num_letters=10, letter_dim=2, hidden=(8,))
    guide = MeanField(model, width=8)
    x = torch.rand(30, 1, 4, 4).bernoulli()
    exact = density.log_prob(model, guide, {"x": x}, 1, seed=0)
    seen: list[int] = []
    handle = model.register_forward_pre_hook(
        lambda module, args: seen.append(len(args[0]["x"])) if "x" in args[0] else None
    )
    monkeypatch.setattr(density, "_ROWS_A_PASS", 700)
    torch.testing.assert_close(density.log_prob(model, guide, {"x": x}, 1, seed=0), exact, rtol=1e-5, atol=1e-4)
    density.elbo(model, guide, {"x": x}, 2, seed=0)
    handle.remove()
    assert max(seen) == 700
