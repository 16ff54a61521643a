"""Parameters between torch and Pyro.

`pyro.infer.SVI` trains what is declared: every weight, of the pair it was given and of no other. The oracle is
probabilistic principal component analysis: z ~ Normal(0, 1), x | z ~ Normal(W z + b, s^2 I) in three dims, whose
likelihood is largest where W W' + s^2 I keeps the leading eigenvalue of the sample covariance (Tipping and Bishop,
1999). The posterior is Normal with one variance for all data, which the guide can be, so that the ELBO reaches the
log-likelihood.
"""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.contrib.autoname import scope
from pyro.distributions import constraints
from pyro.infer import SVI, Trace_ELBO, TraceGraph_ELBO
from torch import Tensor, nn

import ppgen
from ppgen.declare import Guide, Model, latent, observed
from ppgen.declare.parameters import Parameters, Store
from ppgen.errors import DeclarationError
from ppgen.guides import MeanField

NOISE = 0.5


class Linear(Model):
    def __init__(self) -> None:
        super().__init__()
        self.decoder = nn.Linear(1, 3)

    @latent
    def z(self) -> Any:
        return dist.Normal(0.0, 1.0).expand([1]).to_event(1)

    @observed
    def x(self, z: Tensor) -> Any:
        return dist.Normal(self.decoder(z), NOISE).to_event(1)


class Encoder(Guide):
    def __init__(self, shared: nn.Module | None = None) -> None:
        super().__init__()
        self.encoder, self.log_scale = nn.Linear(3, 1), nn.Parameter(torch.zeros(1))
        self.shared = shared

    @latent
    def z(self, x: Tensor) -> Any:
        centred = x if self.shared is None else x - self.shared.bias
        return dist.Normal(self.encoder(centred), self.log_scale.exp()).to_event(1)


def data() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    z, noise = torch.randn(400, 1, generator=generator), torch.randn(400, 3, generator=generator)
    return {"x": z * torch.tensor([1.5, -1.0, 0.5]) + NOISE * noise + torch.tensor([1.0, 2.0, -1.0])}


def largest_log_likelihood(x: Tensor) -> float:
    """Of the data, over all W and b."""
    centred = (x - x.mean(0)).double()
    values, vectors = torch.linalg.eigh(centred.T @ centred / len(x))
    kept = vectors[:, -1:] * (values[-1] - NOISE**2).sqrt()
    covariance = kept @ kept.T + NOISE**2 * torch.eye(3, dtype=torch.double)
    return dist.MultivariateNormal(torch.zeros(3).double(), covariance).log_prob(centred).sum().item()


def weights(*modules: nn.Module) -> list[Tensor]:
    return [parameter.detach().clone() for module in modules for parameter in module.parameters()]


def all_moved(before: list[Tensor], *modules: nn.Module) -> bool:
    return all(bool((old != new).all()) for old, new in zip(before, weights(*modules), strict=True))


def names_of(*programs: Any) -> list[str]:
    with pyro.poutine.trace(param_only=True) as capture:
        for program in programs:
            program(data())
    return list(capture.trace.nodes)


def test_svi_reaches_the_largest_likelihood() -> None:
    batch, model, guide = data(), Linear(), Encoder()
    before = weights(model, guide)
    svi = SVI(model, guide, pyro.optim.ClippedAdam({"lr": 0.05, "lrd": 0.995}), Trace_ELBO())
    for _ in range(600):
        svi.step(batch)
    assert all_moved(before, model, guide)
    reached = sum(-svi.evaluate_loss(batch) for _ in range(20)) / 20
    best = largest_log_likelihood(batch["x"])
    assert abs(reached - best) < 0.02 * abs(best)
    assert len(pyro.get_param_store()) == 0


def test_a_step_is_that_of_torch_on_the_elbo_as_a_module() -> None:
    batch, model, guide = data(), Linear(), Encoder()
    other, other_guide = copy.deepcopy(model), copy.deepcopy(guide)
    svi = SVI(model, guide, pyro.optim.Adam({"lr": 0.1}), Trace_ELBO())
    elbo = Trace_ELBO()(other, other_guide)
    optimizer = torch.optim.Adam(elbo.parameters(), lr=0.1)
    for seed in range(5):
        torch.manual_seed(seed)
        loss = svi.step(batch)
        torch.manual_seed(seed)
        optimizer.zero_grad()
        same = elbo(batch)
        same.backward()
        optimizer.step()
        assert loss == pytest.approx(same.item(), rel=1e-6)
    for mine, torchs in zip(weights(model, guide), weights(other, other_guide), strict=True):
        assert torch.equal(mine, torchs)


