from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from torch import Tensor, nn

import ppgen
from ppgen.data import Dataset
from ppgen.errors import CheckpointError
from ppgen.fitted import Fit
from ppgen.guides import Delta, FullRank, MeanField
from ppgen.models import GAN, VAE, Autoencoder, ConditionalVAE, PixelCNN
from tests.oracles.conjugate import SharedMean
from tests.oracles.state import rows_without_time, same, state_of

X = (1, 8, 8)
ZOO: dict[str, tuple[Callable[[], Any], Any, Any]] = {
    "vae": (lambda: VAE(X, latent_dim=2, hidden=(8,)), FullRank, ppgen.ELBO(2.0)),
    "autoencoder": (lambda: Autoencoder(X, latent_dim=2, hidden=(8,)), Delta, ppgen.ELBO(0.0)),
    "conditional vae": (lambda: ConditionalVAE(X, latent_dim=2, hidden=(8,)), MeanField, None),
    "pixelcnn": (lambda: PixelCNN(X, 4, 1), None, None),
    "gan": (lambda: GAN(X, latent_dim=4, hidden=(8,)), None, None),
}


def fit(model: Any, guide: Any, objective: Any = None, data: Any = "digits", **settings: Any) -> Fit:
    chosen = {"max_epochs": 1, "progress": False, "device": "cpu"} | settings
    return ppgen.fit(model, guide, data, objective, **chosen)


@pytest.mark.parametrize("name", ZOO)
def test_a_fit_comes_back_with_the_same_answers(name: str, tmp_path: Path) -> None:
    """By what the run folder says alone: weights, history, settings, and every answer that the fit gives."""
    make, family, objective = ZOO[name]
    model = make()
    first = fit(model, None if family is None else family(model), objective, out=tmp_path / "run")
    random_state = torch.get_rng_state()
    second = ppgen.load(tmp_path / "run")
    assert torch.equal(torch.get_rng_state(), random_state)
    assert same(state_of(second), state_of(first))
    assert second.history == first.history
    assert second.settings == first.settings
    assert repr(second) == repr(first)
    assert second.num_parameters == first.num_parameters
    covariates = {"y": 3} if name == "conditional vae" else {}
    assert torch.equal(second.sample(3, **covariates), first.sample(3, **covariates))
    for question in ("density", "representation"):
        assert second.unanswerable(question) == first.unanswerable(question)
    if first.unanswerable("density") is None:
        assert second.elbo() == first.elbo()
    if first.unanswerable("representation") is None:
        assert torch.equal(second.encode(), first.encode())


def test_a_fit_from_memory_is_saved_as_a_run(vae_fit: Fit, tmp_path: Path) -> None:
    folder = vae_fit.folder
    vae_fit.save(tmp_path / "run")
    assert vae_fit.folder == tmp_path / "run"
    vae_fit.folder = folder
    again = ppgen.load(tmp_path / "run")
    assert again.elbo() == vae_fit.elbo()
    assert rows_without_time(again.history) == rows_without_time(vae_fit.history)
    with pytest.raises(ppgen.errors.SettingError, match="already"):
        vae_fit.save(tmp_path / "run")


def test_arguments_that_are_no_data_are_asked_for(tmp_path: Path) -> None:
    class Own(nn.Sequential):
        """A network that no other process can know of."""

    model = VAE(X, latent_dim=2, hidden=(8,))
    encoder = Own(nn.Flatten(), nn.Linear(64, 5), nn.Tanh())
    first = fit(model, MeanField(model, encoder=encoder), out=tmp_path)
    with pytest.raises(CheckpointError, match="guide="):
        ppgen.load(tmp_path)
    fresh = VAE(X, latent_dim=2, hidden=(8,))
    guide = MeanField(fresh, encoder=Own(nn.Flatten(), nn.Linear(64, 5), nn.Tanh()))
    assert ppgen.load(tmp_path, model=fresh, guide=guide).elbo() == first.elbo()


