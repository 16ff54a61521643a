from __future__ import annotations

import dataclasses
from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.poutine.indep_messenger import CondIndepStackFrame
from torch.distributions import kl_divergence

from ppgen.errors import DeclarationError
from ppgen.guides import Delta, MeanField
from ppgen.inference.bound import (
    data_frame,
    elbo_parts,
    full_size,
    kl_per_dimension,
    per_datum,
    rate_per_dimension,
)
from ppgen.inference.paired_trace import PairedSite, PairedTrace
from tests.oracles.conjugate import SharedMean, TwoLevels
from tests.oracles.small_discrete import Bits, BitsGuide, log_joint, log_q

pytestmark = pytest.mark.usefixtures("float64")


@pytest.mark.parametrize("rows", [2, 10])
def test_parts_are_per_datum_of_the_whole_data_set(rows: int) -> None:
    """A minibatch of 10 stands for all: the global rate counts once for the data set, whatever the batch."""
    model, x = SharedMean(), torch.randn(10, 2)
    guide = MeanField(model)
    found = elbo_parts(model, guide, {"x": x[:rows]}, 10)
    q = dist.Normal(torch.zeros(2), 0.1).to_event(1)  # where a global latent's guide starts
    p = dist.Normal(torch.zeros(2), 2.0).to_event(1)
    torch.testing.assert_close(found.rates["mu"], kl_divergence(q, p) / 10, rtol=1e-4, atol=0)
    local = found.trace.latents["z"]
    torch.testing.assert_close(found.rates["z"], kl_divergence(local.guide_fn, local.model_fn).mean())
    torch.testing.assert_close(found.distortion, -found.trace.observed["x"].log_prob().mean())
    torch.testing.assert_close(found.rate, found.rates["mu"] + found.rates["z"])


def test_parts_of_a_model_without_data() -> None:
    def model(batch: Any, size: int) -> None:
        pyro.sample("z", dist.Normal(0.0, 1.0))

    found = elbo_parts(model, model, {}, 1)
    assert found.distortion == 0
    assert found.rate == 0


def test_parts_of_a_summed_out_latent_are_sums_over_its_values() -> None:
    """Of three data the last has its latent observed: no rate, the prior's density in the distortion, and a label."""
    model, guide, x = Bits(), BitsGuide(), torch.randn(3, 3)
    q, joint = log_q(guide, x), log_joint(model, x)
    log_prior = model.z().log_prob(torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]))
    rate = (q.exp() * (q - log_prior)).sum(1)
    distortion = -(q.exp() * (joint - log_prior)).sum(1)
    found = elbo_parts(model, guide, {"x": x}, 30)
    torch.testing.assert_close(found.rates["z"], rate.mean())
    torch.testing.assert_close(found.distortion, distortion.mean())
    z = torch.tensor([[-1.0, -1.0], [-1.0, -1.0], [1.0, 0.0]])
    found = elbo_parts(model, guide, {"x": x, "z": z}, 30)
    torch.testing.assert_close(found.rates["z"], rate[:2].sum() / 3)
    torch.testing.assert_close(found.distortion, (distortion[:2].sum() - joint[2, 2]) / 3)
    torch.testing.assert_close(found.label_nll["z"], -q[2, 2] / 3)


def test_kl_per_dimension_adds_up() -> None:
    q = dist.Normal(torch.randn(4, 3), torch.rand(4, 3) + 0.1).to_event(1)
    p = dist.Normal(torch.zeros(4, 3), 1.0).to_event(1)
    each = kl_per_dimension(q, p)
    assert each is not None
    assert each.shape == (4, 3)
    torch.testing.assert_close(each.sum(-1), kl_divergence(q, p))


@pytest.mark.parametrize(
    ("q", "p"),
    [
        (dist.Normal(0.0, 1.0), dist.Normal(0.0, 1.0)),
        (dist.TransformedDistribution(dist.Normal(0.0, 1.0), []), dist.HalfNormal(1.0)),
        (dist.MultivariateNormal(torch.zeros(2), torch.eye(2)), dist.Normal(torch.zeros(2), 1.0).to_event(1)),
        (dist.Gamma(torch.ones(2), 1.0).to_event(1), dist.LogNormal(torch.zeros(2), 1.0).to_event(1)),
        (dist.Normal(torch.zeros(2, 3), 1.0).to_event(1), dist.Normal(torch.zeros(2, 3), 1.0).to_event(2)),
    ],
)
def test_kl_per_dimension_of_what_does_not_factorise(q: Any, p: Any) -> None:
    assert kl_per_dimension(q, p) is None


