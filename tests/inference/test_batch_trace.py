"""Runs of guide and model on a batch, with discrete latents summed out exactly."""

from __future__ import annotations

from typing import Any

import pyro.distributions as dist
import pytest
import torch
from pyro.infer import TraceEnum_ELBO
from torch import Tensor, nn

from ppgen.context import validation
from ppgen.declare import Guide, Model, latent, observed
from ppgen.errors import DataError, DeclarationError, SettingError
from ppgen.guides import FullRank, MeanField, Structured
from ppgen.inference.batch_trace import discrete_sites, enumerate_discrete, replay_batch, trace_batch
from ppgen.inference.bound import elbo_parts, elbo_parts_of
from ppgen.inference.importance import elbo_per_datum, log_weights, logsumexp_by_datum
from ppgen.models import DiscreteVAE
from tests.oracles.conjugate import SharedMean
from tests.oracles.gaussian_pair import Linear, LinearGuide
from tests.oracles.mixture import Mixture
from tests.oracles.pyro_elbos import gradients
from tests.oracles.small_discrete import Bits, BitsGuide, log_joint, log_q

pytestmark = pytest.mark.usefixtures("float64")


def test_few_values_are_summed_out_and_many_are_drawn() -> None:
    class Codes(Model):
        def __init__(self, bits: int) -> None:
            super().__init__()
            self.register_buffer("probs", torch.full((bits,), 0.5))

        @latent
        def z(self) -> Any:
            return dist.Bernoulli(self.probs).to_event(1)

        @observed
        def x(self, z: Tensor) -> Any:
            return dist.Normal(z[:, :2], 1.0).to_event(1)

    batch = {"x": torch.zeros(3, 2)}
    for bits, summed in ((5, ["z"]), (40, [])):
        model = Codes(bits)
        guide = MeanField(model)
        random_state = torch.get_rng_state()
        assert discrete_sites(guide, batch) == summed
        assert discrete_sites(guide, batch) == summed  # as it was remembered
        assert torch.equal(torch.get_rng_state(), random_state)
        assert trace_batch(model, guide, batch, 3).rows == (3 * 2**bits if summed else 3)
        assert trace_batch(model, guide, batch, 3, sum_out=False).enumerated is None


def test_a_discrete_draw_in_an_inner_plate_has_no_row_of_its_own() -> None:
    class Words(Guide):
        plates = ("words",)

        @latent(plate="words")
        def z(self, x: Tensor) -> Any:
            return dist.Categorical(logits=x[..., None].expand(*x.shape, 3))

    assert discrete_sites(Words(), {"x": torch.zeros(2, 4)}) == []


@pytest.mark.parametrize("size", [5, 50])
def test_a_second_run_at_the_same_values_says_the_same(size: int) -> None:
    torch.manual_seed(0)
    for model, guide in ((m, MeanField(m)) for m in (Mixture(), Linear(4), SharedMean())):
        x = model(size=5)["x"].detach()
        first = trace_batch(model, guide, {"x": x}, size)
        values = {name: draw.value for name, draw in first.trace.latents.items()}
        again = replay_batch(first, model, guide, values)
        found, expected = (elbo_parts_of(traced, size, closed_form=False) for traced in (again, first))
        torch.testing.assert_close(found.record(), expected.record(), rtol=0, atol=1e-12)


def test_a_model_without_a_guide_runs_twice_too() -> None:
    x = torch.randn(4, 3)
    batch = {"x": x, "z": torch.randn(4, 2)}
    first = trace_batch(Linear(), None, batch, 4)
    again = replay_batch(first, Linear(), None, {})
    assert torch.equal(again.trace.observed["x"].log_prob(), first.trace.observed["x"].log_prob())


def test_a_frozen_guide_gets_its_gradient_through_the_values_only() -> None:
    model = Linear()
    guide = LinearGuide(model)
    first = trace_batch(model, guide, {"x": torch.randn(4, 3)}, 4)
    constant = {name: draw.value.detach() for name, draw in first.trace.latents.items()}
    for freeze, moved in ((True, False), (False, True)):
        traced = replay_batch(first, model, guide, constant, freeze_guide=freeze)
        found = gradients(elbo_parts_of(traced, 4, closed_form=False).rate + 0 * guide.gain.sum(), guide)
        assert any(bool(g.abs().max() > 0) for g in found.values()) == moved
    assert all(parameter.requires_grad for parameter in guide.parameters())


