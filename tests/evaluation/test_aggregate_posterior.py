"""Against plain Monte Carlo on the mixture of N Gaussians that the aggregate posterior is."""

from __future__ import annotations

import math

import pyro.distributions as dist
import pytest
import torch
from torch import Tensor

from ppgen.errors import DataError, DeclarationError, SettingError
from ppgen.evaluation import rate_decomposition, total_correlation
from ppgen.guides import FullRank
from tests.oracles.gaussian_pair import Linear, LinearGuide

SIZE = 100


@pytest.fixture(scope="module")
def pair() -> tuple[Linear, LinearGuide, Tensor]:
    torch.manual_seed(0)
    model = Linear()
    x = model(size=SIZE)["x"].detach()
    guide = LinearGuide(model, off=0.1)
    with torch.no_grad():
        guide.gain[1] += 0.8 * guide.gain[0]  # so that the dimensions of the code are dependent
    return model, guide, x


@pytest.fixture(scope="module")
def monte_carlo(pair: tuple[Linear, LinearGuide, Tensor]) -> dict[str, float]:
    """2e5 draws from the mixture itself: a component at random, then its Gaussian."""
    _, guide, x = pair
    generator = torch.Generator().manual_seed(1)
    loc, scale = (x @ guide.gain.T).detach().double(), guide.raw.exp().detach().double()
    total = dict.fromkeys(("mutual_information", "total_correlation", "dimension_kl"), 0.0)
    draws = 200_000
    for _ in range(20):
        which = torch.randint(SIZE, (draws // 20,), generator=generator)
        noise = torch.randn(len(which), 2, generator=generator, dtype=torch.float64)
        z = loc[which] + scale * noise
        log_each = -0.5 * ((z[:, None] - loc) / scale) ** 2 - scale.log() - 0.5 * math.log(2 * math.pi)
        joint = log_each.sum(-1).logsumexp(1) - math.log(SIZE)
        product = (log_each.logsumexp(1) - math.log(SIZE)).sum(-1)
        own = dist.Normal(loc[which], scale).log_prob(z).sum(-1)
        total["mutual_information"] += (own - joint).mean().item() / 20
        total["total_correlation"] += (joint - product).mean().item() / 20
        total["dimension_kl"] += (product - dist.Normal(0.0, 1.0).log_prob(z).sum(-1)).mean().item() / 20
    return total


def test_the_terms_are_those_of_the_whole_mixture(
    pair: tuple[Linear, LinearGuide, Tensor], monte_carlo: dict[str, float]
) -> None:
    model, guide, x = pair
    found = rate_decomposition(model, guide, {"x": x}, num_draws=100)
    for name, estimate in found.items():
        if name == "marginal_kl":  # whose oracle is a sum
            continue
        assert abs(estimate.value - monte_carlo[name]) < 0.02, name
        assert 0 < estimate.standard_error < 0.01
        assert estimate.unit == "nats"
    assert monte_carlo["total_correlation"] > 0.05  # else a zero would pass


def test_the_terms_add_up_to_the_rate(pair: tuple[Linear, LinearGuide, Tensor]) -> None:
    model, guide, x = pair
    found = rate_decomposition(model, guide, {"x": x}, num_draws=50)
    q = dist.Normal(x @ guide.gain.T, guide.raw.exp())
    rate = torch.distributions.kl_divergence(q, dist.Normal(0.0, 1.0)).sum(-1).mean().item()
    three = ("mutual_information", "total_correlation", "dimension_kl")
    assert sum(found[name].value for name in three) == pytest.approx(rate, abs=0.02)
    rest = found["total_correlation"].value + found["dimension_kl"].value
    assert found["marginal_kl"].value == pytest.approx(rest, abs=1e-6)


def test_the_standard_error_is_the_spread_over_seeds(pair: tuple[Linear, LinearGuide, Tensor]) -> None:
    model, guide, x = pair
    found = [total_correlation(model, guide, {"x": x[:40]}, num_draws=4, seed=seed) for seed in range(60)]
    spread = torch.tensor([estimate.value for estimate in found]).std().item()
    claimed = torch.tensor([estimate.standard_error for estimate in found]).mean().item()
    assert 0.75 < spread / claimed < 1.33


def test_a_set_read_in_pieces_is_one_set(
    pair: tuple[Linear, LinearGuide, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, guide, x = pair
    whole = rate_decomposition(model, guide, {"x": x}, num_draws=20)
    monkeypatch.setattr("ppgen.evaluation.aggregate_posterior._ROWS", 30)
    monkeypatch.setattr("ppgen.evaluation.aggregate_posterior._ELEMENTS", 10_000)
    pieces = rate_decomposition(model, guide, {"x": x}, num_draws=20)
    for name in whole:  # other draws, the same mixture
        error = math.hypot(whole[name].standard_error, pieces[name].standard_error)
        assert abs(whole[name].value - pieces[name].value) < 4 * error


def test_nothing_is_left_behind(pair: tuple[Linear, LinearGuide, Tensor]) -> None:
    model, guide, x = pair
    before, state = torch.get_rng_state(), guide.training
    first = total_correlation(model, guide, {"x": x[:20]})
    assert torch.equal(torch.get_rng_state(), before)
    assert guide.training == state
    assert total_correlation(model, guide, {"x": x[:20]}) == first


def test_bad_input_is_named(pair: tuple[Linear, LinearGuide, Tensor]) -> None:
    model, guide, x = pair
    with pytest.raises(SettingError, match="num_draws"):
        total_correlation(model, guide, {"x": x}, num_draws=1)
    with pytest.raises(DataError, match="single posterior"):
        total_correlation(model, guide, {"x": x[:1]})
    with pytest.raises(DeclarationError, match="not independent over dimensions"):
        total_correlation(model, FullRank(model), {"x": x})
