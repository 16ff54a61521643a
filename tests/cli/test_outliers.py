"""`ppgen outliers` prints what Python finds, and writes the p-values of files in their order."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

import ppgen as package
from tests.cli.conftest import Ppgen


def test_p_values_of_a_file_are_those_of_python(ppgen: Ppgen, runs: Path) -> None:
    fit = package.load(runs / "pixelcnn")
    x = fit.data.split("test")["x"][:6]
    x[1], x[4] = 1.0, 1.0  # two rows that are no digits
    np.save("mine.npy", x.numpy())
    result = ppgen("outliers", runs / "pixelcnn", "mine.npy", "--rows", 40, "-o", "found/p.csv")
    assert result.exit_code == 0
    scored = fit.outlier_score(x)
    assert f"mine.npy: {scored}" in result.stdout
    assert "outside told from digits" in result.stdout
    with Path("found/p.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [line["row"] for line in lines] == ["0", "1", "2", "3", "4", "5"]
    assert [float(line["p_value"]) for line in lines] == pytest.approx(scored.p_values.tolist(), rel=1e-4)
    assert {line["suspects"] for line in lines} == {"mine.npy"}
    assert max(float(lines[1]["p_value"]), float(lines[4]["p_value"])) <= 0.01


def test_noise_and_constants_stand_in(ppgen: Ppgen, runs: Path) -> None:
    told = ppgen("outliers", runs / "pixelcnn", "--scores", "log_prob,typicality", "--rows", 40).stdout
    found = package.detect_outliers(
        package.load(runs / "pixelcnn"), scores=["log_prob", "typicality"], num_data=40, progress=False
    )
    assert told == f"{found}\n"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["nowhere.npy"], "nowhere.npy"),
        (["digits", "--scores", "surprise"], "surprise"),
        (["digits", "--scores", ","], "score"),
        (["digits", "-o", "p.png"], "unknown kind of file"),
        (["wide.npy"], "x"),
    ],
)
def test_a_mistake_is_told(ppgen: Ppgen, runs: Path, words: list[str], text: str) -> None:
    np.save("wide.npy", np.zeros((3, 1, 9, 9), np.float32))
    result = ppgen("outliers", runs / "pixelcnn", *words, "--rows", 40)
    assert result.exit_code == 2
    assert text in result.stderr
