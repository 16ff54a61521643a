"""Run folders are found, and opened with the user's own files only."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from ppgen.cli.runs import find_runs, open_run
from ppgen.errors import CheckpointError

Ppgen = Callable[..., Result]


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


@pytest.fixture
def own(ppgen: Ppgen, here: Path) -> Path:
    """A run of ``my_models.py``, in a process that has forgotten the file."""
    words = ["--guide", "my_models.py:Encoder", "--set", "latent_dim=2", "--epochs", 1, "--out", "runs/own"]
    assert ppgen("fit", "my_models.py:Tiny", *words).exit_code == 0
    del sys.modules["my_models"]
    sys.path[:] = [place for place in sys.path if place not in ("", str(here))]
    return Path("runs/own")


def test_ones_own_model_is_built_from_the_same_file(own: Path) -> None:
    fit = open_run(own)
    assert type(fit.model).__name__ == "Tiny"
    assert type(fit.guide).__name__ == "Encoder"
    assert fit.encode().shape == (360, 2)


def test_a_file_that_was_moved_must_be_named(own: Path) -> None:
    Path("elsewhere").mkdir()
    Path("my_models.py").rename("elsewhere/new_name.py")
    with pytest.raises(CheckpointError, match="--model FILE"):
        open_run(own)
    fit = open_run(own, model="elsewhere/new_name.py:Tiny", guide="elsewhere/new_name.py:Encoder")
    assert fit.encode().shape == (360, 2)


@pytest.mark.parametrize(
    ("place", "content"),
    [
        ("runs/own/evil.py", "import ppgen\nclass Tiny: ..."),
        ("../evil.py", "import ppgen\nclass Tiny: ..."),
        ("{}/evil.py", "import ppgen\nclass Tiny: ..."),
        ("runs/../../evil.py", "import ppgen\nclass Tiny: ..."),
        ("deploy.py", "import ppgen"),
        ("deploy.py", "class Tiny: ..."),
        ("deploy.py", "class Tiny:"),
    ],
)
def test_a_run_cannot_choose_what_is_executed(own: Path, here: Path, place: str, content: str) -> None:
    place = place.format(here.parent)
    Path(place).write_text(f"raise SystemExit('executed')\n{content}\n")
    run = json.loads((own / "run.json").read_text())
    run["sources"]["model"]["from"] = f"{place}:Tiny"
    (own / "run.json").write_text(json.dumps(run))
    with pytest.raises(CheckpointError, match="--model FILE"):
        open_run(own)


def test_a_pair_written_in_pyro_is_built_by_the_users_function(ppgen: Ppgen, here: Path) -> None:
    assert ppgen("fit", "pair.py:make", "--set", "start=0.5", "--epochs", 1, "--out", "runs/pair").exit_code == 0
    del sys.modules["pair"]
    fit = open_run(Path("runs/pair"))
    assert fit.elbo().value == open_run(Path("runs/pair")).elbo().value
    saved = fit.guide.state_dict()["params.loc"]
    assert saved != 0.5, "the weights are those of the fit"