@pytest.mark.parametrize(("local", "elbo"), [(False, Trace_ELBO), (True, Trace_ELBO), (False, TraceGraph_ELBO)])
def test_two_pairs_of_one_class_train_their_own_weights(local: bool, elbo: Any) -> None:
    with pyro.settings.context(module_local_params=local):
        for seed in range(2):
            torch.manual_seed(seed)
            model, guide = Linear(), Encoder()
            before = weights(model, guide)
            svi = SVI(model, guide, pyro.optim.Adam({"lr": 0.1}), elbo())
            for _ in range(3):
                svi.step(data())
            assert all_moved(before, model, guide)
            assert len(pyro.get_param_store()) == 0


def test_two_programs_of_one_name_in_one_capture_both_train() -> None:
    first, second = Linear(), Linear()
    assert len(set(names_of(first, second, first))) == 4

    def model(batch: Any) -> None:
        first(batch)
        with scope(prefix="other"):
            second(batch)

    def guide(batch: Any) -> None:
        Encoder()(batch)
        with scope(prefix="other"):
            Encoder()(batch)

    before = weights(first, second)
    SVI(model, guide, pyro.optim.Adam({"lr": 0.1}), Trace_ELBO()).step(data())
    assert all_moved(before, first, second)


def test_a_network_that_model_and_guide_share_takes_one_step() -> None:
    model = Linear()
    guide = Encoder(model.decoder)
    before = weights(model, guide)
    SVI(model, guide, pyro.optim.SGD({"lr": 1e-4}), Trace_ELBO()).step(data())
    assert all_moved(before, model, guide)
    bias = model.decoder.bias.detach().clone()
    assert guide.shared is model.decoder

    torch.manual_seed(0)
    once = SVI(model, guide, pyro.optim.SGD({"lr": 1e-4}), Trace_ELBO())
    shadow, copied = copy.deepcopy((model, guide))
    once.step(data())
    torch.manual_seed(0)
    Trace_ELBO()(shadow, copied)(data()).backward()
    assert torch.allclose(model.decoder.bias, bias - 1e-4 * shadow.decoder.bias.grad, atol=1e-6)


@pytest.mark.parametrize("ready", [True, False])
def test_a_derived_guide_trains_also_if_its_networks_are_made_at_the_first_step(ready: bool) -> None:
    class Given(Linear):
        @observed
        def x(self, z: Tensor, c: Tensor) -> Any:
            return dist.Normal(self.decoder(z) + c, NOISE).to_event(1)

    model: Model = Linear() if ready else Given()
    batch = data() if ready else data() | {"c": torch.ones(400, 3)}
    guide = MeanField(model, width=8)
    assert guide.is_ready is ready
    svi = SVI(model, guide, pyro.optim.Adam({"lr": 0.02}), Trace_ELBO())
    first = svi.step(batch)
    before = weights(model, guide)
    for _ in range(100):
        svi.step(batch)
    assert all(not torch.equal(old, new) for old, new in zip(before, weights(model, guide), strict=True))
    assert svi.evaluate_loss(batch) < 0.8 * first


def test_a_program_trains_from_its_own_store() -> None:
    def model(x: Tensor) -> None:
        with pyro.plate("data", len(x)):
            z = pyro.sample("z", dist.Normal(0.0, 1.0))
            pyro.sample("x", dist.Normal(z + pyro.param("shift", torch.tensor(0.0)), NOISE), obs=x)

    def guide(x: Tensor) -> None:
        scale = pyro.param("scale", torch.tensor(1.0), constraint=dist.constraints.positive)
        with pyro.plate("data", len(x)):
            pyro.sample("z", dist.Normal(0.0, scale))

    program = ppgen.Program(model, guide).setup({"x": torch.zeros(2)})
    before = weights(program.model)
    SVI(program.model, program.guide, pyro.optim.Adam({"lr": 0.1}), Trace_ELBO()).step({"x": data()["x"][:, 0]})
    assert all_moved(before, program.model)
    assert len(pyro.get_param_store()) == 0


def test_what_is_frozen_or_blocked_stays() -> None:
    model, guide = Linear(), Encoder()
    model.decoder.bias.requires_grad_(False)
    assert names_of(model) == ["Linear$$$decoder.weight"]
    before = weights(model)
    hidden = pyro.poutine.block(model, hide_types=["param"])
    SVI(hidden, guide, pyro.optim.Adam({"lr": 0.1}), Trace_ELBO()).step(data())
    assert all(torch.equal(old, new) for old, new in zip(before, weights(model), strict=True))


