"""What every model of the zoo owes its users, whatever its story is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyro
import pytest
import torch
from pyro.infer import Predictive

import ppgen
from ppgen.declare import Model
from ppgen.models import GAN, VAE, Autoencoder, ConditionalVAE, PixelCNN

SHAPE = (1, 8, 8)
MODELS: dict[str, Callable[[], Model]] = {
    "Autoencoder": lambda: Autoencoder(SHAPE, latent_dim=3, hidden=(4, 8)),
    "VAE": lambda: VAE(SHAPE, latent_dim=3),
    "ConditionalVAE": lambda: ConditionalVAE(SHAPE, latent_dim=3),
    "PixelCNN": lambda: PixelCNN(SHAPE, hidden=4, num_layers=2),
    "GAN": lambda: GAN(SHAPE, latent_dim=3),
}


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> Model:
    return MODELS[request.param]()


@pytest.fixture
def batch() -> dict[str, torch.Tensor]:
    return {"x": torch.rand(5, *SHAPE).round(), "y": torch.tensor([0, 9, 3, 3, 1])}


def test_every_model_is_listed_here_or_in_the_latent_family():
    listed = (Path(__file__).parent / "test_latent_family.py").read_text()
    assert {name for name in ppgen.models.__all__ if name not in MODELS and name not in listed} == set()


def test_passes_the_check(model, batch):
    ppgen.check(model, batch=batch)


def test_constructor_arguments_survive_json(model, batch):
    arguments = json.loads(json.dumps(model.constructor_arguments))
    again = type(model)(**arguments)
    again.load_state_dict(model.state_dict())
    torch.manual_seed(0)
    x = model({"y": batch["y"]})["x"]
    torch.manual_seed(0)
    assert torch.equal(again({"y": batch["y"]})["x"], x)


def test_draws_have_the_datas_shape_and_range(model, batch):
    x = model({"y": batch["y"]})["x"]
    assert x.shape == (5, *SHAPE)
    assert x.isfinite().all()


def test_log_density_is_scaled_from_the_batch_to_the_data_set(model, batch):
    if model.is_implicit:
        pytest.skip("no density")
    traces = []
    for size in (5, 500):
        torch.manual_seed(0)
        traces.append(pyro.poutine.trace(model).get_trace(batch, size).log_prob_sum())
    torch.testing.assert_close(traces[1], 100 * traces[0])


def test_gradients_are_finite_and_reach_every_parameter(model, batch):
    if model.is_implicit:
        model(size=5)["x"].sum().backward()
    else:
        pyro.poutine.trace(model).get_trace(batch).log_prob_sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert (parameter.grad != 0).any(), name


def test_predictive_runs_it(model, batch):
    draws = Predictive(model, num_samples=3)({"y": batch["y"]})["x"]
    assert draws.reshape(3, 5, *SHAPE).isfinite().all()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_runs_on_the_gpu(model, batch):
    model = model.cuda()
    assert model({"y": batch["y"].cuda()})["x"].device.type == "cuda"
    if not model.is_implicit:
        on_gpu = {key: value.cuda() for key, value in batch.items()}
        assert pyro.poutine.trace(model).get_trace(on_gpu).log_prob_sum().isfinite()
