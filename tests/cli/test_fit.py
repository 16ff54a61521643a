"""`ppgen fit`: recipes and files of one's own become run folders, and no run is lost by accident."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import ppgen as package
from ppgen.training.loop import Loop
from tests.cli.conftest import Ppgen


def record(folder: Path | str) -> dict[str, Any]:
    return json.loads((Path(folder) / "run.json").read_text())


def test_a_recipe_becomes_a_run(ppgen: Ppgen, here: Path) -> None:
    result = ppgen("fit", "vae", "--epochs", 1)
    assert result.exit_code == 0, result.stderr
    assert "VAE: p(z) p(x | z)" in result.stdout
    assert "1 epoch in" in result.stdout
    assert result.stdout.endswith("runs/vae-digits\n  ppgen evaluate runs/vae-digits\n")
    fit = package.load("runs/vae-digits")
    assert (fit.settings["max_epochs"], fit.settings["batch_size"], fit.settings["patience"]) == (1, 64, 10)
    assert not result.stderr, "no bar where nobody looks"


def test_every_word_reaches_the_fit(ppgen: Ppgen, here: Path) -> None:
    words = "--epochs 2 --batch-size 500 --lr 0.01 --patience 3 --clip-norm 5 --seed 4 --device cpu --out b4"
    more = "--beta 4 --warmup 2 --guide full-rank --set-guide width=16 --set latent_dim=3 --binarize threshold"
    assert ppgen("fit", "vae", *words.split(), *more.split()).exit_code == 0
    fit, run = package.load("b4"), record("b4")
    settings = {"max_epochs": 2, "batch_size": 500, "learning_rate": 0.01, "patience": 3, "clip_norm": 5, "seed": 4}
    assert settings.items() <= fit.settings.items()
    assert fit.objective.name == "ELBO(beta=4, warmup=2)"
    assert isinstance(fit.guide, package.guides.FullRank)
    assert fit.encode().only.shape == (360, 3)
    assert run["guide"]["arguments"]["width"] == 16
    assert run["data"]["spec"]["binarize"] == "threshold"


def test_the_command_gives_what_the_recipe_gives_in_python(ppgen: Ppgen, here: Path) -> None:
    torch.manual_seed(99)  # the command must not depend on it
    assert ppgen("fit", "vae", "--epochs", 1, "--seed", 3).exit_code == 0
    model, guide, objective = package.zoo.build("vae", "digits", seed=3)
    settings = package.zoo.recipe("vae").settings() | {"max_epochs": 1}
    same = package.fit(model, "digits", guide=guide, objective=objective, seed=3, progress=False, **settings)
    fit = package.load("runs/vae-digits")
    assert [row["valid"] for row in fit.history] == [row["valid"] for row in same.history]


def test_a_model_and_a_guide_of_ones_own(ppgen: Ppgen, here: Path) -> None:
    words = ["--guide", "my_models.py:Encoder", "--set-guide", "width=0.5", "--epochs", 1, "--set", "latent_dim=2"]
    result = ppgen("fit", "my_models.py:Tiny", *words)
    assert result.exit_code == 0, result.stderr
    assert "Tiny: p(z) p(x | z)" in result.stdout
    assert record("runs/tiny-digits")["sources"] == {
        "model": {"from": "my_models.py:Tiny", "settings": {"latent_dim": 2}},
        "guide": {"from": "my_models.py:Encoder", "settings": {"width": 0.5}},
    }


def test_data_of_ones_own(ppgen: Ppgen, here: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 2, (60, 1, 8, 8)).astype(np.float32)
    np.savez("mine.npz", x=pixels)
    assert ppgen("fit", "vae", "--data", "mine.npz", "--epochs", 1).exit_code == 0
    fit = package.load("runs/vae-mine")
    assert fit.data.x_shape == (1, 8, 8)
    assert fit.data.measure == "binary"


def test_a_run_in_the_folder_is_kept_unless_asked(ppgen: Ppgen, runs: Path) -> None:
    before = (runs / "vae" / "model.safetensors").read_bytes()
    refused = ppgen("fit", "vae", "--epochs", 1, "--seed", 1, "--out", runs / "vae")
    assert refused.exit_code == 2
    assert "--overwrite" in refused.stderr
    assert (runs / "vae" / "model.safetensors").read_bytes() == before
    (runs / "vae" / "notes.txt").write_text("mine")
    assert (runs / "vae" / "scores.json").exists()
    assert ppgen("fit", "vae", "--epochs", 1, "--seed", 1, "--out", runs / "vae", "--overwrite").exit_code == 0
    assert (runs / "vae" / "model.safetensors").read_bytes() != before
    assert (runs / "vae" / "notes.txt").read_text() == "mine", "what is not the run's own stays"
    assert not (runs / "vae" / "scores.json").exists(), "scores of other weights"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


BROKEN = """
import ppgen
import pyro.distributions as dist
class Wrong(ppgen.Model):
    @ppgen.latent
    def z(self):
        return dist.Normal(0.0, 1.0)
    @ppgen.observed
    def x(self, z):
        return dist.Bernoulli(logits=z)
