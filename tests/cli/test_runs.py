"""Run folders are found, and opened on data that was moved."""

from __future__ import annotations

import py_compile
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ppgen as package
from ppgen.cli.runs import find_runs, note, open_run
from ppgen.errors import CheckpointError
from ppgen.runs import RunFolder
from tests.cli.conftest import Ppgen


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
    fit = package.fit(package.models.VAE((1, 8, 8), 2), data, max_epochs=1, progress=False, out="runs/mine")
    Path("mine.npy").rename("moved.npy")
    assert open_run(Path("runs/mine"), data="moved.npy").data.fingerprint() == fit.data.fingerprint()


@pytest.fixture
def own(fitted_own: Path, here: Path) -> Path:
    """A run of ``my_models.py`` that was fitted in this folder, in a process that has not loaded the file."""
    shutil.copytree(fitted_own, here / "runs" / "own")
    for name in ("Tiny", "Encoder"):
        note(Path("my_models.py"), name)
    sys.path[:] = [place for place in sys.path if place not in ("", str(here))]
    return Path("runs/own")


def test_ones_own_model_is_built_from_the_same_file(own: Path) -> None:
    fit = open_run(own)
    assert type(fit.model).__name__ == "Tiny"
    assert type(fit.guide).__name__ == "Encoder"
    assert fit.encode().only.shape == (360, 2)


def test_a_file_that_was_moved_must_be_named(own: Path) -> None:
    Path("elsewhere").mkdir()
    Path("my_models.py").rename("elsewhere/new_name.py")
    with pytest.raises(CheckpointError, match="--model FILE"):
        open_run(own)
    fit = open_run(own, model="elsewhere/new_name.py:Tiny", guide="elsewhere/new_name.py:Encoder")
    assert fit.encode().only.shape == (360, 2)


MODEL = "import ppgen\nclass Tiny: ..."
PLACES = ["never_fitted.py", "runs/own/evil.py", "../evil.py", "{}/evil.py", "runs/../../evil.py"]


@pytest.mark.parametrize(
    ("place", "content"),
    [(place, MODEL) for place in PLACES]
    + [("deploy.py", content) for content in ("import ppgen", "class Tiny: ...", "class Tiny:")],
)
def test_a_run_cannot_choose_what_is_executed(own: Path, here: Path, place: str, content: str) -> None:
    place = place.format(here.parent)
    Path(place).write_text(f"raise SystemExit('executed')\n{content}\n")
    tell(own, f"{place}:Tiny")
    with pytest.raises(CheckpointError, match="--model FILE"):
        open_run(own)


def tell(run: Path, source: Any, /, **settings: Any) -> None:
    """Write another source of the model into a run folder, as whoever made the folder could."""
    record = RunFolder(run).read()
    record["sources"]["model"] = {"from": source, "settings": settings}
    RunFolder(run).write(record)


NAMES = [
    ("os:system", {"command": "touch executed"}),
    ("subprocess:run", {"args": ["touch", "executed"]}),
    ("builtins:exec", {"source": "open('executed', 'w')"}),
    ("pathlib:Path.touch", {"self": "executed"}),
    ("planted:Tiny", {}),
    ("planted", {}),
    ("ppgen.files:os.system", {"command": "touch executed"}),
    ("ppgen.cli:main", {}),
    ("ppgen.cli.__main__:main", {}),
    ("ppgen.guides:MeanField", {}),
    ("os.py:system", {"command": "touch executed"}),
    ("my_models:Tiny", {}),
    ("", {}),
    (None, {}),
    (3, {}),
    (["os:system"], {}),
    ({"os": "system"}, {}),
]


@pytest.mark.parametrize(
    ("command", "source", "settings"),
    [("evaluate", *name) for name in NAMES] + [(command, *NAMES[0]) for command in ("sample", "report", "compare")],
)
def test_no_name_in_a_run_folder_is_imported_or_called(
    ppgen: Ppgen, own: Path, here: Path, command: str, source: Any, settings: dict[str, Any]
) -> None:
    (here / "planted.py").write_text("open('executed', 'w')\nimport ppgen\nclass Tiny(ppgen.models.VAE): ...\n")
    sys.path.insert(0, str(here))
    tell(own, source, **settings)
    result = ppgen(command, own)
    assert result.exit_code == 2, result.output
    assert "--model FILE.py:Class" in result.stderr
    assert not (here / "executed").exists()
    assert not {"planted", "my_models"} & set(sys.modules)