def test_a_record_names_the_parts_and_their_sum() -> None:
    model = TwoLevels()
    x = {"x": torch.randn(3, 5)}
    found = elbo_parts(model, MeanField(model), x, 3)
    record = found.record()
    assert list(record) == ["rate/z2", "rate/z1", "distortion", "elbo"]
    torch.testing.assert_close(record["elbo"], -(found.distortion + found.rate).detach())
    assert not any(value.requires_grad for value in record.values())
    assert "log_joint" in elbo_parts(model, Delta(model), x, 3).record()


def site(*plates: tuple[str, int | None, int], full: int | None = None) -> PairedSite:
    """A site inside plates of a name, a dim and a size each; the first stands for ``full`` data points."""
    frames = [
        CondIndepStackFrame(name, dim, size, 0, full if i == 0 else size) for i, (name, dim, size) in enumerate(plates)
    ]
    return PairedSite("x", torch.zeros(()), frames=tuple(frames))


OUTSIDE, INSIDE = site(("data", -2, 3), ("words", -1, 4)), site(("views", -2, 2), ("data", -1, 3))


@pytest.mark.parametrize(
    ("draw", "density", "expected"),
    [
        (OUTSIDE, [[0.0, 1.0, 2.0, 3.0], [4.0] * 4, [0.0, 0.0, 5.0, 6.0]], [6.0, 16.0, 11.0]),
        (INSIDE, [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]], [3.0, 5.0, 7.0]),
        (OUTSIDE, [1.0, 2.0, 3.0, 4.0], [10.0] * 3),
        (OUTSIDE, [[1.0, 2.0, 3.0, 4.0]], [10.0] * 3),
        (site(("data", -1, 3)), 4.0, [4.0] * 3),
        (site(("data", -1, 3)), [4.0], [4.0] * 3),
    ],
    ids=["inner plate", "outer plate", "no data dim", "data dim of 1", "a number", "one number"],
)
def test_a_density_is_summed_over_all_plates_but_the_datas(
    draw: PairedSite, density: list[Any], expected: list[float]
) -> None:
    """What is the same for all data counts for each of them."""
    torch.testing.assert_close(per_datum(torch.tensor(density), draw, 3), torch.tensor(expected))


def test_a_site_outside_the_data_has_no_density_per_datum() -> None:
    with pytest.raises(DeclarationError, match="x: the site is not in a plate over the data"):
        per_datum(torch.zeros(2), site(("words", -1, 2)), 3)


def test_the_plate_over_the_data_is_known_by_name_and_then_by_size() -> None:
    assert data_frame(site(("views", -2, 3), ("data", -1, 3)), 3).name == "data"
    assert data_frame(site(("rows", -2, 3), ("views", -1, 3)), 3).name == "rows"  # the outermost
    assert data_frame(site(("rows", -2, 4), ("views", -1, 3)), 3).name == "views"
    assert data_frame(site(("data", None, 3)), 3) is None  # a loop
    assert data_frame(site(("data", -1, 4)), 3) is None


@pytest.mark.parametrize(("full", "expected"), [(100, 100), (None, 3), (-1, 3)])
def test_the_size_of_the_data_set_is_that_of_its_plate(full: int | None, expected: int) -> None:
    trace = PairedTrace(3)
    assert full_size(trace) == 3  # no plate: what the batch has
    trace.observed["x"] = site(("data", -1, 3), full=full)
    trace.latents["mu"] = site(("other", -1, 2))
    assert full_size(trace) == expected


@pytest.mark.parametrize("closed_form", [True, False])
def test_a_rate_by_dimension_is_masked_and_scaled_row_by_row(closed_form: bool) -> None:
    q, p = dist.Normal(torch.randn(3, 2), 0.5), dist.Normal(torch.zeros(3, 2), 2.0)
    z, scale, mask = q.sample(), torch.tensor([1.0, 2.0, 3.0]), torch.tensor([True, False, True])
    expected = kl_divergence(q, p) if closed_form else q.log_prob(z) - p.log_prob(z)
    expected = expected * (scale * mask)[:, None]
    vector = PairedSite("z", z, p.to_event(1), q.to_event(1), scale, mask, in_order=True)
    torch.testing.assert_close(rate_per_dimension(vector, closed_form=closed_form), expected)
    numbers = PairedSite("z", z, p, q, scale[:, None], mask[:, None], in_order=True)  # in two plates
    torch.testing.assert_close(rate_per_dimension(numbers, closed_form=closed_form), expected)
    unregistered = PairedSite(
        "z", z.exp(), dist.Gamma(2.0 * torch.ones(3, 2), 1.0), dist.LogNormal(z, 1.0), mask=mask[:, None]
    )
    assert dataclasses.replace(unregistered, in_order=True).kl() is None
    assert rate_per_dimension(PairedSite("z", z, p.to_event(2), q.to_event(1)), closed_form=closed_form) is None
