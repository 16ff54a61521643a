"""Free bits and capacity against the closed form of every rate."""

from __future__ import annotations

from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from torch import Tensor
from torch.distributions import kl_divergence

import ppgen
from ppgen.declare import Guide, Model, latent, observed
from ppgen.errors import DeclarationError
from ppgen.guides import FullRank, MeanField
from ppgen.objectives import ELBO, TrainingPosition
from tests.oracles.conjugate import SharedMean, TwoLevels
from tests.oracles.mixture import Mixture
from tests.oracles.pyro_elbos import ours

pytestmark = pytest.mark.usefixtures("float64")


class Chain(Model):
    """z2 ~ Normal(0, I);  z1 | z2 ~ Normal(z2, I);  x | z1 ~ Normal(z1, I)."""

    @latent
    def z2(self) -> Any:
        return dist.Normal(0.0, 1.0).expand([3]).to_event(1)

    @latent
    def z1(self, z2: Tensor) -> Any:
        return dist.Normal(z2, 1.0).to_event(1)

    @observed
    def x(self, z1: Tensor) -> Any:
        return dist.Normal(z1, 1.0).to_event(1)


class Apart(Guide):
    """Each dimension of each latent with another scale, so that some rates are below any floor and some above."""

    @latent
    def z2(self, x: Tensor) -> Any:
        return dist.Normal(x * torch.tensor([0.0, 0.3, 2.0]), 0.9).to_event(1)

    @latent
    def z1(self, x: Tensor) -> Any:
        return dist.Normal(x, torch.tensor([1.0, 0.5, 0.1])).to_event(1)


def closed_rates(x: Tensor, seed: int = 0) -> dict[str, Tensor]:
    """``KL`` of every latent by datum and dimension, [N, 3], at the draw of z2 that the seed gives."""
    pyro.set_rng_seed(seed)
    q2, q1 = Apart().z2(x).base_dist, Apart().z1(x).base_dist
    z2 = q2.rsample()
    return {"z2": kl_divergence(q2, dist.Normal(0.0, 1.0)), "z1": kl_divergence(q1, dist.Normal(z2, 1.0))}


@pytest.mark.parametrize("size", [6, 60], ids=["whole", "subsampled"])
@pytest.mark.parametrize("beta", [0.0, 1.0, 3.0])
@pytest.mark.parametrize("floor", [0.2, 1.5, 50.0])
def test_a_latents_rate_costs_its_floor_at_least(floor: float, beta: float, size: int) -> None:
    torch.manual_seed(1)
    x = torch.randn(6, 3)
    kl = closed_rates(x)
    for per, groups in {"site": [kl[n].sum(1) for n in kl], "dimension": [*kl["z2"].T, *kl["z1"].T]}.items():
        loss, _ = ours(ELBO(beta, free_bits=floor, free_bits_per=per), Chain(), Apart(), {"x": x}, size)
        expected = loss.record["distortion"] + beta * sum(max(floor, group.mean().item()) for group in groups)
        torch.testing.assert_close(loss.value, expected, rtol=0, atol=1e-10)
        total = sum(group.mean() for group in groups)
        torch.testing.assert_close(loss.record["elbo"], -(loss.record["distortion"] + total), rtol=0, atol=1e-10)


def test_the_mean_is_taken_over_the_batch_before_the_maximum() -> None:
    """Half of the data spend 2 nats, the others nothing: a floor of 0.9 is met, as in the paper, and costs nothing."""
    x = torch.tensor([[2.0, 0.0, 0.0], [0.0, 0.0, 0.0]])

    class Half(Guide):
        @latent
        def z2(self, x: Tensor) -> Any:
            return dist.Normal(x, 1.0).to_event(1)

        @latent
        def z1(self, z2: Tensor) -> Any:
            return dist.Normal(z2, 1.0).to_event(1)

    loss, _ = ours(ELBO(free_bits=0.9), Chain(), Half(), {"x": x}, 2)
    floored = loss.value - loss.record["distortion"]
    torch.testing.assert_close(floored, torch.tensor(1.0 + 0.9), rtol=0, atol=1e-10)  # z2: 2/2 nats; z1: the floor


def test_sampled_rates_by_dimension_are_those_of_the_draw() -> None:
    x = torch.randn(6, 3)
    objective = ELBO(free_bits=0.3, free_bits_per="dimension", closed_form=False)
    loss, _ = ours(objective, Chain(), Apart(), {"x": x}, 60)
    pyro.set_rng_seed(0)
    q2, q1 = Apart().z2(x).base_dist, Apart().z1(x).base_dist
    z2, z1 = q2.rsample(), q1.rsample()
    log_ratios = [
        q2.log_prob(z2) - dist.Normal(0.0, 1.0).log_prob(z2),
        q1.log_prob(z1) - dist.Normal(z2, 1.0).log_prob(z1),
    ]
    floored = sum(ratio.mean(0).clamp(min=0.3).sum() for ratio in log_ratios)
    torch.testing.assert_close(loss.value, loss.record["distortion"] + floored, rtol=0, atol=1e-10)


