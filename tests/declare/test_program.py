"""Hand-written programs."""

from __future__ import annotations

import functools
import pickle
from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer.autoguide import AutoDiagonalNormal, AutoNormal
from pyro.nn import PyroModule, PyroParam, PyroSample
from torch import nn

from ppgen.declare import Model, Program, check, latent, observed
from ppgen.declare.held_networks import networks_of
from ppgen.declare.program import ProgramPart, signature_of
from ppgen.errors import DeclarationError

X = torch.randn(6, generator=torch.Generator().manual_seed(0))


def names(part: nn.Module) -> list[str]:
    return [name for name, _ in part.named_parameters()]


def model(x, size):
    w = pyro.sample("w", dist.Normal(0.0, 1.0))
    with pyro.plate("data", size, subsample_size=len(x)):
        z = pyro.sample("z", dist.Normal(w, 1.0))
        pyro.sample("x", dist.Normal(z, 1.0), obs=x)


def guide(x, size, scorer=nn.Linear(1, 2)):  # noqa: B008
    loc = pyro.param("w.loc", torch.tensor(0.5))
    pyro.sample("w", dist.Normal(loc, pyro.param("w.scale", torch.tensor(0.1), constraint=dist.constraints.positive)))
    with pyro.plate("data", size, subsample_size=len(x)):
        loc, raw = scorer(x.unsqueeze(-1)).unbind(-1)
        pyro.sample("z", dist.Normal(loc, raw.exp()))


def simple(x):
    with pyro.plate("data", len(x)):
        pyro.sample("x", dist.Normal(pyro.param("loc", torch.tensor(0.0)), 1.0), obs=x)


# Arguments ------------------------------------------------------------------------------------------------------------


def called(function: Any, batch: dict[str, torch.Tensor], size: int | None = None) -> Any:
    return Program(function).model(batch, size)


def test_arguments_are_filled_by_name():
    x, y = torch.zeros(3), torch.ones(3)
    assert called(lambda y, x: (x, y), {"x": x, "y": y}) == (x, y)
    assert called(lambda x, size: size, {"x": x}) == 3
    assert called(lambda x, size: size, {"x": x}, 12) == 12
    assert called(lambda batch: batch, {"x": x, "y": y}) == {"x": x, "y": y}
    assert called(lambda x, flag="default": flag, {"x": x}) == "default"


def test_the_only_data_argument_may_have_any_name():
    x = torch.zeros(3)
    assert called(lambda images: images, {"x": x}) is x
    assert called(lambda images, size, rate=2: (images, size, rate), {"x": x}, 5) == (x, 5, 2)


def test_an_argument_that_is_not_in_the_data(refuses):
    def needs(x, mask): ...

    with refuses(DeclarationError, "needs: argument 'mask' is not in the data", "['x', 'y']", 'data={"mask": tensor}'):
        called(needs, {"x": X, "y": X})


@pytest.mark.parametrize(
    ("thing", "words"), [(3, ("int", "ppgen.Program(model, guide)")), (nn.Linear, ("the class Linear", "Linear(...)"))]
)
def test_a_program_is_made_of_functions_and_modules(refuses, thing, words):
    with refuses(DeclarationError, "Program: model and guide must be functions or modules", *words):
        Program(thing)


# Runs -----------------------------------------------------------------------------------------------------------------


def test_setup_creates_all_parameters_and_learns_the_sites():
    program = Program(model, guide).setup({"x": X})
    assert names(program.guide) == ["params.w__loc", "params.w__scale", "networks.0.weight", "networks.0.bias"]
    assert names(program.model) == ["params.w__loc", "params.w__scale"]
    roles = {name: (site.role, site.local) for name, site in program.model.sites.items()}
    assert roles == {"w": ("latent", False), "z": ("latent", True), "x": ("observed", True)}
    assert str(program.model) == "model: p(w) p(z) p(x)"
    assert str(Program(model).model) == "model: a hand-written Pyro program"


def test_the_global_store_stays_as_it_is():
    pyro.get_param_store().setdefault("loc", torch.tensor(7.0))
    program = Program(simple).setup({"x": X})
    assert pyro.get_param_store()["loc"] == 7.0
    assert program.model.params.value("loc") == 0.0
    pyro.clear_param_store()
    check(program, batch={"x": X})
    assert len(pyro.get_param_store()) == 0


def test_two_programs_with_equal_names_never_meet():
    first, second = Program(simple).setup({"x": X}), Program(simple).setup({"x": X})
    with torch.no_grad():
        next(first.model.parameters()).fill_(3.0)
    means = [pyro.poutine.trace(p.model).get_trace({"x": X}).nodes["x"]["fn"].mean[0] for p in (first, second)]
    assert means == [3.0, 0.0]


def test_gradients_reach_every_parameter():
    program = Program(model, guide).setup({"x": X})
    pyro.infer.Trace_ELBO().differentiable_loss(program.model, program.guide, {"x": X}, 12).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in program.guide.parameters())


def test_the_elbo_is_that_of_the_functions_themselves():
    torch.manual_seed(0)
    ours = pyro.infer.Trace_ELBO().loss(*vars(Program(model, guide).setup({"x": X})).values(), {"x": X}, 12)
    torch.manual_seed(0)
    theirs = pyro.infer.Trace_ELBO().loss(model, guide, X, 12)
    pyro.clear_param_store()
    assert ours == theirs


def test_mode_reaches_the_networks():
    net = nn.Dropout()
    part = Program(lambda x: net(x)).model
    part.eval()
    assert not net.training
    part.train()
    assert net.training


# Kinds of functions ---------------------------------------------------------------------------------------------------


