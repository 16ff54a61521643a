from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import ppgen
from ppgen.data import Dataset
from ppgen.device import resolve_device
from ppgen.errors import CheckpointError, DataError
from ppgen.fitted import Fit
from ppgen.guides import FullRank, MeanField
from ppgen.models import GAN, VAE
from ppgen.runs import RunFolder
from tests.fixtures.make_runs import FOLDER, columns
from tests.oracles.state import rows_without_time, same, state_of

X = (1, 8, 8)
PIXELS = {"shape": [1, 8, 8], "dtype": "float32", "max": None}
PAIRS: dict[str, tuple[Callable[[], Any], Any, Any]] = {
    "vae": (lambda: VAE(X, latent_dim=2, hidden=(8,)), FullRank, ppgen.ELBO(2.0)),
    "gan": (lambda: GAN(X, latent_dim=4, hidden=(8,)), None, None),
}


def fit(model: Any, guide: Any, objective: Any = None, **settings: Any) -> Fit:
    return ppgen.fit(
        model, "digits", guide=guide, objective=objective, max_epochs=1, progress=False, device="cpu", **settings
    )


@pytest.mark.parametrize("name", PAIRS)
def test_a_fit_comes_back(name: str, tmp_path: Path) -> None:
    """By what the run folder says alone: weights, history, settings. Its answers: ``tests/models``, for every model."""
    make, guide, objective = PAIRS[name]
    first = fit(make(), guide, objective, out=tmp_path / "run")
    random_state = torch.get_rng_state()
    second = ppgen.load(tmp_path / "run")
    assert torch.equal(torch.get_rng_state(), random_state)
    assert same(state_of(second), state_of(first))
    assert second.history == first.history
    assert second.settings == first.settings
    assert repr(second) == repr(first)
    assert torch.equal(second.sample(3).only, first.sample(3).only)


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


TAMPERED: dict[str, list[Any]] = {
    "model": [None, {}, "ppgen.models:VAE"], "objective": [3], "guide": [[]], "settings": [None], "facts": [3],
    "example": [{"x": {**PIXELS, **change}} for change in ({"dtype": "load"}, {"shape": "all"})] + [{"x": {}}],
    "data": [{"spec": {"name": "digits", "shell": "rm"}}, []], "seconds": ["soon"],
}  # fmt: skip


@pytest.mark.parametrize(("part", "value"), [(part, value) for part, values in TAMPERED.items() for value in values])
def test_a_record_that_was_tampered_with(tmp_path: Path, part: str, value: Any) -> None:
    path = shutil.copytree(FOLDER / "vae", tmp_path / "run") / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), part: value}))
    with pytest.raises(CheckpointError):
        ppgen.load(tmp_path / "run")


def test_weights_of_another_model_are_refused() -> None:
    with pytest.raises(CheckpointError, match="shape"):
        ppgen.load(FOLDER / "vae", model=VAE(X, latent_dim=2, hidden=(9,)))


def test_what_is_code_and_data_of_ones_own_are_asked_for() -> None:
    with pytest.raises(CheckpointError, match="own data"):
        ppgen.load(FOLDER / "program")
    with pytest.raises(CheckpointError, match="model="):
        ppgen.load(FOLDER / "program", data=columns())


def test_other_data_are_refused_by_what_differs(tmp_path: Path) -> None:
    """Rows that were changed, in another order, of another shape, or split by another seed."""
    x = (torch.arange(240) * 37 % 23).reshape(60, 4) % 2.0
    first = fit_to(x, tmp_path / "run")
    assert ppgen.load(tmp_path / "run", data={"x": x.clone()}).elbo() == first.elbo()
    one_value = x.clone()
    one_value[3, 1] = 1 - one_value[3, 1]
    others: dict[str, Any] = {
        "other values": one_value,
        "or another split": ppgen.data.from_tensors(x, seed=1),
        "[3]": x[:, :3],
        "int64": {"x": x, "y": torch.arange(60) % 3},
        "values": x.flip(0),
    }
    for word, other in others.items():
        with pytest.raises(CheckpointError, match="not those that the run was fitted to") as caught:
            ppgen.load(tmp_path / "run", data=other)
        assert word in caught.value.got
    assert ppgen.load(tmp_path / "run", data=1 - x, other_data=True).elbo() != first.elbo()


def test_a_file_of_data_that_was_replaced_is_refused(tmp_path: Path) -> None:
    x = torch.randn(60, 4).gt(0).float()
    np.save(tmp_path / "x.npy", x)
    first = fit_to(tmp_path / "x.npy", tmp_path / "run")
    assert ppgen.load(tmp_path / "run").elbo() == first.elbo()
    np.save(tmp_path / "x.npy", 1 - x)
    with pytest.raises(CheckpointError, match="not those that the run was fitted to"):
        ppgen.load(tmp_path / "run")


def fit_to(data: Any, folder: Path) -> Fit:
    model = VAE((4,), latent_dim=2, hidden=(4,))
    return ppgen.fit(model, data, max_epochs=1, progress=False, device="cpu", out=folder)


def test_what_a_record_names_is_neither_fetched_nor_made(tmp_path: Path) -> None:
    run = RunFolder(shutil.copytree(FOLDER / "vae", tmp_path / "run"))
    for name in ("mnist", "cifar10", "svhn", "celeba", "usps", "binarized_mnist"):
        spec = {"name": name, "binarize": None, "seed": 0, "root": str(tmp_path / "made"), "download": True}
        run.write({**run.read(), "data": {"name": name, "spec": spec, "fingerprint": "0" * 16}})
        with pytest.raises((CheckpointError, DataError), match="missing"):
            ppgen.load(run.path)
    assert not (tmp_path / "made").exists()


def test_dropout_and_batch_statistics_are_in_evaluation_mode(
    noisy_fit: Callable[..., Fit], grey: Dataset, tmp_path: Path
) -> None:
    first = noisy_fit(out=tmp_path, max_epochs=1, patience=None)
    again = ppgen.load(tmp_path, data=grey)
    for fitted in (first, again):
        assert not any(module.training for module in (*fitted.model.modules(), *fitted.guide.modules()))
    assert again.elbo() == first.elbo()


def test_its_weights_go_where_one_wants_them(vae_fit: Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = vae_fit.folder
    vae_fit.save(tmp_path / "run")
    vae_fit.folder = folder
    assert ppgen.load(tmp_path / "run").device == resolve_device("auto")
    with pytest.raises(ppgen.errors.SettingError, match="tpu9"):
        ppgen.load(tmp_path / "run", device="tpu9")
    module = sys.modules["ppgen.training.load"]  # the package's attribute of this name is the function
    monkeypatch.setattr(module, "resolve_device", lambda device: torch.device("meta"))  # stands for a GPU
    assert {p.device.type for p in ppgen.load(tmp_path / "run", device="cuda").model.parameters()} == {"meta"}


def test_the_data_that_a_run_wants_are_named_as_its_sites_are(tmp_path: Path) -> None:
    data = {"x": torch.randn(30, 2), "y": torch.randint(0, 2, (30,))}
    model = ppgen.models.BayesianLogisticRegression(2)
    ppgen.fit(model, data, max_epochs=1, out=tmp_path / "run", progress=False)
    with pytest.raises(CheckpointError, match="user's own data") as told:
        ppgen.load(tmp_path / "run")
    assert all(f'"{name}": {name}' in str(told.value) for name in data)
