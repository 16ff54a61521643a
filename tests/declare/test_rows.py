from __future__ import annotations

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer.autoguide import AutoNormal
from torch import nn

from ppgen.declare import Program, check
from ppgen.errors import DeclarationError

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
    check(Program(model, guide), batch={"x": X})


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
    with refuses(DeclarationError, "subsample_size=len(x)", *words):
        check(Program(model, guide), batch={"x": X})


def local(x, size):
    with pyro.plate("data", size, subsample_size=len(x)):
        z = pyro.sample("z", dist.Normal(0.0, 1.0))
        pyro.sample("x", dist.Normal(z, 1.0), obs=x)


def test_a_guide_with_parameters_per_data_point(refuses):
    def remembering(x, size):
        loc = pyro.param("loc", torch.zeros(len(x)))
        with pyro.plate("data", size, subsample_size=len(x)):
            pyro.sample("z", dist.Normal(loc, 1.0))

    with refuses(DeclarationError, "remembering (plates: data of 12) raised", "nothing in it may have an entry"):
        check(Program(local, remembering), batch={"x": X})
    with refuses(DeclarationError, "AutoNormal: the plate 'data' does not follow the rows", "AutoNormal over local"):
        check(Program(local, AutoNormal(local)), batch={"x": X})


def test_model_and_guide_scale_alike(refuses):
    def plain(x):
        with pyro.plate("data", len(x)):
            pyro.sample("z", dist.Normal(x, 1.0))

    with refuses(DeclarationError, "plain.z: model and guide scale this site differently", "scale 2.4", "scale 1"):
        check(Program(local, plain), batch={"x": X})

    def follow(x, size):
        with pyro.plate("data", size, subsample_size=len(x)):
            pyro.sample("z", dist.Normal(x, 1.0))

    check(Program(local, follow), batch={"x": X})
    tempered = pyro.poutine.scale(local, scale=0.5)
    with refuses(DeclarationError, "follow.z: model and guide scale", "scale 0.5", "ppgen.ELBO(beta=...)"):
        check(Program(tempered, follow), batch={"x": X})
    check(Program(tempered, pyro.poutine.scale(follow, scale=0.5)), batch={"x": X})


def test_a_scale_may_be_a_tensor(refuses):
    weights = torch.tensor([1.0, 2.0, 1.0, 1.0, 1.0, 1.0])

    def weighted(x, size, weight):
        with pyro.plate("data", size, subsample_size=len(x)), pyro.poutine.scale(scale=weight):
            z = pyro.sample("z", dist.Normal(0.0, 1.0))
            pyro.sample("x", dist.Normal(z, 1.0), obs=x)

    def weighted_guide(x, size, weight):
        with pyro.plate("data", size, subsample_size=len(x)), pyro.poutine.scale(scale=weight):
            pyro.sample("z", dist.Normal(x, 1.0))

    def plain(x, size):
        with pyro.plate("data", size, subsample_size=len(x)):
            pyro.sample("z", dist.Normal(x, 1.0))

    batch = {"x": X, "weight": weights}
    check(Program(weighted, weighted_guide), batch=batch)
    with refuses(DeclarationError, "plain.z: model and guide scale", "[1.0, 2.0"):
        check(Program(weighted, plain), batch=batch)


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
