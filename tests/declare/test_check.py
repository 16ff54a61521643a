"""What check refuses, and in what words."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pyro
import pyro.distributions as dist
import pytest
import torch
from torch import nn

from ppgen.declare import Guide, Model, Program, check, latent, observed
from ppgen.declare.check import verify_once
from ppgen.errors import DataError, DeclarationError
from ppgen.guides import MeanField
from ppgen.models import GAN, VAE, ConditionalVAE, GatedPixelCNN

BITS = torch.bernoulli(torch.full((6, 1, 8, 8), 0.5), generator=torch.Generator().manual_seed(0))
LABELS = torch.tensor([0, 9, 3, 3, 1, 2])


class Normed(VAE):
    """A VAE with everything that a run could change: batch statistics, dropout, a counter, a frozen part."""

    def __init__(self) -> None:
        super().__init__(x_shape=(1, 8, 8), latent_dim=4)
        self.norm, self.dropout, self.frozen = nn.BatchNorm1d(4), nn.Dropout(), nn.Dropout().eval()
        self.register_buffer("runs", torch.zeros((), dtype=torch.int64))

    def x(self, z):
        self.runs += 1
        return super().x(self.frozen(self.dropout(self.norm(z))))


def everything(*modules: nn.Module) -> list[Any]:
    """All that a check must leave as it was."""
    found: list[Any] = [torch.get_rng_state().tolist(), random.getstate(), np.random.get_state()[1].tolist()]
    for module in modules:
        found += [(name, value.clone().tolist(), value._version) for name, value in module.named_parameters()]
        found += [(name, value.clone().tolist()) for name, value in module.named_buffers()]
        found += [(name, value.grad) for name, value in module.named_parameters()]
        found += [(name, part.training) for name, part in module.named_modules()]
    return [*found, len(pyro.get_param_store()), pyro.infer.util.is_validation_enabled()]


@pytest.mark.parametrize("training", [True, False])
def test_a_check_changes_nothing(training):
    model = Normed().train(training)
    guide = MeanField(model).train(training)
    before = everything(model, guide)
    check(model, guide, {"x": BITS})
    check(model)
    model.prior_run(size=3)
    model.prior_run({"x": BITS}, 60)
    assert everything(model, guide) == before


def test_a_check_that_fails_changes_nothing():
    model = Normed()
    before = everything(model)
    with pytest.raises(DataError):
        check(model, None, {"x": BITS + 0.5})
    assert everything(model) == before


def test_a_check_is_hidden_from_handlers_around_it():
    with pyro.poutine.trace() as outer:
        check(VAE(x_shape=(1, 8, 8)), None, {"x": BITS})
    assert not outer.trace.nodes


def test_models_without_guides_pass():
    check(GatedPixelCNN(x_shape=(1, 8, 8)), None, {"x": BITS})
    check(GAN(x_shape=(1, 8, 8)), None, {"x": BITS})
    check(VAE(x_shape=(1, 8, 8)))


def test_covariates_pass_and_may_be_more_than_are_used():
    model = ConditionalVAE(x_shape=(1, 8, 8))
    guide = MeanField(model).setup({"x": BITS, "y": LABELS})
    check(model, guide, {"x": BITS, "y": LABELS, "unused": torch.zeros(6, 2)})


def test_one_row_is_enough():
    model = VAE(x_shape=(1, 8, 8))
    check(model, MeanField(model), {"x": BITS[:1]})


class Global(Model):
    """Global and local latents, one of them in the batch, and a further plate."""

    @latent(local=False)
    def w(self):
        return dist.Gamma(2.0, 2.0)

    @latent
    def z(self, w):
        return dist.Normal(0.0, w).expand([1]).to_event(1)

    @observed(plate="views")
    def x(self, z):
        return dist.Normal(z.expand(*z.shape[:-2], 3, 1), 1.0).to_event(1)


class GlobalGuide(Guide):
    plates = ("views",)

    def __init__(self) -> None:
        super().__init__()
        self.loc = nn.Parameter(torch.zeros(()))

    @latent(local=False)
    def w(self):
        return dist.LogNormal(self.loc, 1.0)

    @latent
    def z(self, x):
        return dist.Normal(x.mean(1, keepdim=True), 1.0).to_event(1)


def test_plates_globals_and_partial_observation_pass():
    x, z = torch.randn(5, 3, 1), torch.randn(5, 1)
    check(Global(), GlobalGuide(), {"x": x})
    check(Global(), GlobalGuide(), {"x": x, "z": z})


def test_a_fault_that_shows_only_in_minibatches_is_found(refuses):
    class PerDatum(Guide):
        def __init__(self) -> None:
            super().__init__()
            self.loc = nn.Parameter(torch.zeros(6, 4))

        @latent
        def z(self):
            return dist.Normal(self.loc, 1.0).to_event(1)

    with refuses(DeclarationError, "PerDatum.z: the batch shape", "[5]", "[6]"):
        check(VAE(x_shape=(1, 8, 8), latent_dim=4), PerDatum(), {"x": BITS})


def test_the_model_runs_on_the_guides_draws(refuses):
    class Doubled(Guide):
        @latent
        def z(self, x):
            return dist.Normal(torch.zeros(len(x), 4, dtype=torch.float64), 1.0).to_event(1)

    with refuses(DataError, "VAE.x", "dtype", "float64 [6, 4]", "z = z.to(torch.float32)"):
        check(VAE(x_shape=(1, 8, 8), latent_dim=4), Doubled(), {"x": BITS})


@pytest.mark.parametrize("thing", [VAE, lambda x: x, 3])
def test_what_is_no_model(refuses, thing):
    with refuses(DeclarationError, "check: this is no model", "ppgen.Program"):
        check(thing, None, {"x": BITS})


@pytest.mark.parametrize("thing", [MeanField, lambda x: x])
def test_what_is_no_guide(refuses, thing):
    with refuses(DeclarationError, "check: this is no guide"):
        check(VAE(x_shape=(1, 8, 8)), thing, {"x": BITS})


def test_a_program_is_checked_as_a_pair():
    def model(x):
        with pyro.plate("data", len(x)):
            z = pyro.sample("z", dist.Normal(pyro.param("prior"), 1.0))
            pyro.sample("x", dist.Normal(z, 1.0), obs=x)

    def guide(x):
        loc = pyro.param("prior", torch.tensor(0.5))
        with pyro.plate("data", len(x)):
            pyro.sample("z", dist.Normal(loc * x, 1.0))

    check(Program(model, guide), batch={"x": torch.randn(5)})


X = torch.randn(6, generator=torch.Generator().manual_seed(0))


def guide(x):
    loc = pyro.param("loc", torch.tensor(0.0))
    pyro.sample("w", dist.Normal(loc, 1.0))


def prior():
    return pyro.sample("w", dist.Normal(0.0, 1.0))


def scaled(x, size):
    w = prior()
    with pyro.plate("data", size, subsample_size=len(x)):
        pyro.sample("x", dist.Normal(w, 1.0), obs=x)


def constant(x):
    w = prior()
    with pyro.plate("data", 60000, subsample_size=len(x)):
        pyro.sample("x", dist.Normal(w, 1.0), obs=x)


def with_factor(x, size):
    scaled(x, size)
    pyro.factor("penalty", torch.tensor(-1.0))


def with_components(x, size):
    with pyro.plate("components", 5):
        locs = pyro.sample("w", dist.Normal(0.0, 1.0))
    with pyro.plate("data", size, subsample_size=len(x)):
        pyro.sample("x", dist.Normal(locs.mean(), 1.0), obs=x)


def components_guide(x):
    with pyro.plate("components", 5):
        pyro.sample("w", dist.Normal(pyro.param("loc", torch.zeros(5)), 1.0))


@pytest.mark.parametrize(
    ("model", "guide"),
    [(scaled, guide), (constant, guide), (with_factor, guide), (with_components, components_guide)],
)
def test_programs_that_follow_the_minibatch_pass(model, guide):
    program = Program(model, guide)
    check(program, batch={"x": X})
    assert not verify_once(program.model, program.guide, {"x": X}).is_point


def subsampling(x):
    w = prior()
    with pyro.plate("data", len(x), subsample_size=3) as rows:
        pyro.sample("x", dist.Normal(w, 1.0), obs=x[rows])


def subsampling_all(x, size):
    w = prior()
    with pyro.plate("data", size, subsample_size=6) as rows:
        pyro.sample("x", dist.Normal(w, 1.0), obs=x[rows])


def fixed(x):
    w = prior()
    with pyro.plate("data", 100):
        pyro.sample("x", dist.Normal(w, 1.0), obs=x)


def without_plate(x):
    w = prior()
    pyro.sample("x", dist.Normal(w, 1.0).expand([len(x)]).to_event(1), obs=x)


def one_by_one(x):
    w = prior()
    for row in pyro.plate("data", len(x)):
        pyro.sample(f"x{row}", dist.Normal(w, 1.0), obs=x[row])


def unscaled(x):
    w = prior()
    with pyro.plate("data", len(x)):
        pyro.sample("x", dist.Normal(w, 1.0), obs=x)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (subsampling, ("the plate 'data' draws a subsample of its own", "subsample_size=3", "batch_size=...")),
        (subsampling_all, ("the plate 'data' draws a subsample of its own", "subsample_size=6")),
        (fixed, ("fixed.x: this observed site stands in no plate over the rows", "plate 'data' of 100")),
        (without_plate, ("without_plate.x: this observed site stands in no plate over the rows", "no plate")),
        (one_by_one, ("one_by_one.x0: this observed site stands in no plate over the rows", "vectorised")),
        (unscaled, ("unscaled.x: a minibatch's log-density is not scaled up", "'w'", "pyro.plate('data', 5)")),
    ],
)
def test_programs_that_do_not_are_refused(refuses, model, words):
    program = Program(model, guide)
    for verify in (lambda: check(program, batch={"x": X}), lambda: verify_once(*vars(program).values(), {"x": X})):
        with refuses(DeclarationError, "subsample_size=len(x)", *words):
            verify()


def test_shapes_of_log_densities_are_pyros_to_judge(refuses):
    def loose(x):
        pyro.sample("z", dist.Normal(torch.zeros(len(x)), 1.0))
        with pyro.plate("data", len(x)):
            pyro.sample("x", dist.Normal(0.0, 1.0), obs=x)

    with refuses(DeclarationError, "loose.z: its log-density has not the shape of the plates", "no plate", "[6]"):
        check(Program(loose), batch={"x": X})


def test_a_network_that_cannot_read_the_data(refuses):
    net = nn.Linear(3, 1)

    def narrow(x):
        with pyro.plate("data", len(x)):
            pyro.sample("x", dist.Normal(net(x).squeeze(-1), 1.0), obs=x)

    with refuses(DeclarationError, "narrow", "plates: data of 6", "x: float32 [6]"):
        check(Program(narrow), batch={"x": X})
    with refuses(DeclarationError, "narrow", "plates: data of 6"):
        Program(narrow).setup({"x": X})
