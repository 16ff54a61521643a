"""What holds for every model with latent variables, whatever its story."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import pyro
import pytest
import torch
from torch import Tensor, nn

from ppgen.declare import Model, check
from ppgen.guides import MeanField
from ppgen.inference.bound import elbo_parts
from ppgen.models import (
    BayesianLogisticRegression,
    DeepMarkovModel,
    DiscreteVAE,
    FactorAnalysis,
    FlowPriorVAE,
    HierarchicalVAE,
    LadderVAE,
    MaskedVAE,
    MixtureVAE,
    PixelVAE,
    SemiSupervisedVAE,
    VampPriorHierarchicalVAE,
    VampPriorVAE,
)

SHAPE = (1, 8, 8)
ROWS = 8
SIZE = 40
Batch = dict[str, Tensor]


def images() -> Batch:
    """Two kinds of images, noisy, so that there is something to learn."""
    kinds = (torch.rand(2, *SHAPE) > 0.5).repeat(ROWS // 2, 1, 1, 1)
    return {"x": (kinds ^ (torch.rand(ROWS, *SHAPE) < 0.05)).to(torch.get_default_dtype())}


def partly_seen() -> Batch:
    x = images()["x"]
    mask = torch.zeros_like(x)
    mask[..., :4, :] = 1.0
    return {"x": x, "given": x * mask, "mask": mask}


def vectors() -> Batch:
    return {"x": torch.randn(ROWS, 2) @ torch.randn(2, 5) + 1.0}


def labelled() -> Batch:
    x = torch.randn(ROWS, 3)
    return {"x": x, "y": x.argmax(-1)}


def sequences() -> Batch:
    return {"x": torch.randn(ROWS, 6, 2).cumsum(1)}


CASES = {
    "BayesianLogisticRegression": (lambda: BayesianLogisticRegression(x_dim=3, num_classes=3), labelled),
    "DeepMarkovModel": (lambda: DeepMarkovModel((6, 2), latent_dim=3, hidden=16), sequences),
    "DiscreteVAE": (lambda: DiscreteVAE(SHAPE, num_letters=3, letter_dim=4), images),
    "FactorAnalysis": (lambda: FactorAnalysis(x_dim=5, latent_dim=2), vectors),
    "FlowPriorVAE": (lambda: FlowPriorVAE(SHAPE, latent_dim=3, width=16), images),
    "HierarchicalVAE": (lambda: HierarchicalVAE(SHAPE, (4, 3), width=16), images),
    "LadderVAE": (lambda: LadderVAE(SHAPE, (4, 3, 2), width=16), images),
    "MaskedVAE": (lambda: MaskedVAE(SHAPE, latent_dim=3, width=16), partly_seen),
    "MixtureVAE": (lambda: MixtureVAE(SHAPE, num_clusters=3, latent_dim=3), images),
    "PixelVAE": (lambda: PixelVAE(SHAPE, latent_dim=3, channels=8, width=16), images),
    "SemiSupervisedVAE": (lambda: SemiSupervisedVAE(SHAPE, num_classes=3, latent_dim=3), images),
    "VampPriorHierarchicalVAE": (lambda: VampPriorHierarchicalVAE(SHAPE, (4, 3), 5, (16, 16)), images),
    "VampPriorVAE": (lambda: VampPriorVAE(SHAPE, latent_dim=3, num_components=5, hidden=(16, 16)), images),
}
GLOBAL = ("BayesianLogisticRegression", "FactorAnalysis")  # no networks, and a bound with heavy tails at first
every_model = pytest.mark.parametrize("name", CASES)


def setting(name: str) -> tuple[Model, Batch]:
    make, data = CASES[name]
    return make(), data()


def covariates(model: Model, batch: Batch) -> Batch:
    return {key: value for key, value in batch.items() if key not in model.sites}


def loss(model: Model, guide: nn.Module, batch: Batch) -> Tensor:
    """The negative ELBO, nats per datum."""
    drawn = elbo_parts(model, guide, batch, SIZE)
    return drawn.distortion + drawn.rate


@every_model
def test_is_an_ordinary_pyro_program(name):
    model, batch = setting(name)
    trace = pyro.poutine.trace(model).get_trace(batch, SIZE)
    trace.compute_log_prob()
    for site in model.sites.values():
        node = trace.nodes[site.name]
        assert node["is_observed"] == (site.name in batch)
        assert node["log_prob"].shape == ((ROWS,) if site.local else ())
        assert node["scale"] == (SIZE / ROWS if site.local else 1.0)
        assert node["log_prob"].isfinite().all()


@every_model
def test_draws_lie_in_the_support_and_have_the_shape_of_data(name):
    model, batch = setting(name)
    drawn = model(covariates(model, batch), ROWS)
    trace = pyro.poutine.trace(model).get_trace(covariates(model, batch), ROWS)
    for site in model.sites.values():
        assert trace.nodes[site.name]["fn"].support.check(trace.nodes[site.name]["value"]).all()
        if site.role == "observed":
            assert drawn[site.name].shape == batch[site.name].shape
            assert drawn[site.name].dtype == batch[site.name].dtype


@every_model
def test_passes_the_checks_with_a_derived_guide(name):
    model, batch = setting(name)
    check(model, MeanField(model).setup(batch), batch)


@pytest.fixture(params=[torch.float32, torch.float64], ids=["float32", "float64"])
def dtype(request: pytest.FixtureRequest) -> Iterator[torch.dtype]:
    """The default dtype, in which priors such as ``dist.Normal(0.0, 1.0)`` are drawn."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(request.param)
    yield request.param
    torch.set_default_dtype(before)


@every_model
def test_every_parameter_gets_a_finite_gradient(name, dtype):
    model, batch = setting(name)
    value = loss(model, MeanField(model).setup(batch), batch)
    value.backward()
    assert value.isfinite()
    assert value.dtype == dtype
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key
        assert parameter.grad.any(), key


@every_model
def test_density_depends_on_the_state_dict_alone(name):
    model, batch = setting(name)
    other = CASES[name][0]()
    other.load_state_dict(copy.deepcopy(model.state_dict()))
    values = pyro.poutine.trace(model).get_trace(batch, None)
    replayed = pyro.poutine.trace(pyro.poutine.replay(other, values)).get_trace(batch, None)
    assert replayed.log_prob_sum() == values.log_prob_sum()


@every_model
def test_a_short_fit_lowers_the_loss(name):
    model, batch = setting(name)
    guide = MeanField(model).setup(batch)

    def measure() -> Tensor:
        with torch.no_grad():
            return torch.stack([loss(model, guide, batch) for _ in range(30)])

    before = measure()
    optimizer = torch.optim.Adam([*model.parameters(), *guide.parameters()], lr=0.03 if name in GLOBAL else 0.01)
    for _ in range(200 if name in GLOBAL else 60):
        optimizer.zero_grad()
        loss(model, guide, batch).backward()
        optimizer.step()
    after = measure()
    assert after.median() < before.quantile(0.25)
