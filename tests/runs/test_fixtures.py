"""Run folders as releases before this one wrote them: read, judged, compared and taken up as ever."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import ppgen
from ppgen.errors import CheckpointError
from ppgen.runs import RunFolder
from tests.fixtures.make_runs import EXPECTED, FOLDER, RUNS, measure
from tests.oracles.state import rows_without_time, same, state_of

FINISHED = [name for name in RUNS if name != "unfinished"]

pytestmark = pytest.mark.skipif((FOLDER.parents[2] / "PKG-INFO").exists(), reason="a source archive has no run folders")


def expected(name: str) -> object:
    """To the digits that machines and versions of torch share."""
    return pytest.approx(json.loads(EXPECTED.read_text())[name], rel=1e-4)


def copied(name: str, to: Path) -> Path:
    return shutil.copytree(FOLDER / name, to / name)


def test_the_folders_are_those_of_this_format() -> None:
    """A new format gets folders of its own beside these."""
    assert sorted(path.name for path in FOLDER.iterdir() if path.is_dir()) == sorted(RUNS)
    for name in RUNS:
        record = RunFolder(FOLDER / name).read()
        assert record["format"] == 1
        assert record["finished"] == (name in FINISHED)
        assert record["data"]["name"] in ("digits", "tensors")
        assert not {"/", "\\"} & set(json.dumps(record)), "no path of a machine"


@pytest.mark.parametrize("name", FINISHED)
def test_a_run_answers_with_the_numbers_of_its_day(name: str) -> None:
    fit = RUNS[name].load(FOLDER / name)
    assert measure(fit) == expected(name)
    assert fit.sample(2).only.shape[0] == 2


@pytest.mark.parametrize("name", FINISHED)
def test_a_run_goes_on_to_more_epochs(name: str, tmp_path: Path) -> None:
    folder, run = copied(name, tmp_path), RUNS[name]
    before = RunFolder(folder).read_history()
    fit = run.fit(folder, resume=True, max_epochs=len(before) + 1)
    assert rows_without_time(fit.history[:-1]) == rows_without_time(before)
    assert same(state_of(run.load(folder)), state_of(fit))
    assert not same(state_of(run.load(FOLDER / name)), state_of(fit))


def test_a_run_that_was_interrupted_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    run = RUNS["unfinished"]
    with pytest.raises(CheckpointError, match="not finished"):
        run.load(FOLDER / "unfinished")
    ends = []
    for place in ("one", "two"):
        fit = run.fit(copied("unfinished", tmp_path / place), resume=True)
        assert [row["epoch"] for row in fit.history] == [1, 2, 3]
        assert measure(fit) == expected("unfinished")
        ends.append(RunFolder(fit.folder).read()["weights"])
    assert ends[0] == ends[1]


def test_runs_are_judged_and_compared(tmp_path: Path) -> None:
    folders = {}
    for name in FINISHED:
        folders[name] = copied(name, tmp_path)
        card = ppgen.evaluate(RUNS[name].load(folders[name]), num_particles=5, num_samples=20, progress=False)
        card.save(folders[name])
    table = str(ppgen.compare(folders, progress=False))
    assert all(name in table for name in FINISHED)
