"""`ppgen evaluate`, `compare`, `sample` and `report` on runs that are there."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

import ppgen as package

Ppgen = Callable[..., Result]
PNG = b"\x89PNG"


def test_evaluate_prints_the_card_and_keeps_it(ppgen: Ppgen, runs: Path) -> None:
    result = ppgen("evaluate", runs / "cvae", "--particles", 5, "--samples", 100, "--seed", 3)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("runs/cvae: ConditionalVAE on digits, test split, 360 data points")
    assert "IWAE-5" in result.stdout
    scores = json.loads((runs / "cvae" / "scores.json").read_text())
    assert scores["facts"]["evaluation_seed"] == 3
    assert (runs / "cvae" / "figures" / "samples.png").read_bytes().startswith(PNG)


def test_evaluate_gives_what_python_gives(ppgen: Ppgen, runs: Path) -> None:
    ppgen("evaluate", runs / "vae", "--particles", 5)
    card = package.evaluate(package.load(runs / "vae"), num_particles=5, progress=False)
    scores = json.loads((runs / "vae" / "scores.json").read_text())
    assert scores["density"]["log_prob"]["value"] == card.density["log_prob"].value


def test_compare_is_the_table_of_python(ppgen: Ppgen, runs: Path) -> None:
    result = ppgen("compare", runs / "vae", runs / "cvae")
    comparison = package.compare({"vae": runs / "vae", "cvae": runs / "cvae"})
    assert result.exit_code == 0
    assert result.stdout.strip() == comparison.to_text().strip()


def test_compare_evaluates_what_has_no_scores(ppgen: Ppgen, runs: Path) -> None:
    result = ppgen("compare", runs)
    assert result.exit_code == 0
    assert result.stderr == "runs/pixelcnn: not evaluated yet, doing so now\n"
    assert (runs / "pixelcnn" / "scores.json").exists()
    for name in ("vae", "cvae", "pixelcnn"):
        assert name in result.stdout


@pytest.mark.parametrize(("form", "sign"), [("markdown", "|"), ("latex", r"\toprule"), ("csv", ","), ("text", "vae")])
def test_compare_writes_tables(ppgen: Ppgen, runs: Path, form: str, sign: str) -> None:
    words = ["compare", runs / "vae", runs / "cvae", "--format", form]
    shown = ppgen(*words).stdout
    assert sign in shown
    written = ppgen(*words, "-o", "tables/table.txt")
    assert written.stdout == "tables/table.txt\n"
    assert Path("tables/table.txt").read_text() == shown


def test_the_csv_can_be_read_back(ppgen: Ppgen, runs: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(ppgen("compare", runs / "vae", "--format", "csv").stdout)))
    card = package.evaluation.Scorecard.load(runs / "vae")
    values = [float(row["value"]) for row in rows if row.get("metric") == "log_prob" and row["kind"] == "lower bound"]
    assert values == pytest.approx([card.density["log_prob"].value])


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_samples_as_pictures(ppgen: Ppgen, runs: Path, suffix: str) -> None:
    target = Path("pictures/samples").with_suffix(suffix)
    assert ppgen("sample", runs / "vae", "-n", 9, "-o", target).stdout == f"{target}\n"
    assert target.stat().st_size > 500


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_samples_as_numbers_are_those_of_python(ppgen: Ppgen, runs: Path, suffix: str) -> None:
    target = Path("samples").with_suffix(suffix)
    assert ppgen("sample", runs / "vae", "-n", 9, "--seed", 4, "-o", target).exit_code == 0
    drawn = package.load(runs / "vae").sample(9, seed=4).numpy()
    if suffix == ".npy":
        assert np.array_equal(np.load(target), drawn)
    else:
        with np.load(target) as arrays:
            assert list(arrays) == ["x"]
            assert np.array_equal(arrays["x"], drawn)


def test_a_conditional_model_goes_through_its_classes(ppgen: Ppgen, runs: Path) -> None:
    fit = package.load(runs / "cvae")
    result = ppgen("sample", runs / "cvae", "-n", 12, "-o", "all.npy")
    assert "y goes through 0 to 9" in result.stderr
    assert np.array_equal(np.load("all.npy"), fit.sample(12, y=[*range(10), 0, 1]).numpy())
    assert ppgen("sample", runs / "cvae", "-n", 4, "--given", "y=3", "-o", "threes.npy").exit_code == 0
    assert np.array_equal(np.load("threes.npy"), fit.sample(4, y=3).numpy())
    assert ppgen("sample", runs / "cvae", "-n", 3, "--given", "y=[3, 5]", "-o", "both.npy").exit_code == 0
    assert np.array_equal(np.load("both.npy"), fit.sample(3, y=[3, 5, 3]).numpy())


def test_means_are_no_bits(ppgen: Ppgen, runs: Path) -> None:
    ppgen("sample", runs / "vae", "-n", 4, "--mean", "-o", "means.npy")
    assert ((np.load("means.npy") > 0) & (np.load("means.npy") < 1)).any()


def test_a_report_of_runs(ppgen: Ppgen, runs: Path) -> None:
    result = ppgen("report", runs / "vae", runs / "cvae", "-o", "pages/page.html", "--title", "Two of a kind")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == "pages/page.html\n"
    page = Path("pages/page.html").read_text()
    assert "Two of a kind" in page
    assert "cvae" in page
    assert "<svg" in page or "<img" in page


@pytest.mark.parametrize("command", ["evaluate", "compare", "report"])
def test_what_is_no_run_is_refused(ppgen: Ppgen, here: Path, command: str) -> None:
    result = ppgen(command, "nowhere")
    assert result.exit_code == 2
    assert "nowhere: no run here" in result.stderr
