"""Run folders are found, and opened on data that was moved."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import ppgen as package
from ppgen.cli.runs import find_runs, open_run
from ppgen.errors import CheckpointError


def make(*places: str) -> None:
    for place in places:
        Path(place).mkdir(parents=True)
        (Path(place) / "run.json").write_text("{}")


def test_a_run_a_folder_of_runs_and_a_glob(here: Path) -> None:
    make("runs/a", "runs/demo/vae", "runs/demo/gan")
    Path("runs/demo/report.html").write_text("")
    assert find_runs(["runs/a"]) == {"a": Path("runs/a")}
    assert find_runs(["runs/demo"]) == {"gan": Path("runs/demo/gan"), "vae": Path("runs/demo/vae")}
    assert list(find_runs(["runs/demo/report.html", "runs/demo/vae"])) == ["vae"]
    assert list(find_runs(["runs/a", "runs/a"])) == ["a"]


def test_runs_of_one_name_go_by_their_paths(here: Path) -> None:
    make("one/vae", "two/vae", "two/gan")
    assert list(find_runs(["one", "two"])) == ["one/vae", "gan", "two/vae"]


@pytest.mark.parametrize("places", [["nowhere"], ["."], ["my_models.py"]])
def test_no_run_is_an_error(here: Path, places: list[str]) -> None:
    with pytest.raises(CheckpointError) as caught:
        find_runs(places)
    assert caught.value.fix


def test_data_that_was_moved_is_split_as_it_was(here: Path) -> None:
    np.save("mine.npy", np.random.default_rng(0).integers(0, 2, (60, 1, 8, 8)).astype(np.float32))
    data = package.data.load("mine.npy", seed=3)
    fit = package.fit(package.models.VAE((1, 8, 8), 2), None, data, max_epochs=1, progress=False, out="runs/mine")
    Path("mine.npy").rename("moved.npy")
    assert open_run(Path("runs/mine"), data="moved.npy").data.fingerprint() == fit.data.fingerprint()