def test_labels_that_are_mostly_missing_must_be_summed_out() -> None:
    model = Mixture()
    batch = {"x": torch.zeros(3, 4), "y": torch.tensor([1, -1, 0])}
    guide = MeanField(model)
    assert trace_batch(model, guide, batch, 3).rows == 5
    with pytest.raises(DataError, match="y: the latent is observed in some rows only"):
        trace_batch(model, guide, batch, 3, sum_out=False)
    batch["y"] = torch.tensor([1, 2, 0])
    assert list(trace_batch(model, guide, batch, 3, sum_out=False).trace.latents) == ["z"]


def test_every_latent_of_the_batch_is_looked_through() -> None:
    """Also one behind another that the batch does not have."""

    class Pair(Guide):
        @latent
        def a(self, x: Tensor) -> Any:
            return dist.Normal(x, 1.0)

        @latent
        def b(self, x: Tensor) -> Any:
            return dist.Bernoulli(logits=x)

    with pytest.raises(DataError, match="b: the latent is observed in some rows only"):
        trace_batch(Mixture(), Pair(), {"x": torch.zeros(2), "b": torch.tensor([1, -1])}, 2, sum_out=False)


def test_a_missing_row_of_one_hot_labels_is_no_label() -> None:
    class Classes(Model):
        @latent
        def y(self) -> Any:
            return dist.OneHotCategorical(torch.full((3,), 1 / 3))

        @observed
        def x(self, y: Tensor) -> Any:
            return dist.Normal(y, 1.0).to_event(1)

    model, y = Classes(), torch.tensor([[0.0, 1.0, 0.0], [-1.0, -1.0, -1.0]])
    guide = MeanField(model)
    assert trace_batch(model, guide, {"x": torch.zeros(2, 3), "y": y}, 2).rows == 4
    with validation(False), pytest.raises(DataError, match="y: the latent is observed in some rows only"):
        trace_batch(model, guide, {"x": torch.zeros(2, 3), "y": y}, 2, sum_out=False)


def test_an_observed_real_latent_may_well_be_minus_one() -> None:
    model = Linear()
    batch = {"x": torch.zeros(2, 3), "z": torch.full((2, 2), -1.0)}
    assert list(trace_batch(model, MeanField(model), batch, 2).trace.observed) == ["z", "x"]


def test_a_guide_that_drops_out_cannot_be_run_again() -> None:
    model = Linear()
    guide = MeanField(model, encoder=nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5)))
    first = trace_batch(model, guide, {"x": torch.zeros(2, 3)}, 2)
    values = {name: draw.value for name, draw in first.trace.latents.items()}
    with pytest.raises(SettingError, match=r"Dropout\(p=0.5\)"):
        replay_batch(first, model, guide, values)
    replay_batch(first, model, guide.eval(), values)


@pytest.fixture
def model() -> Mixture:
    torch.manual_seed(0)
    return Mixture()


@pytest.mark.parametrize("family", [MeanField, FullRank, Structured])
def test_the_bound_is_the_one_that_pyro_enumerates(model: Mixture, family: Any) -> None:
    x = model(size=6)["x"].detach().repeat(20, 1)
    guide = family(model)
    with torch.no_grad(), validation(False):
        ours = torch.stack([elbo_per_datum(model, guide, {"x": x}).sum() for _ in range(60)])
        theirs = torch.tensor([-TraceEnum_ELBO(max_plate_nesting=1).loss(model, guide, {"x": x}) for _ in range(60)])
    error = (ours.var() / 60 + theirs.var() / 60).sqrt()
    assert (ours.mean() - theirs.mean()).abs() < 4 * error
    assert 4 * error < 1.09 * len(x)  # nats: log 3 a datum is what q(y | x), or its prior, would be missed by