class Pair(nn.Module):
    """Model and guide as methods of a module, as Pyro's own VAE tutorial has it."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.shift = nn.Linear(1, 2), nn.Parameter(torch.tensor(0.0))

    def model(self, x):
        pyro.module("pair", self)
        with pyro.plate("data", len(x)):
            z = pyro.sample("z", dist.Normal(0.0, 1.0))
            pyro.sample("x", dist.Normal(z + self.shift, 1.0), obs=x)

    def guide(self, x):
        pyro.module("pair", self)
        loc, raw = self.encoder(x.unsqueeze(-1)).unbind(-1)
        with pyro.plate("data", len(x)):
            pyro.sample("z", dist.Normal(loc, raw.exp()))


def test_bound_methods():
    pair = Pair()
    program = Program(pair.model, pair.guide)
    check(program, batch={"x": X})
    assert names(program.guide) == ["networks.0.shift", "networks.0.encoder.weight", "networks.0.encoder.bias"]
    assert program.model.label == "model"


def test_closures_partials_and_handlers():
    net = nn.Linear(1, 1)

    def closed(x, c, scale):
        with pyro.plate("data", len(x)):
            pyro.sample("x", dist.Normal(net(c.unsqueeze(-1)).squeeze(-1), scale), obs=x)

    part = functools.partial(closed, scale=2.0)
    for function in (part, pyro.poutine.scale(part, scale=0.5), pyro.poutine.scale(scale=0.5)(part)):
        program = Program(function)
        check(program, batch={"x": X, "c": X})
        assert names(program.model) == ["networks.0.weight", "networks.0.bias"]


class Modular(PyroModule):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Linear(1, 1)
        self.loc = nn.Parameter(torch.tensor(0.0))
        self.scale = PyroParam(torch.tensor(2.0), constraint=dist.constraints.positive)

    def forward(self, x, c):
        with pyro.plate("data", len(x)):
            mean = self.net(c.unsqueeze(-1)).squeeze(-1) + self.loc
            return pyro.sample("x", dist.Normal(mean, self.scale), obs=x)


def test_pyro_modules_keep_their_own_parameters():
    first, second = Program(Modular()), Program(Modular())
    check(first, batch={"x": X, "c": X})
    check(second, batch={"x": X, "c": X})
    expected = ["loc", "scale_unconstrained", "net.weight", "net.bias"]
    assert names(first.model) == [f"networks.0.{name}" for name in expected]
    assert list(first.model.state_dict()) == names(first.model)
    assert len(pyro.get_param_store()) == 0
    trace = pyro.poutine.trace(first.model).get_trace({"x": X, "c": X})
    trace.log_prob_sum().backward()
    assert all(p.grad is not None for p in first.model.parameters())
    assert all(p.grad is None for p in second.model.parameters())


def test_autonormal_over_global_latents():
    class Bayesian(PyroModule):
        def __init__(self) -> None:
            super().__init__()
            self.w = PyroSample(dist.Normal(0.0, 1.0))

        def forward(self, x, size):
            mean = self.w
            with pyro.plate("data", size, subsample_size=len(x)):
                pyro.sample("x", dist.Normal(mean, 1.0), obs=x)

    def line(x, size):
        w = pyro.sample("w", dist.Gamma(2.0, 2.0))
        with pyro.plate("data", size, subsample_size=len(x)):
            pyro.sample("x", dist.Normal(w, 1.0), obs=x)

    for function in (line, Bayesian()):
        for auto in (AutoNormal, AutoDiagonalNormal):
            program = Program(function, auto(function)).setup({"x": X})
            check(program, batch={"x": X})
            assert len(names(program.guide)) == 2
    assert len(pyro.get_param_store()) == 0


def test_a_declared_model_with_a_written_guide():
    class Declared(Model):
        @latent
        def z(self):
            return dist.Normal(0.0, 1.0)

        @observed
        def x(self, z):
            return dist.Normal(z, 1.0)

    def scaled(x, size):
        with pyro.plate("data", size, subsample_size=len(x)):
            pyro.sample("z", dist.Normal(pyro.param("a", torch.tensor(0.5)) * x, 1.0))

    check(Program(Declared(), scaled), batch={"x": X})


def test_a_part_can_be_pickled():
    part = Program(model, guide).setup({"x": X}).model
    part({"x": X})
    twin = pickle.loads(pickle.dumps(part))
    assert isinstance(twin, ProgramPart)
    assert twin.state_dict().keys() == part.state_dict().keys()


first = nn.Linear(1, 1)


def test_a_network_that_hides_deeper_is_refused_by_name_unless_pyro_module_says_it(refuses):
    def silent(x, c):
        mean = (lambda value: first(value.unsqueeze(-1)).squeeze(-1))(c)
        with pyro.plate("data", len(x)):
            pyro.sample("x", dist.Normal(mean, 1.0), obs=x)

    def announced(x, c):
        pyro.module("first", first)
        silent(x, c)

    assert networks_of(silent) == []
    with refuses(DeclarationError, "silent.x: a trainable tensor takes part", 'pyro.module("net", net)', "a closure"):
        check(Program(silent), batch={"x": X, "c": X})
    program = Program(announced)
    check(program, batch={"x": X, "c": X})
    assert [id(p) for p in program.model.parameters()] == [id(p) for p in first.parameters()]


def test_signatures_are_seen_through_handlers_and_modules():
    class Module(nn.Module):
        def forward(self, x, size): ...

    assert list(signature_of(Module())) == ["x", "size"]
    assert list(signature_of(pyro.poutine.scale(simple, scale=2.0))) == ["x"]
    assert list(signature_of(functools.partial(lambda x, net: None, net=1))) == ["x", "net"]
