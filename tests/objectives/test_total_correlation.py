"""The total correlation objective and its terms."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from torch import Tensor

import ppgen
from ppgen.declare import Guide, Model, latent, observed
from ppgen.errors import DeclarationError, SettingError
from ppgen.guides import FullRank, MeanField
from ppgen.inference.batch_trace import trace_batch
from ppgen.models import SemiSupervisedVAE, VampPriorVAE
from ppgen.objectives import ELBO, TotalCorrelation, TrainingPosition
from ppgen.objectives.total_correlation import factorised_latent, log_aggregate, stratified_shares
from tests.oracles.conjugate import SharedMean, TwoLevels
from tests.oracles.gaussian_pair import Linear, LinearGuide
from tests.oracles.losses import loss_of
from tests.oracles.pyro_elbos import gradients, ours

pytestmark = pytest.mark.usefixtures("float64")


def pair_of(rows: int = 8) -> tuple[Linear, LinearGuide, dict[str, Tensor]]:
    torch.manual_seed(0)
    model = Linear()
    return model, LinearGuide(model, off=0.2), {"x": model(size=rows)["x"].detach()}


def terms_by_hand(guide: LinearGuide, x: Tensor) -> dict[str, Tensor]:
    """The three terms at the draw of seed 0, with loops, for a batch that is all of the data."""
    pyro.set_rng_seed(0)
    q = dist.Normal(x @ guide.gain.T, guide.raw.exp())
    z = q.rsample()
    n = len(x)
    mi, tc, kl = [], [], []
    for i in range(n):
        each = torch.stack([dist.Normal((x @ guide.gain.T)[j], guide.raw.exp()).log_prob(z[i]) for j in range(n)])
        joint = each.sum(1).logsumexp(0) - math.log(n)
        product = (each.logsumexp(0) - math.log(n)).sum()
        mi.append(each[i].sum() - joint)
        tc.append(joint - product)
        kl.append(product - dist.Normal(0.0, 1.0).log_prob(z[i]).sum())
    return {name: torch.stack(term).mean() for name, term in (("mi", mi), ("tc", tc), ("kl", kl))}


def test_with_beta_1_it_is_the_elbo() -> None:
    model, guide, batch = pair_of()
    for size in (8, 80):
        plain, expected = ours(ELBO(), model, guide, batch, size)
        loss, found = ours(TotalCorrelation(1.0), model, guide, batch, size)
        torch.testing.assert_close(loss.value, plain.value, rtol=0, atol=1e-10)
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("beta", [0.0, 1.0, 6.0])
def test_with_all_data_in_the_batch_only_the_total_correlation_is_weighted(beta: float) -> None:
    model, guide, batch = pair_of()
    terms = terms_by_hand(guide, batch["x"])
    loss, found = ours(TotalCorrelation(beta), model, guide, batch, 8)
    plain, _ = ours(ELBO(closed_form=False), model, guide, batch, 8)
    torch.testing.assert_close(plain.record["rate/z"], sum(terms.values()).detach(), rtol=0, atol=1e-10)
    torch.testing.assert_close(loss.record["surrogate_tc"], terms["tc"].detach(), rtol=0, atol=1e-10)
    assert set(loss.record) == {"rate/z", "distortion", "elbo", "surrogate_tc"}  # and no estimate says it is the TC
    expected = loss.record["distortion"] + loss.record["rate/z"] + (beta - 1) * terms["tc"].detach()
    torch.testing.assert_close(loss.value, expected, rtol=0, atol=1e-10)
    torch.testing.assert_close(loss.record["elbo"], -(loss.record["distortion"] + loss.record["rate/z"]))
    exact = gradients(ours_elbo(model, guide, batch) + (beta - 1) * terms["tc"], model, guide)
    torch.testing.assert_close(found, exact, rtol=0, atol=1e-10)


def ours_elbo(model: Any, guide: Any, batch: dict[str, Tensor]) -> Tensor:
    pyro.set_rng_seed(0)
    return loss_of(ELBO(), model, guide, batch, 8).value


def test_the_weight_goes_from_the_plain_elbo_to_beta() -> None:
    model, guide, batch = pair_of()
    start, _ = ours(TotalCorrelation(6.0, warmup=10), model, guide, batch, 80, TrainingPosition(0, 0.0))
    plain, _ = ours(ELBO(), model, guide, batch, 80)
    torch.testing.assert_close(start.value, plain.value, rtol=0, atol=1e-10)
    half, _ = ours(TotalCorrelation(6.0, warmup=10), model, guide, batch, 80, TrainingPosition(0, 5.0))
    torch.testing.assert_close(half.value, plain.value + 2.5 * half.record["surrogate_tc"], rtol=0, atol=1e-10)


def test_a_left_over_row_can_be_evaluated_but_not_trained_on() -> None:
    model, guide, batch = pair_of(1)
    with torch.no_grad():
        assert loss_of(TotalCorrelation(), model, guide, batch, 80).record["surrogate_tc"] == 0
    with pytest.raises(SettingError, match="does not represent"):
        loss_of(TotalCorrelation(), model, guide, batch, 80)


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
    draw = factorised_latent(trace_batch(Image(), Encoder(), {"x": x}, 3))
    joint, product = log_aggregate(draw.value, [draw.guide_fn], torch.full((3,), -math.log(3)))
    flat = dist.Normal(x, 0.5).to_event(1)
    expected = log_aggregate(draw.value.flatten(1), [flat], torch.full((3,), -math.log(3)))
    torch.testing.assert_close((joint, product), expected)


def vamp() -> tuple[Model, Any]:
    model = VampPriorVAE(x_shape=(1, 8, 8), latent_dim=2, num_components=3)
    return model, ppgen.guides.NetworkGuide(model.posterior)


def of(model: Model, family: Any) -> tuple[Model, Any]:
    return model, family(model)


@pytest.mark.parametrize(
    ("make", "shape", "what"),
    [
        (lambda: of(TwoLevels(), MeanField), (5,), "latents z2, z1"),
        (lambda: of(SharedMean(), MeanField), (2,), "latents mu, z"),
        (lambda: of(Linear(), FullRank), (3,), "the guide of 'z'"),
        (lambda: of(SemiSupervisedVAE((1, 8, 8), latent_dim=2), MeanField), (1, 8, 8), "latents z, y"),
        (vamp, (1, 8, 8), "the prior of 'z'"),
    ],
    ids=["two latents", "a global one", "full rank", "a discrete one", "vamp prior"],
)
def test_a_latent_whose_aggregate_is_not_known_is_refused(make: Any, shape: tuple[int, ...], what: str) -> None:
    model, guide = make()
    with pytest.raises(DeclarationError, match=what):
        factorised_latent(trace_batch(model, guide, {"x": torch.zeros(4, *shape)}, 4))


def test_a_masked_latent_is_refused_and_a_mask_that_hides_nothing_is_none() -> None:
    hidden: list[Any] = [torch.tensor([True, False])]

    def model(x: Tensor) -> None:
        with pyro.plate("data", len(x)), pyro.poutine.mask(mask=hidden[0]):
            z = pyro.sample("z", dist.Normal(torch.zeros(2, 2), 1.0).to_event(1))
            pyro.sample("x", dist.Normal(z, 1.0).to_event(1), obs=x)

    def guide(x: Tensor) -> None:
        with pyro.plate("data", len(x)):
            pyro.sample("z", dist.Normal(x, 1.0).to_event(1))

    x = torch.zeros(2, 2)
    program = ppgen.Program(model, guide).setup({"x": x})
    with pytest.raises(DeclarationError, match="masked"):
        factorised_latent(trace_batch(program.model, program.guide, {"x": x}, 2))
    hidden[0] = True
    assert factorised_latent(trace_batch(program.model, program.guide, {"x": x}, 2)).name == "z"