def test_an_observed_value_is_one_row_and_a_missing_one_is_all() -> None:
    torch.manual_seed(0)
    model = Mixture()
    x = model(size=3)["x"].detach()
    enumerated = enumerate_discrete(MeanField(model), {"x": x, "y": torch.tensor([2, -1, 0])}, ["y"])
    assert enumerated.datum.tolist() == [0, 1, 1, 1, 2]
    assert enumerated.batch["y"].tolist() == [2, 0, 1, 2, 0]
    assert enumerated.unknown["y"].tolist() == [False, True, True, True, False]
    totals = logsumexp_by_datum(enumerated.log_weight, enumerated.datum, 3)
    torch.testing.assert_close(totals, torch.zeros(3))
    drawn = elbo_parts(model, MeanField(model), {"x": x, "y": torch.tensor([2, -1, 0])}, 3)
    assert drawn.label_nll["y"] > 0
    with pytest.raises(DataError, match=r"y: an observed value is none of its distribution's, at row 0"):
        enumerate_discrete(MeanField(model), {"x": x, "y": torch.tensor([3, -1, 0])}, ["y"])


def test_a_discrete_site_after_a_continuous_one_is_refused(model: Mixture) -> None:
    class Backwards(Guide):
        @latent
        def z(self, x: Tensor) -> Any:
            return dist.Normal(x[:, :2], 1.0).to_event(1)

        @latent
        def y(self, z: Tensor) -> Any:
            return dist.Categorical(torch.ones(3).expand(len(z), 3))

    with pytest.raises(DeclarationError, match="'y' depends on the continuous latent 'z'"):
        elbo_parts(model, Backwards(), {"x": torch.zeros(2, 4)}, 2)


def test_rows_are_gathered_by_datum() -> None:
    values, datum = torch.tensor([0.0, 1.0, -50.0, 2.0]), torch.tensor([0, 0, 1, 1])
    expected = torch.stack([values[:2].logsumexp(0), values[2:].logsumexp(0)])
    torch.testing.assert_close(logsumexp_by_datum(values, datum, 2), expected)


def test_a_vector_of_bits_is_summed_out_over_all_its_values() -> None:
    model, guide, x = Bits(), BitsGuide(), torch.randn(5, 3)
    q, joint = log_q(guide, x), log_joint(model, x)
    torch.testing.assert_close(log_weights(model, guide, {"x": x}), joint.logsumexp(1))
    torch.testing.assert_close(elbo_per_datum(model, guide, {"x": x}), (q.exp() * (joint - q)).sum(1))


class Codes(Guide):
    """Bits that are even."""

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.bits = bits

    @latent
    def z(self, x: Tensor) -> Any:
        return dist.Bernoulli(torch.full((len(x), self.bits), 0.5)).to_event(1)


def test_4096_values_are_summed_out_and_no_more() -> None:
    batch = {"x": torch.zeros(1)}
    assert discrete_sites(Codes(12), batch) == ["z"]
    assert discrete_sites(Codes(13), batch) == []
    all_of_them = enumerate_discrete(Codes(12), batch, ["z"])
    assert len(all_of_them.batch["z"].unique(dim=0)) == 4096
    torch.testing.assert_close(all_of_them.log_weight.exp().sum(), torch.tensor(1.0))
    with pytest.raises(DeclarationError, match=r"(?s)z: too many combinations.*8192"):
        enumerate_discrete(Codes(13), {"x": torch.zeros(2)}, ["z"])


def test_a_latent_without_a_list_of_values_is_named() -> None:
    class Counts(Guide):
        @latent
        def z(self, x: Tensor) -> Any:
            return dist.Poisson(x.exp())

    with pytest.raises(DeclarationError, match="z: a discrete latent without a finite list"):
        enumerate_discrete(Counts(), {"x": torch.zeros(2)}, ["z"])


def test_a_guide_whose_sites_are_all_summed_out_reads_each_datum_once_a_site() -> None:
    """The last run, with a row for every combination of values, is the model's alone: all of q is known by then."""
    torch.manual_seed(0)
    model = DiscreteVAE((1, 8, 8), num_letters=3)
    guide = MeanField(model)
    batch = {"x": torch.ones(5, 1, 8, 8)}
    guide.setup(batch)
    rows: list[int] = []
    guide.register_forward_pre_hook(lambda _, given: rows.append(len(given[0]["x"])))
    assert trace_batch(model, guide, batch, 5).rows == 45
    assert rows == [5, 15]
