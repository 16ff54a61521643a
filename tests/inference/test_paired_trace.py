from __future__ import annotations

from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from torch import Tensor

from ppgen.errors import DeclarationError
from ppgen.guides import Delta, FullRank, MeanField
from ppgen.inference.paired_trace import trace_pair
from tests.oracles.conjugate import TwoLevels

pytestmark = pytest.mark.usefixtures("float64")


def test_it_sees_what_guide_trace_and_replayed_model_trace_see() -> None:
    model, x = TwoLevels(), torch.randn(4, 5)
    guide = FullRank(model)
    pyro.set_rng_seed(0)
    drawn = pyro.poutine.trace(guide).get_trace({"x": x}, 40)
    scored = pyro.poutine.trace(pyro.poutine.replay(model, drawn)).get_trace({"x": x}, 40)
    pyro.set_rng_seed(0)
    trace = trace_pair(model, guide, {"x": x}, 40)
    assert list(trace.latents) == ["z2", "z1"]
    assert list(trace.observed) == ["x"]
    for name, draw in trace.latents.items():
        assert torch.equal(draw.value, drawn.nodes[name]["value"])
        assert torch.equal(draw.value, scored.nodes[name]["value"])
        log_q = drawn.nodes[name]["fn"].log_prob(draw.value)
        log_p = scored.nodes[name]["fn"].log_prob(draw.value)
        assert torch.equal(draw.log_ratio(), log_q - log_p)
        assert draw.scale == drawn.nodes[name]["scale"] == 10.0
    assert torch.equal(trace.observed["x"].log_prob(), scored.nodes["x"]["fn"].log_prob(x))


def test_a_subsampled_plate_takes_the_batch_as_it_is() -> None:
    """Pyro would draw a permutation of the data set for every plate; the random state tells that nobody did."""
    seen = []

    def model(x: Tensor) -> None:
        with pyro.plate("data", 1000, subsample_size=len(x)) as index:
            seen.append(index)
            pyro.sample("x", dist.Normal(0.0, 1.0), obs=x)

    before = torch.get_rng_state()
    trace = trace_pair(lambda batch, size: model(batch["x"]), None, {"x": torch.zeros(4)}, 1000)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(seen[0], torch.arange(4))
    assert trace.observed["x"].scale == 250.0


def test_a_latent_without_a_guide_site_is_named() -> None:
    def model(batch: Any, size: int) -> None:
        pyro.sample("lonely", dist.Normal(0.0, 1.0))

    with pytest.raises(DeclarationError, match="'lonely'"):
        trace_pair(model, lambda batch, size: None, {}, 1)


def test_a_closed_form_needs_the_models_order() -> None:
    def model(batch: Any, size: int) -> None:
        a = pyro.sample("a", dist.Normal(0.0, 1.0))
        pyro.sample("b", dist.Normal(a, 1.0))

    def forward(batch: Any, size: int) -> None:
        pyro.sample("a", dist.Normal(0.0, 1.0))
        pyro.sample("b", dist.Normal(0.0, 1.0))

    def backward(batch: Any, size: int) -> None:
        b = pyro.sample("b", dist.Normal(0.0, 1.0))
        pyro.sample("a", dist.Normal(b, 1.0))

    assert {n: d.in_order for n, d in trace_pair(model, forward, {}, 1).latents.items()} == {"a": True, "b": True}
    # KL(q(a | b) || p(a)) is right for every b; KL(q(b) || p(b | a)) is not, since a is drawn from b.
    assert {n: d.in_order for n, d in trace_pair(model, backward, {}, 1).latents.items()} == {"a": True, "b": False}


def test_a_delta_has_no_closed_form_and_makes_the_guide_a_point() -> None:
    model, x = TwoLevels(), torch.randn(4, 5)
    trace = trace_pair(model, Delta(model), {"x": x}, 4)
    assert trace.is_point
    assert not any(draw.has_valid_kl for draw in trace.latents.values())
    assert not trace_pair(model, MeanField(model), {"x": x}, 4).is_point


def test_a_delta_with_a_density_of_its_own_counts_it() -> None:
    """Pyro's flows draw an auxiliary site and hand its parts on as Deltas with a log-density; KL would forget it."""

    def model(batch: Any, size: int) -> None:
        pyro.sample("z", dist.Normal(0.0, 1.0))

    def guide(batch: Any, size: int) -> None:
        u = pyro.sample("u", dist.Normal(0.0, 1.0).mask(False), infer={"is_auxiliary": True})
        log_q = dist.Normal(0.0, 1.0).log_prob(u)
        pyro.sample("z", dist.Delta(2 * u, log_density=log_q - torch.tensor(2.0).log()))

    trace = trace_pair(model, guide, {}, 1)
    assert not trace.is_point
    z = trace.latents["z"].value
    expected = dist.Normal(0.0, 2.0).log_prob(z) - dist.Normal(0.0, 1.0).log_prob(z)
    for closed_form in (True, False):
        torch.testing.assert_close(trace.latents["z"].rate(closed_form=closed_form), expected)


@pytest.mark.parametrize(("mask", "expected"), [(True, 1.0), (False, 0.0)])
def test_a_mask_for_the_whole_site(mask: bool, expected: float) -> None:
    def model(batch: Any, size: int) -> None:
        with pyro.poutine.mask(mask=mask):
            pyro.sample("z", dist.Normal(0.0, 1.0))

    def guide(batch: Any, size: int) -> None:
        pyro.sample("z", dist.Normal(2**0.5, 1.0))

    draw = trace_pair(model, guide, {}, 1).latents["z"]
    assert draw.rate(closed_form=True).item() == pytest.approx(expected)  # KL(Normal(m, 1) || Normal(0, 1)) = m^2 / 2


def test_deterministic_sites_are_no_random_variables() -> None:
    def model(batch: Any, size: int) -> None:
        z = pyro.sample("z", dist.Normal(0.0, 1.0))
        pyro.deterministic("twice", 2 * z)

    trace = trace_pair(model, model, {}, 1)
    assert list(trace.latents) == ["z"]
    assert list(trace.observed) == []
