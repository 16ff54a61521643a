"""`import ppgen` and `ppgen --help` stay light."""

from __future__ import annotations

import ast
import subprocess
import sys
import time
from pathlib import Path

import pytest

import ppgen

PLOTTING_AND_DATA = {"torchvision", "arviz", "matplotlib", "pandas", "scipy", "sklearn", "xarray", "PIL", "zuko"}
HEAVY = {"torch", "pyro", "numpy", *PLOTTING_AND_DATA}
HELP = [sys.executable, "-m", "ppgen.cli", "--help"]


def loaded(*arguments: str, ends: int = 0) -> set[str]:
    """The top-level modules that a fresh interpreter imports, as ``-X importtime`` lists them."""
    done = subprocess.run([sys.executable, "-X", "importtime", *arguments], capture_output=True, text=True)
    assert done.returncode == ends, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    assert len(lines) > 20, "the listing is empty: this test would pass whatever happens"
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}


def test_importing_ppgen_loads_nothing_heavy() -> None:
    assert not loaded("-c", "import ppgen") & HEAVY


@pytest.mark.parametrize(
    "arguments", [["--version"], ["fit", "--help"], ["demo", "--help"], ["list"], ["explain", "S001"]]
)
def test_help_and_lists_load_nothing_heavy(arguments: list[str]) -> None:
    assert not loaded("-m", "ppgen.cli", *arguments) & HEAVY


def test_a_taken_folder_is_refused_before_anything_heavy(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}")
    words = ("fit", "vae", "--data", "glyphs", "--threads", "1", "--out", str(tmp_path))
    assert not loaded("-m", "ppgen.cli", *words, ends=2) & HEAVY


def test_using_every_name_loads_neither_plots_nor_data_sets() -> None:
    code = "import ppgen\nfor name in ppgen.__all__: getattr(ppgen, name)"
    assert not loaded("-c", code) & PLOTTING_AND_DATA - {"zuko"}


def test_help_answers_in_under_half_a_second() -> None:
    # The best of several runs is what the program needs; the others show what else the machine is doing.
    best = float("inf")
    for _ in range(10):
        start = time.perf_counter()
        done = subprocess.run(HELP, capture_output=True, text=True, check=True)
        best = min(best, time.perf_counter() - start)
        assert done.stdout.startswith("Usage: ppgen")
        if best < 0.5:
            return
    pytest.fail(f"ppgen --help took {best:.2f} s at best")


def test_an_unknown_name_is_refused_as_python_does() -> None:
    with pytest.raises(AttributeError, match=r"module 'ppgen' has no attribute 'Modell'"):
        ppgen.Modell  # noqa: B018


def test_every_public_name_is_there_and_listed() -> None:
    for name in ppgen.__all__:
        assert getattr(ppgen, name) is getattr(ppgen, name)
    assert set(ppgen.__all__) <= set(dir(ppgen))


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(Path(ppgen.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    seen = {}
    for node in block.body:
        assert isinstance(node, ast.Import | ast.ImportFrom)
        seen |= {alias.asname or alias.name: getattr(node, "module", alias.name) for alias in node.names}
    assert set(seen) == set(ppgen.__all__)
    for name, module in seen.items():
        home = ppgen._HOME.get(name, f"ppgen.{name}")
        assert module in (home, f"{home}.{name}")