def test_nothing_is_announced_where_nobody_collects() -> None:
    model, guide = Linear(), Encoder()
    trace = pyro.poutine.trace(model).get_trace(data())
    assert trace.param_nodes == []
    with pyro.poutine.trace(param_only=True), pyro.poutine.block():
        assert pyro.poutine.trace(guide).get_trace(data()).param_nodes == []
    assert "decoder" not in pyro.render_model(Linear(), model_args=(data(),)).source
    pickle.dumps([dict(model.named_parameters()), dict(guide.named_parameters())])


# The store of a hand-written pair ------------------------------------------------------------------------------------


class Answering:
    """A store with a program that holds one network, and ``pyro.param`` answered by both."""

    def __init__(self) -> None:
        self.store, self.part = Store(), nn.Module()
        self.part.params, self.part.net = self.store, nn.Linear(2, 2)
        self.messenger = Parameters(self.part, self.store)

    def __call__(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        with self.messenger:
            return pyro.param(*args, **kwargs)


@pytest.fixture
def param() -> Answering:
    return Answering()


@pytest.mark.parametrize(
    ("constraint", "value"),
    [
        (constraints.real, [-1.5, 2.0]),
        (constraints.positive, [0.1, 3.0]),
        (constraints.simplex, [0.2, 0.3, 0.5]),
        (constraints.interval(-1.0, 1.0), [0.5, -0.9]),
        (constraints.lower_cholesky, [[2.0, 0.0], [0.3, 0.5]]),
    ],
)
def test_a_parameter_starts_where_it_should_and_stays_in_its_constraint(param, constraint, value):
    start = torch.tensor(value)
    assert torch.allclose(param("p", start, constraint=constraint), start, atol=1e-6)
    with torch.no_grad():
        for free in param.store.parameters():
            free += 3 * torch.randn_like(free)
    moved = param("p", start, constraint=constraint)
    assert not torch.allclose(moved, start)
    assert constraint.check(moved).all()
    moved.sum().backward()
    assert all(free.grad is not None for free in param.store.parameters())
    assert len(pyro.get_param_store()) == 0


def test_it_is_the_same_parameter_on_every_call_and_may_be_lazy(param):
    first = param("p", lambda: torch.randn(3))
    assert torch.equal(param("p"), first)
    assert torch.equal(param("p", torch.zeros(3)), first)
    assert len(list(param.store.parameters())) == 1


def test_a_first_use_needs_a_value(param, refuses):
    with refuses(DeclarationError, "pyro.param('p') has no initial value"):
        param("p")


@pytest.mark.parametrize("name", ["train", "forward", "keys", "constraints", "create", "a.b", "parameters"])
def test_any_name_will_do(param, name):
    assert param(name, torch.tensor(2.0)) == 2.0
    assert name in param.store
    assert param(name) == 2.0


def test_names_that_differ_only_in_dots_are_two(param):
    param("a.b", torch.tensor(1.0))
    param("a__b", torch.tensor(2.0))
    assert (param("a.b"), param("a__b")) == (1.0, 2.0)


def test_a_networks_own_parameters_are_not_stored_again(param):
    with param.messenger:
        pyro.module("net", param.part.net)
    assert not list(param.store.parameters())


def test_an_unknown_network_is_adopted_once(param):
    stranger = nn.Linear(2, 2)
    for _ in range(2):
        with param.messenger:
            pyro.module("stranger", stranger)
    assert [id(p) for p in param.store.parameters()] == [id(p) for p in stranger.parameters()]


def test_a_parameter_made_anew_on_every_call_is_the_first_one(param):
    first = param("p", nn.Parameter(torch.zeros(2)))
    with torch.no_grad():
        first += 1.0
    assert torch.equal(param("p", nn.Parameter(torch.zeros(2))), torch.ones(2))


def test_a_store_can_be_pickled_after_use(param):
    param("p", torch.tensor(0.5))
    param("q", torch.tensor(0.5), constraint=constraints.positive)
    twin = pickle.loads(pickle.dumps(param.store))
    assert twin.value("q") == 0.5


def test_a_plate_may_take_a_parameter_apart(param):
    with param.messenger, pyro.plate("data", 4, subsample=torch.tensor([2, 0])):
        rows = pyro.param("p", torch.arange(4.0), event_dim=0)
        pyro.sample("z", dist.Normal(rows, 1.0))
    assert rows.tolist() == [2.0, 0.0]
