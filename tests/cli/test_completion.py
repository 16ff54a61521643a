"""A shell's tab: the names of recipes, data sets, guides and objectives, and run folders, without importing torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from ppgen import zoo
from ppgen.cli import commands
from ppgen.data import names


def offered(*words: str) -> list[str]:
    """What a shell shows where the last word is not finished."""
    *before, incomplete = words
    shell = ShellComplete(commands, {}, "ppgen", "_PPGEN_COMPLETE")
    return [str(item.value) for item in shell.get_completions(list(before), incomplete)]


def test_recipes_and_data_sets_by_their_names() -> None:
    assert offered("fit", "") == list(zoo.names())
    assert offered("fit", "gated") == ["gated-pixelcnn"]
    assert offered("fit", "vae", "--data", "") == list(names())
    assert offered("fit", "vae", "--data", "spr") == ["sprites", "sprites64"]


def test_guides_and_objectives_in_the_words_that_the_options_take() -> None:
    assert offered("fit", "vae", "--guide", "mean") == ["mean-field"]
    assert offered("fit", "vae", "--objective", "wake") == ["wake-sleep"]


def test_a_path_stays_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no name fits, the shell is told to offer its own names of files."""
    monkeypatch.chdir(tmp_path)
    shell = ShellComplete(commands, {}, "ppgen", "_PPGEN_COMPLETE")
    kinds = [item.type for word in ("./my_models.py", "photographs/") for item in shell.get_completions(["fit"], word)]
    assert kinds == ["file", "file"]
    assert [item.type for item in shell.get_completions(["sample"], "elsewhere/")] == ["dir"]


@pytest.mark.parametrize(
    "command", ["evaluate", "compare", "report", "sample", "complete", "traverse", "outliers", "doctor"]
)
def test_run_folders_and_those_in_folders_of_runs(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("runs/vae-digits", "runs/[odd] name", "runs/demo/cvae", "other/empty"):
        Path(name).mkdir(parents=True)
    for file in ("runs/vae-digits/run.json", "runs/[odd] name/run.json", "runs/demo/cvae/run.json"):
        Path(file).touch()
    assert offered(command, "") == ["runs/[odd] name", "runs/vae-digits"]
    assert offered(command, "runs/") == ["runs/[odd] name", "runs/demo/cvae", "runs/vae-digits"]
    assert offered(command, "runs/v") == ["runs/vae-digits"]
    assert offered(command, "runs/[o") == ["runs/[odd] name"]
    assert offered(command, "runs/demo/") == ["runs/demo/cvae"]


def test_a_run_is_offered_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        Path("runs", name).mkdir(parents=True)
        Path("runs", name, "run.json").touch()
    assert offered("compare", "runs/a", "runs/") == ["runs/b"]


def test_a_tab_does_not_wait_for_torch() -> None:
    asked = "from tests.cli.test_completion import offered; import sys; offered('fit', 'v')"
    checked = f"{asked}; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", checked], check=True, cwd=Path(__file__).parents[2])