class Unknown(ppgen.Model):
    @ppgen.observed
    def x(self, colour):
        return dist.Bernoulli(0.5).expand([1, 8, 8]).to_event(3)
"""

REFUSED = {
    "data": "vae --data nowhere.npz",
    "damaged data": "vae --data broken.npz",
    "step": "vae --labels-per-class 0",
    "model": "no-such-recipe",
    "file": "nowhere.py:Model",
    "argument": "vae --set latent=3",
    "no literal": "vae --set latent_dim=None",
    "guide": "vae --guide no-such-guide",
    "guide of another model": "gan --guide mean-field",
    "objective": "vae --objective no-such-objective",
    "objective of another model": "vae --objective adversarial",
    "beta": "vae --beta -1",
    "learning rate": "vae --lr -1",
    "device": "vae --device tpu",
    "patience without a loss to wait for": "gan --patience 3",
    "model that fails the check": "broken_models.py:Wrong",
    "model of other data": "broken_models.py:Unknown",
    "resume too": "vae --resume",
}


@pytest.mark.parametrize("name", [*REFUSED, "cuda"])
def test_a_refused_fit_leaves_the_run_that_it_was_to_replace(ppgen: Ppgen, runs: Path, name: str) -> None:
    if name == "cuda" and torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    Path("broken_models.py").write_text(BROKEN)
    Path("broken.npz").write_text("PK")
    before = contents(runs / "vae")
    words = REFUSED.get(name, "vae --device cuda").split()
    result = ppgen("fit", *words, "--out", runs / "vae", "--overwrite")
    assert result.exit_code == 2, result.output
    assert contents(runs / "vae") == before


def test_a_constructor_that_fails_leaves_the_run_too(ppgen: Ppgen, runs: Path) -> None:
    before = contents(runs / "vae")
    result = ppgen("fit", "vae", "--set", "latent_dim=-1", "--out", runs / "vae", "--overwrite")
    assert (result.exit_code, "latent_dim is out of range" in result.stderr) == (2, True)
    assert contents(runs / "vae") == before


def test_more_epochs_by_resume(ppgen: Ppgen, runs: Path) -> None:
    result = ppgen("fit", "vae", "--epochs", 3, "--out", runs / "vae", "--resume")
    assert result.exit_code == 0, result.stderr
    assert len(package.load(runs / "vae").history) == 3
    assert not (runs / "vae" / "scores.json").exists(), "scores of earlier weights"
    whole = ppgen("fit", "vae", "--epochs", 3, "--out", runs / "whole")
    assert whole.exit_code == 0
    once, twice = (runs / "whole" / "model.safetensors", runs / "vae" / "model.safetensors")
    assert once.read_bytes() == twice.read_bytes()


def test_resume_without_a_run_starts_one(ppgen: Ppgen, here: Path) -> None:
    result = ppgen("fit", "vae", "--epochs", 1, "--resume")
    assert result.exit_code == 0
    assert "no run to take up yet" in result.stderr


def test_ctrl_c_saves_and_says_how_to_go_on(ppgen: Ppgen, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    close, words = Loop._close_epoch, ["fit", "vae", "--epochs", "3", "--set", "latent_dim=2"]

    def press(loop: Loop, *others: Any) -> None:
        close(loop, *others)
        if loop.progress.epoch == 1:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("sys.argv", ["ppgen", *words])
    with monkeypatch.context() as patch:
        patch.setattr(Loop, "_close_epoch", press)
        result = ppgen(*words)
    assert result.exit_code == 130
    again = result.stderr.splitlines()[-1].split()
    assert again == ["ppgen", *words, "--out", "runs/vae-digits", "--resume"]
    assert ppgen(*again[1:]).exit_code == 0
    assert len(package.load("runs/vae-digits").history) == 3


def test_what_a_model_is_shown_of_the_data(ppgen: Ppgen, here: Path) -> None:
    assert ppgen("fit", "semi-supervised", "--epochs", 1, "--labels-per-class", 3, "--batch-size", 500).exit_code == 0
    fit = package.load("runs/semi-supervised-digits")
    assert int((fit.data.splits["train"]["y"] >= 0).sum()) == 30
    assert fit.encode()["y"].shape == (360, 10)
    words = "--epochs 1 --quadrants 3 --batch-size 500 --set latent_dim=2"
    assert ppgen("fit", "masked", *words.split()).exit_code == 0
    assert package.load("runs/masked-digits").data.split("test")["mask"].mean() == 0.75
    shown = ppgen("sample", "runs/masked-digits", "-n", 4, "-o", "seen.npy")
    assert shown.exit_code == 0, shown.stderr
    seen = package.load("runs/masked-digits").data.split("test")
    drawn = torch.from_numpy(np.load("seen.npy"))
    kept = seen["mask"][:4].bool()
    assert torch.equal(drawn[kept], seen["x"][:4][kept])


def test_particles_and_other_settings_of_the_objective(ppgen: Ppgen, here: Path) -> None:
    words = "--epochs 1 --batch-size 500 --objective iwae --num-particles 3 --set-objective gradient=dreg"
    assert ppgen("fit", "vae", *words.split()).exit_code == 0
    assert package.load("runs/vae-digits").objective.name == "IWAE(3, dreg)"
