"""What would lift a bound above log p, or overcount it, in silence: each is an error that names the site."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer import Trace_ELBO
from torch import Tensor, nn

import ppgen
from ppgen.declare import Guide, Model, Program, check, latent, observed
from ppgen.errors import DeclarationError
from ppgen.guides import Delta, DerivedGuide, Flow, FullRank, MeanField, Structured
from ppgen.inference.importance import elbo_per_datum
from tests.oracles.known_answers import case
from tests.oracles.losses import loss_of

FAMILIES = [MeanField, FullRank, Structured, Flow, Delta]


class Line(Model):
    """z ~ Normal(0, I);  x | z ~ Normal(z, 1), where it is present."""

    @latent
    def z(self, present: Tensor) -> Any:
        return dist.Normal(torch.zeros(2), 1.0).to_event(1).mask(present)

    @observed
    def x(self, z: Tensor, present: Tensor) -> Any:
        return dist.Normal(z, 1.0).to_event(1).mask(present)


def normal_guide(shape: Any = None, plate: str | None = None, masked: bool = False) -> Guide:
    """``q(z | x) = Normal(x / 2, 1)``, with something else about it."""

    class Own(Guide):
        @latent(plate=plate)
        def z(self, x: Tensor, present: Tensor) -> Any:
            loc = 0.5 * x if shape is None else torch.zeros(shape)
            fn = dist.Normal(loc, 1.0).to_event(1)
            return fn.mask(present) if masked else fn

    return Own()


BATCH = {"x": torch.randn(5, 2), "present": torch.tensor([True, False, True, True, False])}


def test_a_mask_that_is_not_copied() -> None:
    with pytest.raises(DeclarationError, match=r"(?s)Own\.z: the model masks this site.*6 of 10.*q\.mask\(mask\)"):
        check(Line(), normal_guide(), BATCH)
    check(Line(), normal_guide(masked=True), BATCH)

    def model(x: Tensor, present: Tensor) -> None:
        with pyro.plate("data", len(x)), pyro.poutine.mask(mask=present):
            z = pyro.sample("z", dist.Normal(torch.zeros(2), 1.0).to_event(1))
            pyro.sample("x", dist.Normal(z, 1.0).to_event(1), obs=x)

    def guide(x: Tensor, present: Tensor) -> None:
        with pyro.plate("data", len(x)):
            pyro.sample("z", dist.Normal(0.5 * x, 1.0).to_event(1))

    with pytest.raises(DeclarationError, match=r"guide\.z: the model masks this site"):
        check(Program(model, guide), batch=BATCH)


def test_a_plate_that_the_model_has_not() -> None:
    with pytest.raises(DeclarationError, match=r"(?s)Own\.z.*words"):
        check(Line(), normal_guide((5, 3, 2), plate="words"), BATCH)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("family", [MeanField, FullRank, Structured, Flow])
def test_a_derived_guide_has_the_models_mask(family: Any) -> None:
    """In Pyro's own objective too, where a guide without it would be paid for what the model does not count."""
    model, batch = Line(), BATCH | {"x": BATCH["x"].double()}
    guide = family(model, width=8)
    check(model, guide, batch)
    trace = pyro.poutine.trace(guide).get_trace(batch)
    trace.compute_log_prob()
    assert (trace.nodes["z"]["log_prob"] == 0).tolist() == [not here for here in batch["present"].tolist()]
    pyro.set_rng_seed(0)
    ours = elbo_per_datum(model, guide, batch)
    pyro.set_rng_seed(0)
    torch.testing.assert_close(ours.sum().item(), -Trace_ELBO().loss(model, guide, batch))
    assert not ours[~batch["present"]].any()


class Stateful(Model):
    """A decoder with a state and noise of its own, which draws from numpy and Python too."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.BatchNorm1d(2), nn.Dropout(0.5))

    @latent
    def z(self) -> Any:
        return dist.Normal(torch.zeros(2), 1.0).to_event(1)

    @latent
    def rate(self) -> Any:
        return dist.Gamma(2.0, 1.0)

    @observed
    def x(self, z: Tensor, rate: Tensor) -> Any:
        return dist.Normal(self.net(z) + np.random.rand() + random.random(), rate.unsqueeze(-1)).to_event(1)


@pytest.mark.parametrize("family", FAMILIES)
def test_deriving_changes_no_parameter_buffer_or_random_state(family: Any) -> None:
    model = Stateful().train()
    state = {name: value.clone() for name, value in model.state_dict().items()}
    before = torch.get_rng_state(), np.random.get_state(), random.getstate()
    guide: DerivedGuide = family(model).setup({"x": torch.zeros(4, 2)})
    after = torch.get_rng_state(), np.random.get_state(), random.getstate()
    assert torch.equal(after[0], before[0])
    assert all(np.array_equal(one, other) for one, other in zip(after[1], before[1], strict=True))
    assert after[2] == before[2]
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert guide.is_ready
    assert model.training
    assert not {id(p) for p in model.parameters()} & {id(p) for p in guide.parameters()}


def test_a_guide_has_the_precision_of_the_data_where_the_model_has_no_weights() -> None:
    class Plain(Model):
        @latent
        def z(self) -> Any:
            return dist.Normal(torch.zeros((), dtype=torch.float64), 1.0)

        @observed
        def x(self, z: Tensor) -> Any:
            return dist.Normal(z, 1.0)

    x = torch.randn(6, dtype=torch.float64)
    for family in (MeanField, Structured, Flow):
        model = Plain()
        guide = family(model)
        drawn = guide({"x": x})
        assert drawn["z"].dtype == torch.float64
        assert {p.dtype for p in guide.parameters()} == {torch.float64}
        check(model, guide, {"x": x})


@pytest.mark.parametrize("family", [MeanField, FullRank, Structured, Flow])
def test_every_parameter_gets_a_gradient_where_all_latents_are_global(family: Any) -> None:
    class Shared(Model):
        @latent(local=False)
        def mean(self) -> Any:
            return dist.Normal(torch.zeros(2), 1.0).to_event(1)

        @latent(local=False)
        def scale(self) -> Any:
            return dist.LogNormal(0.0, 1.0)

        @observed
        def x(self, mean: Tensor, scale: Tensor) -> Any:
            return dist.Normal(mean, scale).to_event(1)

    guide = family(Shared(), width=8)
    assert guide.evidence is None
    loss = loss_of(ppgen.ELBO(), Shared(), guide, {"x": torch.randn(9, 2)}, 9)
    loss.value.backward()
    assert all(p.grad is not None and p.grad.any() for name, p in guide.named_parameters() if "hyper" not in name)


def test_a_latent_that_is_given_is_evidence_for_the_others() -> None:
    model, batch = case("given latent", rows=5)
    guide = MeanField(model, width=8)
    assert guide.evidence.names == ["x"]
    guide.setup(batch)
    assert guide.evidence.names == ["z2", "x"]
    check(model, guide, batch)


def test_a_fit_infers_from_what_its_test_split_will_have_too() -> None:
    """It answers for that split without the values of latents, so that these are no evidence for its guide."""
    model, batch = case("given latent", rows=20)
    fit = ppgen.fit(model, batch, max_epochs=1, progress=False)
    assert fit.guide.evidence.names == ["x"]
    assert set(fit.encode()) == {"z2", "z1"}
