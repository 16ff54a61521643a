"""`--objective FILE.py:Class`: an objective of the user's own, fitted and opened again under the rules for models."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

import ppgen as package
from ppgen.errors import CheckpointError
from tests.cli.conftest import Ppgen, forget

OBJECTIVES = '''
import dataclasses
import ppgen

@dataclasses.dataclass(frozen=True)
class Weighted(ppgen.Objective):
    """The negative ELBO, times a weight."""
    weight: float = 1.0
    def check(self, model, guide):
        pass
    def loss(self, state, player, step):
        plain = ppgen.ELBO().loss(state, player, step)
        return ppgen.Loss(self.weight * plain.value, plain.record)
'''
WORDS = ("fit", "vae", "--epochs", 1, "--batch-size", 500, "--set", "latent_dim=2")
OWN = ("--objective", "my_objectives.py:Weighted")


@pytest.fixture
def file(here: Path) -> Path:
    (here / "my_objectives.py").write_text(OBJECTIVES)
    return Path("my_objectives.py")


def test_it_is_what_is_minimised(ppgen: Ppgen, file: Path) -> None:
    result = ppgen(*WORDS, *OWN, "--set-objective", "weight=2")
    assert result.exit_code == 0, result.stderr
    assert "objective Weighted(weight=2)" in result.stdout
    row = package.load("runs/vae-digits").history[0]["train"]
    assert row["loss"] == pytest.approx(-2 * row["elbo"])
    record = json.loads(Path("runs/vae-digits/run.json").read_text())
    assert record["sources"] == {"objective": {"from": "my_objectives.py:Weighted", "settings": {"weight": 2}}}


def test_at_weight_1_it_gives_the_fit_of_the_elbo_bit_for_bit(ppgen: Ppgen, file: Path) -> None:
    assert ppgen(*WORDS, *OWN, "--out", "own").exit_code == 0
    assert ppgen(*WORDS, "--out", "ours").exit_code == 0
    weights = [Path(name, "model.safetensors").read_bytes() for name in ("own", "ours")]
    assert weights[0] == weights[1]


def test_the_run_is_opened_with_the_file_that_was_fitted_and_with_no_other(ppgen: Ppgen, file: Path) -> None:
    before = set(sys.modules)
    assert ppgen(*WORDS, *OWN, "--set-objective", "weight=2", "--out", "own").exit_code == 0
    forget(before, Path.cwd())
    assert ppgen("sample", "own", "-n", 2).exit_code == 0
    assert package.load("own").objective.name == "Weighted(weight=2)", "the module is imported now"
    forget(before, Path.cwd())
    with pytest.raises(CheckpointError, match="objective"):
        package.load("own")
    file.write_text(OBJECTIVES + "print('changed')\n")
    refused = ppgen("sample", "own")
    assert refused.exit_code == 2
    assert "was changed since" in refused.stderr
    assert "--objective FILE.py:Class" in refused.stderr
    assert "changed" not in refused.stdout, "it was not run"
    named = ppgen("sample", "own", "-n", 2, *OWN)
    assert named.exit_code == 0, named.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["my_objectives.py:Weigted"], "has no objective called 'Weigted'"),
        (["nowhere.py:Weighted"], "nowhere.py: no such file"),
        (["my_models.py"], "declares no objectives"),
        (["my_models.py:Tiny"], "Tiny"),
        ([OWN[1], "--beta", "2"], "takes no argument 'beta'"),
    ],
)
def test_what_is_no_objective_is_refused(ppgen: Ppgen, file: Path, words: list[str], told: str) -> None:
    refused = ppgen(*WORDS, "--objective", *words)
    assert refused.exit_code == 2
    assert told in refused.stderr
    assert not Path("runs").exists()
