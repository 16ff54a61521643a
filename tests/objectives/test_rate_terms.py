from __future__ import annotations

import itertools
import math
from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from torch import Tensor, nn

import ppgen
from ppgen.declare import Guide, Model, latent, observed
from ppgen.errors import DeclarationError, SettingError
from ppgen.guides import FullRank, MeanField
from ppgen.models import SemiSupervisedVAE, VampPriorVAE
from ppgen.objectives.rate_terms import factorised_latent, log_aggregate, stratified_shares
from ppgen.objectives.run import run
from tests.oracles.conjugate import SharedMean, TwoLevels

pytestmark = pytest.mark.usefixtures("float64")


def posteriors(count: int, dim: int = 2) -> Any:
    generator = torch.Generator().manual_seed(0)
    loc = torch.randn(count, dim, generator=generator, dtype=torch.float64)
    scale = torch.rand(count, dim, generator=generator, dtype=torch.float64) + 0.2
    return dist.Normal(loc, scale).to_event(1)


def test_the_aggregate_is_the_mixture_of_all_posteriors() -> None:
    q, z = posteriors(7), torch.randn(5, 2)
    joint, product = log_aggregate(z, [posteriors(7)], torch.full((7,), -math.log(7)))
    by_hand = torch.stack([q.log_prob(one.expand(7, 2)).exp().mean().log() for one in z])
    torch.testing.assert_close(joint, by_hand, rtol=0, atol=1e-12)
    each = torch.stack([q.base_dist.log_prob(one.expand(7, 2)).exp().mean(0).log().sum() for one in z])
    torch.testing.assert_close(product, each, rtol=0, atol=1e-12)


def test_a_batch_as_large_as_the_data_has_equal_shares() -> None:
    torch.testing.assert_close(stratified_shares(5, 5, torch.zeros(1)).exp(), torch.full((5, 5), 0.2))


@pytest.mark.parametrize("rows", [2, 3])
def test_the_stratified_density_has_no_bias(rows: int) -> None:
    """The mean over all minibatches that hold a draw's own datum is q(z), exactly."""
    size, own = 6, 2
    q, z = posteriors(size), torch.tensor([0.3, -0.4])
    exact = q.log_prob(z.expand(size, 2)).exp().mean()
    estimates = []
    for others in itertools.combinations([n for n in range(size) if n != own], rows - 1):
        log_q = q.log_prob(z.expand(size, 2))[[own, *others]]
        estimates.append((stratified_shares(rows, size, z)[0] + log_q).logsumexp(0).exp())
    torch.testing.assert_close(torch.stack(estimates).mean(), exact, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("rows", "size"), [(1, 10), (5, 4)])
def test_a_batch_that_does_not_represent_the_data_is_refused(rows: int, size: int) -> None:
    with pytest.raises(SettingError, match="does not represent"):
        stratified_shares(rows, size, torch.zeros(1))


class Image(Model):
    """A latent of two event dims."""

    @latent
    def z(self) -> Any:
        return dist.Normal(0.0, 1.0).expand([2, 2]).to_event(2)

    @observed
    def x(self, z: Tensor) -> Any:
        return dist.Normal(z.flatten(1), 1.0).to_event(1)


def test_a_latent_of_several_event_dims_has_as_many_dimensions_as_numbers() -> None:
    class Encoder(Guide):
        @latent
        def z(self, x: Tensor) -> Any:
            return dist.Normal(x.reshape(-1, 2, 2), 0.5).to_event(2)

    x = torch.randn(3, 4)
    draw = factorised_latent(run(Image(), Encoder(), {"x": x}, 3))
    joint, product = log_aggregate(draw.value, [draw.guide_fn], torch.full((3,), -math.log(3)))
    flat = dist.Normal(x, 0.5).to_event(1)
    expected = log_aggregate(draw.value.flatten(1), [flat], torch.full((3,), -math.log(3)))
    torch.testing.assert_close((joint, product), expected)


class Line(Model):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(5, 2))

    @latent
    def z(self) -> Any:
        return dist.Normal(0.0, 1.0).expand([2]).to_event(1)

    @observed
    def x(self, z: Tensor) -> Any:
        return dist.Normal(z @ self.weight.T, 1.0).to_event(1)


def vamp() -> tuple[Model, Any]:
    model = VampPriorVAE(x_shape=(1, 8, 8), latent_dim=2, num_components=3)
    return model, ppgen.guides.Amortized(model.posterior)


def of(model: Model, family: Any) -> tuple[Model, Any]:
    return model, family(model)


@pytest.mark.parametrize(
    ("make", "shape", "what"),
    [
        (lambda: of(TwoLevels(), MeanField), (5,), "latents z2, z1"),
        (lambda: of(SharedMean(), MeanField), (2,), "latents mu, z"),
        (lambda: of(Line(), FullRank), (5,), "the guide of 'z'"),
        (lambda: of(SemiSupervisedVAE((1, 8, 8), latent_dim=2), MeanField), (1, 8, 8), "latents z, y"),
        (vamp, (1, 8, 8), "the prior of 'z'"),
    ],
    ids=["two latents", "a global one", "full rank", "a discrete one", "vamp prior"],
)
def test_a_latent_whose_aggregate_is_not_known_is_refused(make: Any, shape: tuple[int, ...], what: str) -> None:
    model, guide = make()
    with pytest.raises(DeclarationError, match=what):
        factorised_latent(run(model, guide, {"x": torch.zeros(4, *shape)}, 4))


def test_a_masked_latent_is_refused() -> None:
    def model(x: Tensor) -> None:
        with pyro.plate("data", len(x)), pyro.poutine.mask(mask=torch.tensor([True, False])):
            z = pyro.sample("z", dist.Normal(torch.zeros(2, 2), 1.0).to_event(1))
            pyro.sample("x", dist.Normal(z, 1.0).to_event(1), obs=x)

    def guide(x: Tensor) -> None:
        with pyro.plate("data", len(x)):
            pyro.sample("z", dist.Normal(x, 1.0).to_event(1))

    x = torch.zeros(2, 2)
    program = ppgen.Program(model, guide).setup({"x": x})
    with pytest.raises(DeclarationError, match="masked"):
        factorised_latent(run(program.model, program.guide, {"x": x}, 2))