def test_data_of_the_users_own_are_asked_for(tmp_path: Path) -> None:
    x = torch.randn(60, 2)
    model = SharedMean()
    first = fit(model, FullRank(model), data=x, out=tmp_path)
    with pytest.raises(CheckpointError, match="own data"):
        ppgen.load(tmp_path)
    again = ppgen.load(tmp_path, data=x)
    assert again.elbo(num_particles=3) == first.elbo(num_particles=3)
    assert torch.equal(again.sample(4), first.sample(4))


def program() -> ppgen.Program:
    """A hand-written pair, with a network and parameters with a constraint."""
    net = nn.Linear(3, 1)

    def model(x: Tensor, size: int) -> None:
        spread = pyro.param("spread", torch.tensor(0.5), constraint=dist.constraints.positive)
        with pyro.plate("data", size, subsample_size=len(x)):
            z = pyro.sample("z", dist.Normal(0.0, 1.0))
            pyro.sample("x", dist.Normal(z.unsqueeze(-1).expand(*z.shape, 3), spread).to_event(1), obs=x)

    def guide(x: Tensor, size: int) -> None:
        pyro.module("net", net)
        scale = pyro.param("guide.scale", torch.tensor(0.3), constraint=dist.constraints.positive)
        with pyro.plate("data", size, subsample_size=len(x)):
            pyro.sample("z", dist.Normal(net(x).squeeze(-1), scale))

    return ppgen.Program(model, guide)


def test_a_program_is_loaded_into_the_same_program(tmp_path: Path) -> None:
    torch.manual_seed(0)
    x = torch.randn(80, 1) + 0.3 * torch.randn(80, 3)
    first = ppgen.fit(program(), data=x, max_epochs=20, learning_rate=0.05, out=tmp_path, progress=False)
    with pytest.raises(CheckpointError, match="model="):
        ppgen.load(tmp_path, data=x)
    again = ppgen.load(tmp_path, model=program(), data=x)
    assert same(state_of(again), state_of(first))
    assert again.elbo() == first.elbo()
    assert torch.equal(again.sample(5), first.sample(5))
    assert list(pyro.get_param_store()) == []


def test_an_unfinished_run_is_no_fit(tmp_path: Path) -> None:
    fit(VAE(X, latent_dim=2, hidden=(8,)), None, out=tmp_path)
    path = tmp_path / "run.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "finished": False}))
    with pytest.raises(CheckpointError, match="not finished"):
        ppgen.load(tmp_path)


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("model", None),
        ("model", {}),
        ("model", "ppgen.models:VAE"),
        ("objective", 3),
        ("guide", []),
        ("example", {"x": {}}),
        ("example", {"x": {"shape": [1, 8, 8], "dtype": "load", "max": None}}),
        ("example", {"x": {"shape": "all", "dtype": "float32", "max": None}}),
        ("settings", None),
        ("facts", 3),
        ("data", {"spec": {"name": "digits", "shell": "rm"}}),
        ("data", []),
        ("seconds", "soon"),
    ],
)
def test_a_record_that_was_tampered_with(tmp_path: Path, part: str, value: Any) -> None:
    fit(VAE(X, latent_dim=2, hidden=(8,)), None, out=tmp_path)
    path = tmp_path / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), part: value}))
    with pytest.raises(CheckpointError):
        ppgen.load(tmp_path)


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    fit(VAE(X, latent_dim=2, hidden=(8,)), None, out=tmp_path)
    with pytest.raises(CheckpointError, match="shape"):
        ppgen.load(tmp_path, model=VAE(X, latent_dim=2, hidden=(9,)))


def test_dropout_and_batch_statistics_are_in_evaluation_mode(
    noisy_fit: Callable[..., Fit], grey: Dataset, tmp_path: Path
) -> None:
    first = noisy_fit(out=tmp_path, max_epochs=1, patience=None)
    again = ppgen.load(tmp_path, data=grey)
    for fitted in (first, again):
        assert not any(module.training for module in (*fitted.model.modules(), *fitted.guide.modules()))
    assert again.elbo() == first.elbo()