@pytest.mark.parametrize("sources", [3, [], "os:system", {"model": 3}, {"model": {"from": "my_models.py:Tiny"}}])
def test_sources_that_are_damaged(own: Path, sources: Any) -> None:
    RunFolder(own).write({**RunFolder(own).read(), "sources": sources})
    with pytest.raises(CheckpointError, match="damaged"):
        open_run(own)


def test_a_class_that_is_here_already_may_be_named(own: Path) -> None:
    tell(own, "ppgen.models:VAE", x_shape=[1, 8, 8])
    with pytest.raises(CheckpointError, match="the weights are not those of this model"):
        open_run(own)  # a VAE is made, and does not fit the weights


def test_a_file_that_was_changed_since_the_fit_is_not_run(ppgen: Ppgen, own: Path) -> None:
    before = Path("my_models.py").read_text()
    Path("my_models.py").write_text(before + "\nimport pathlib\npathlib.Path('executed').touch()\n")
    with pytest.raises(CheckpointError, match=r"(?s)changed since.*--model FILE"):
        open_run(own)
    assert not Path("executed").exists()
    result = ppgen("evaluate", own, "--particles", 2, "--model", "my_models.py:Tiny", "--guide", "my_models.py:Encoder")
    assert result.exit_code == 0, "whoever names the file may run it"
    assert Path("executed").exists()
    del sys.modules["my_models"]
    Path("my_models.py").write_text(before)
    assert type(open_run(own).model).__name__ == "Tiny"


@pytest.mark.parametrize("change", ["another place", "another name", "another machine"])
def test_only_what_was_fitted_is_run(
    own: Path, here: Path, change: str, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A file's neighbours run with it, and its other functions were never asked for."""
    if change == "another place":
        elsewhere = tmp_path_factory.mktemp("elsewhere")
        shutil.copytree(here, elsewhere, dirs_exist_ok=True)
        monkeypatch.chdir(elsewhere)
    elif change == "another name":
        shutil.copy("my_models.py", "two_classes.py")
        note(Path("two_classes.py"), "Tiny")
        tell(own, "two_classes.py:Encoder", x_shape=[1, 8, 8])
    else:
        monkeypatch.setenv("PPGEN_CACHE", str(tmp_path_factory.mktemp("cache")))
    with pytest.raises(CheckpointError, match="--model FILE"):
        open_run(own)
    assert not {"my_models", "two_classes"} & set(sys.modules)


def test_bytecode_beside_a_file_is_not_run(own: Path, here: Path) -> None:
    (here / "other.py").write_text("import pathlib\npathlib.Path('executed').touch()\n")
    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
    cached = here / "__pycache__" / f"my_models.{sys.implementation.cache_tag}.pyc"
    py_compile.compile(str(here / "other.py"), str(cached), invalidation_mode=unchecked)
    assert type(open_run(own).model).__name__ == "Tiny"
    assert not (here / "executed").exists()


def test_a_cache_that_cannot_be_written_costs_the_fit_nothing(
    ppgen: Ppgen, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "no_folder").write_text("")
    monkeypatch.setenv("PPGEN_CACHE", str(here / "no_folder"))
    result = ppgen("fit", "my_models.py:Tiny", "--epochs", 1, "--out", "runs/own")
    assert result.exit_code == 0
    assert "--model my_models.py:Tiny" in result.stderr


def test_a_model_of_a_module_is_named_to_the_next_command(ppgen: Ppgen, here: Path) -> None:
    sys.path.insert(0, str(here))
    result = ppgen("fit", "my_models:Tiny", "--epochs", 1, "--out", "runs/own")
    words = result.stdout.splitlines()[-1].split()
    assert words == ["ppgen", "evaluate", "runs/own", "--model", "my_models:Tiny"]
    assert open_run(Path("runs/own")).model is not None, "it is imported here"
    del sys.modules["my_models"]
    with pytest.raises(CheckpointError, match="--model FILE"):
        open_run(Path("runs/own"))
    assert ppgen(*words[1:], "--particles", 2).exit_code == 0


def test_a_pair_written_in_pyro_is_built_by_the_users_function(ppgen: Ppgen, here: Path) -> None:
    assert ppgen("fit", "pair.py:make", "--set", "start=0.5", "--epochs", 1, "--out", "runs/pair").exit_code == 0
    del sys.modules["pair"]
    fit = open_run(Path("runs/pair"))
    assert fit.elbo().value == open_run(Path("runs/pair")).elbo().value
    saved = fit.guide.state_dict()["params.loc"]
    assert saved != 0.5, "the weights are those of the fit"