def test_a_floor_of_zero_changes_nothing_for_discrete_latents_either() -> None:
    torch.manual_seed(0)
    model = Mixture()
    x = model(size=6)["x"].detach()
    guide = FullRank(model)
    plain, _ = ours(ELBO(2.0), model, guide, {"x": x}, 60)
    tiny, _ = ours(ELBO(2.0, free_bits=1e-300), model, guide, {"x": x}, 60)
    torch.testing.assert_close(plain.value, tiny.value, rtol=0, atol=1e-10)
    large, _ = ours(ELBO(2.0, free_bits=9.0), model, guide, {"x": x}, 60)
    torch.testing.assert_close(large.value, large.record["distortion"] + 2 * 2 * 9.0, rtol=0, atol=1e-10)
    mean_field = MeanField(model)
    by_dimension, _ = ours(ELBO(free_bits=1e-300, free_bits_per="dimension"), model, mean_field, {"x": x}, 6)
    rates = sum(rate for name, rate in by_dimension.record.items() if name.startswith("rate/"))
    assert by_dimension.value > by_dimension.record["distortion"] + rates - 1e-10
    nine, _ = ours(ELBO(free_bits=9.0, free_bits_per="dimension"), model, mean_field, {"x": x}, 6)
    torch.testing.assert_close(nine.value, nine.record["distortion"] + 3 * 9.0, rtol=0, atol=1e-10)  # y, z[0], z[1]


def test_a_global_latent_has_no_floor() -> None:
    model, x = SharedMean(), torch.randn(6, 2)
    guide = MeanField(model)
    loss, _ = ours(ELBO(free_bits=5.0), model, guide, {"x": x}, 60)
    expected = loss.record["distortion"] + loss.record["rate/mu"] + 5.0
    torch.testing.assert_close(loss.value, expected, rtol=0, atol=1e-10)


def test_a_floor_by_dimension_is_for_each_place_of_an_inner_plate() -> None:
    """Four views of two dimensions are eight groups; ``KL(Normal(x, 1) || Normal(0, 1)) = x^2 / 2`` in each."""
    x = torch.randn(3, 4, 2)

    def plates(size: int) -> tuple[Any, Any]:
        return pyro.plate("data", size, subsample_size=3, dim=-2), pyro.plate("views", 4, dim=-1)

    def model(x: Tensor, size: int) -> None:
        data, views = plates(size)
        with data, views:
            w = pyro.sample("w", dist.Normal(torch.zeros(3, 4, 2), 1.0).to_event(1))
            pyro.sample("x", dist.Normal(w, 1.0).to_event(1), obs=x)

    def guide(x: Tensor, size: int) -> None:
        data, views = plates(size)
        with data, views:
            pyro.sample("w", dist.Normal(x, 1.0).to_event(1))

    program = ppgen.Program(model, guide).setup({"x": x})
    objective = ELBO(free_bits=0.5, free_bits_per="dimension")
    loss, _ = ours(objective, program.model, program.guide, {"x": x}, 30)
    expected = (x.square() / 2).mean(0).clamp(min=0.5).sum()
    torch.testing.assert_close(loss.value - loss.record["distortion"], expected, rtol=0, atol=1e-10)


def test_masked_dimensions_have_no_rate() -> None:
    mask, x = torch.tensor([True, False]), torch.tensor([[3.0, 1.0], [9.0, 9.0]])

    def model(x: Tensor, size: int) -> None:
        with pyro.plate("data", size, subsample_size=len(x)), pyro.poutine.mask(mask=mask):
            z = pyro.sample("z", dist.Normal(torch.zeros(2, 2), 1.0).to_event(1))
            pyro.sample("x", dist.Normal(z, 1.0).to_event(1), obs=x)

    def guide(x: Tensor, size: int) -> None:
        with pyro.plate("data", size, subsample_size=len(x)):
            pyro.sample("z", dist.Normal(x, 1.0).to_event(1))

    program = ppgen.Program(model, guide).setup({"x": x})
    objective = ELBO(free_bits=1.0, free_bits_per="dimension")
    loss, _ = ours(objective, program.model, program.guide, {"x": x}, 2)
    paid = loss.value - loss.record["distortion"]
    torch.testing.assert_close(paid, torch.tensor(9 / 4 + 1.0), rtol=0, atol=1e-10)  # 3^2/2 over 2 rows; 1/4 below 1


def test_a_guide_that_does_not_factorise_has_no_floor_by_dimension() -> None:
    model = TwoLevels()
    with pytest.raises(DeclarationError, match=r"'z2' is no sum over its dimensions"):
        ours(
            ELBO(free_bits=1.0, free_bits_per="dimension"),
            model,
            FullRank(model),
            {"x": torch.randn(3, 5)},
            3,
        )


# Capacity -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [6, 60], ids=["whole", "subsampled"])
@pytest.mark.parametrize(("epoch", "allowed"), [(0.0, 0.0), (2.5, 1.0), (10.0, 4.0), (99.0, 4.0)])
def test_the_distance_of_the_rate_from_the_capacity_is_what_costs(epoch: float, allowed: float, size: int) -> None:
    torch.manual_seed(1)
    x = torch.randn(6, 3)
    rate = sum(kl.sum(1).mean() for kl in closed_rates(x).values())
    objective = ELBO(capacity=4.0, capacity_weight=30.0, warmup=10)
    loss, _ = ours(objective, Chain(), Apart(), {"x": x}, size, TrainingPosition(0, epoch))
    expected = loss.record["distortion"] + 30.0 * (rate - allowed).abs()
    torch.testing.assert_close(loss.value, expected, rtol=0, atol=1e-10)
    torch.testing.assert_close(loss.record["elbo"], -(loss.record["distortion"] + rate), rtol=0, atol=1e-10)


def test_a_discrete_latents_rate_counts_towards_the_capacity() -> None:
    torch.manual_seed(0)
    model = Mixture()
    x = model(size=6)["x"].detach()
    loss, _ = ours(ELBO(capacity=0.5, capacity_weight=2.0), model, MeanField(model), {"x": x}, 60)
    rate = loss.record["rate/y"] + loss.record["rate/z"]
    assert loss.record["rate/y"] > 0
    expected = loss.record["distortion"] + 2.0 * (rate - 0.5).abs()
    torch.testing.assert_close(loss.value, expected, rtol=0, atol=1e-10)
