"""float64 and booleans reach a model as it reads them: exact numbers, masks as masks, bits as bits."""

from __future__ import annotations

import math

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro import poutine
from torch import Tensor, nn

import ppgen
from ppgen.training.model_types import in_types, types_for

ROWS = 40
NOISE = torch.Generator().manual_seed(0)
X = torch.randn(ROWS, 3, generator=NOISE, dtype=torch.float64)
KEEP = torch.rand(ROWS, generator=NOISE) < 0.5
SETTINGS = {"max_epochs": 1, "batch_size": None, "progress": False}


class Double(ppgen.Model):
    """A model whose own parameters are float64."""

    def __init__(self) -> None:
        super().__init__()
        self.decoder = nn.Linear(2, 3, dtype=torch.float64)

    @ppgen.latent
    def z(self) -> object:
        return dist.Normal(torch.zeros(2, dtype=torch.float64), 1.0).to_event(1)

    @ppgen.observed
    def x(self, z: Tensor) -> object:
        return dist.Normal(self.decoder(z), torch.ones(3, dtype=torch.float64)).to_event(1)


class Masked(ppgen.Model):
    """Numbers of which a covariate says whether they count, and one observed bit."""

    def __init__(self) -> None:
        super().__init__()
        self.loc, self.logit = nn.Parameter(torch.zeros(3)), nn.Parameter(torch.zeros(()))

    @ppgen.observed
    def x(self, keep: Tensor) -> object:
        return dist.Normal(self.loc, 1.0).expand([len(keep), 3]).to_event(1).mask(keep)

    @ppgen.observed
    def paid(self) -> object:
        return dist.Bernoulli(logits=self.logit)


def test_a_model_of_float64_reads_float64():
    fit = ppgen.fit(Double(), {"train": {"x": X}}, **SETTINGS)
    assert torch.equal(fit.data.split("train")["x"], X)
    assert {p.dtype for p in (*fit.model.parameters(), *fit.guide.parameters())} == {torch.float64}
    assert math.isfinite(fit.log_prob({"x": X}, num_particles=3).value)


def test_other_models_read_the_default_type(tmp_path):
    train = {"x": X, "keep": KEEP, "paid": ~KEEP}
    fit = ppgen.fit(Masked(), {"train": train}, **SETTINGS, out=tmp_path / "run")
    assert {key: t.dtype for key, t in fit.data.split("train").items()} == {
        "x": torch.float32,
        "keep": torch.bool,
        "paid": torch.int64,
    }
    again = ppgen.load(tmp_path / "run", Masked(), data={"train": train})
    expected = dist.Normal(fit.model.loc, 1.0).log_prob(X.float()).sum(1) * KEEP
    expected = expected + dist.Bernoulli(logits=fit.model.logit).log_prob((~KEEP).float())
    for each in (fit, again):
        assert each.log_prob(train).value == pytest.approx(expected.mean().item(), rel=1e-6)


def test_a_hand_written_program_gets_what_was_handed_over():
    """Its mask is boolean, and its Bernoulli observes the very column: as many bits as by Pyro's own numbers."""

    def program(x: Tensor, keep: Tensor) -> None:
        loc, logit = pyro.param("loc", torch.zeros(3).double()), pyro.param("logit", torch.zeros(()))
        with pyro.plate("data", len(x)):
            pyro.sample("paid", dist.Bernoulli(logits=logit), obs=keep)
            with poutine.mask(mask=keep):
                pyro.sample("x", dist.Normal(loc, 1.0).to_event(1), obs=x)

    fit = ppgen.fit(ppgen.Program(program), {"train": {"x": X, "keep": KEEP}}, **SETTINGS)
    loc, logit = (fit.model.params.value(name).detach() for name in ("loc", "logit"))
    expected = dist.Normal(loc, 1.0).log_prob(X).sum(1) * KEEP + dist.Bernoulli(logits=logit).log_prob(KEEP.float())
    found = fit.log_prob({"x": X, "keep": KEEP}).value
    assert found == pytest.approx(expected.mean().item(), rel=1e-6)
    assert set(fit.model.explained) == {"x", "keep"}


@pytest.mark.parametrize("batch", [{"paid": KEEP}, {"paid": KEEP.long()}, {"paid": KEEP.float()}])
def test_bits_have_one_density_whatever_their_type(batch):
    model = Masked()
    batch = {"x": X.float(), "keep": KEEP} | batch
    nodes = poutine.trace(model).get_trace(batch, ROWS).nodes
    assert torch.equal(nodes["paid"]["fn"].log_prob(nodes["paid"]["value"]), torch.full((ROWS,), 0.5).log())


def test_columns_of_unpaired_domains_are_cast_too():
    parts = {name: ppgen.data.from_tensors({"x": X + shift}) for name, shift in (("low", 0.0), ("high", 1.0))}
    both = ppgen.data.unpaired(**parts)
    cast = in_types(types_for(Masked(), None, both), both)
    assert {t.dtype for t in cast.splits["train"].values()} == {torch.float32}
    assert {t.dtype for own in cast.domains.values() for t in own.splits["train"].values()} == {torch.float32}
