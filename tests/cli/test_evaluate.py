"""`ppgen evaluate` measures what Python measures, and keeps it in the run folder."""

from __future__ import annotations

import json
from pathlib import Path

import ppgen as package
from tests.cli.conftest import Ppgen

PNG = b"\x89PNG"


def test_evaluate_prints_the_card_and_keeps_it(ppgen: Ppgen, runs: Path) -> None:
    result = ppgen("evaluate", runs / "cvae", "--particles", 5, "--samples", 100, "--seed", 3)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("runs/cvae: ConditionalVAE on digits, test split, 360 data points")
    assert "IWAE-5" in result.stdout
    scores = json.loads((runs / "cvae" / "scores.json").read_text())
    assert scores["facts"]["evaluation_seed"] == 3
    assert (runs / "cvae" / "figures" / "samples.png").read_bytes().startswith(PNG)


def test_evaluate_gives_what_python_gives(runs: Path) -> None:
    """The command evaluated the run, with all that it measures, where it was fitted."""
    card = package.evaluate(package.load(runs / "vae"), metrics=["log_prob"], num_particles=5, progress=False)
    scores = json.loads((runs / "vae" / "scores.json").read_text())
    assert scores["answers"]["density"]["log_prob"]["estimate"]["value"] == card["density"]["log_prob"].value


def test_chosen_metrics_are_printed_and_not_kept(ppgen: Ppgen, runs: Path) -> None:
    kept = (runs / "vae" / "scores.json").read_bytes()
    result = ppgen("evaluate", runs / "vae", "--particles", 5, "--metrics", "elbo, reconstruction_error")
    assert result.exit_code == 0, result.stderr
    assert "ELBO-10" in result.stdout
    assert "reconstruction  " in result.stdout
    assert "log p" not in result.stdout
    assert (runs / "vae" / "scores.json").read_bytes() == kept
    twice = ppgen("evaluate", runs / "vae", "--metrics", "elbo", "--metrics", "reconstruction_error")
    assert twice.stdout == result.stdout
    wrong = ppgen("evaluate", runs / "vae", "--metrics", "log_prop")
    assert wrong.exit_code != 0
    assert "unknown metric 'log_prop'" in wrong.stderr
