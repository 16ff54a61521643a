"""Imports run downward only, and nowhere in a circle.

The floors, from the ground up, are those of docs/design.md. All imports count, also those inside functions: an
import that is hidden in a function is as much a dependency as one at the top of a file.
"""

from __future__ import annotations

import ast
import collections
import graphlib
import os
from pathlib import Path

import pytest

import ppgen

FLOORS = (
    {
        *("accessors", "arguments", "by_site", "checked", "context", "device", "errors", "estimate", "files"),
        *("kept_memory", "surroundings"),
    },
    {"nets", "distributions"},
    {"declare"},
    {"data"},
    {"models"},
    {"inference"},
    {"guides"},
    {"objectives"},
    {"runs"},
    {"explained"},
    {"fitted_pair"},
    {"fitted"},
    {"walks", "complete", "translate"},
    {"training"},
    {"evaluation"},
    {"reporting"},
    {"zoo"},
    {"cli"},
)
FLOOR = {part: height for height, parts in enumerate(FLOORS) for part in parts}
STRANGERS = ({"models", "guides"},)  # they meet by site names only
MAY_REPEAT = {"cli", "models", "guides"}  # their files are named after what they hold

Graph = dict[str, set[str]]


def modules(folder: Path) -> dict[str, Path]:
    """Dotted name to file, for every module of the package in ``folder``; links are followed."""
    found = {}
    for place, _, names in os.walk(folder, followlinks=True):
        for name in names:
            if name.endswith(".py"):
                inner = (Path(place) / name).relative_to(folder).with_suffix("").parts
                found[".".join(("ppgen", *(part for part in inner if part != "__init__")))] = Path(place) / name
    return found


def imports(name: str, path: Path, known: set[str]) -> set[str]:
    """The modules among ``known`` that module ``name`` imports, also those that only type checkers see."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            source = ".".join([*parents, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{source}.{alias.name}"
                if inner in known:
                    found.add(inner)
                elif inner != "ppgen.__version__":  # a plain fact that every floor may print
                    found.add(source)
    return {module for module in found if module in known} - {name}


def graph(folder: Path) -> Graph:
    """Which module imports which, over the whole package but its facade ``ppgen/__init__.py``."""
    files = modules(folder)
    return {name: imports(name, path, set(files)) for name, path in files.items() if name != "ppgen"}


def part(module: str) -> str:
    """``ppgen.training.loop`` belongs to the part ``training``; the facade is the part ``""``."""
    return ".".join(module.split(".")[1:2])


def climbs(edges: Graph) -> list[str]:
    """Imports that go up, or between two parts that must not know each other."""
    found = []
    for name, targets in edges.items():
        for target in sorted(targets):
            here, there = part(name), part(target)
            if there == "":
                forbidden = here != "cli"  # only the top floor may use the facade, which knows everything
            else:
                forbidden = FLOOR[there] > FLOOR[here] or any({here, there} == pair for pair in STRANGERS)
            if forbidden:
                found.append(f"{name} imports {target}")
    return found


def circle(edges: Graph) -> list[str]:
    """One circle of imports, or nothing."""
    try:
        graphlib.TopologicalSorter(edges).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def by_part(edges: Graph) -> Graph:
    joined: Graph = {}
    for name, targets in edges.items():
        joined.setdefault(part(name), set()).update({part(target) for target in targets} - {part(name), ""})
    return joined


def installed() -> Path:
    return Path(ppgen.__file__).parent


def test_every_part_has_a_floor() -> None:
    assert {part(name) for name in modules(installed())} - {""} == set(FLOOR)


def test_imports_run_downward_only() -> None:
    assert climbs(graph(installed())) == []


def test_no_two_parts_import_each_other() -> None:
    assert circle(by_part(graph(installed()))) == []


def test_no_modules_import_each_other() -> None:
    assert circle(graph(installed())) == []


def test_no_two_files_of_the_library_share_a_name() -> None:
    names = [
        name.split(".")[-1] for name in modules(installed()) if name.count(".") == 2 and part(name) not in MAY_REPEAT
    ]
    assert sorted(name for name, count in collections.Counter(names).items() if count > 1) == []


@pytest.mark.parametrize(
    ("place", "line", "complaint"),
    [
        ("nets/layers.py", "from ppgen.training import loop", "ppgen.nets.layers imports ppgen.training.loop"),
        ("nets/layers.py", "def f():\n    import ppgen.training.loop", "ppgen.nets.layers imports ppgen.training.loop"),
        ("nets/layers.py", "import ppgen", "ppgen.nets.layers imports ppgen"),
        ("models/vae.py", "from ppgen.guides import delta", "ppgen.models.vae imports ppgen.guides.delta"),
        ("guides/delta.py", "from ..models.vae import VAE", "ppgen.guides.delta imports ppgen.models.vae"),
        ("training/loop.py", "from ppgen.nets.layers import MLP", None),
        ("training/loop.py", "from ppgen import __version__", None),
    ],
)
def test_the_test_sees_what_it_is_there_for(tmp_path: Path, place: str, line: str, complaint: str | None) -> None:
    for file in ("nets/layers.py", "models/vae.py", "guides/delta.py", "training/loop.py"):
        for path in (tmp_path / file, tmp_path / file.partition("/")[0] / "__init__.py", tmp_path / "__init__.py"):
            path.parent.mkdir(exist_ok=True)
            path.write_text("")
    (tmp_path / place).write_text(line)
    assert climbs(graph(tmp_path)) == ([complaint] if complaint else [])


def test_the_test_sees_a_circle(tmp_path: Path) -> None:
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets" / "__init__.py").write_text("")
    (tmp_path / "nets" / "a.py").write_text("from ppgen.nets.b import x")
    (tmp_path / "nets" / "b.py").write_text("def f():\n    from ppgen.nets import a")
    assert set(circle(graph(tmp_path))) == {"ppgen.nets.a", "ppgen.nets.b"}
    (tmp_path / "nets" / "b.py").write_text("if TYPE_CHECKING:\n    from ppgen.nets import a")
    assert set(circle(graph(tmp_path))) == {"ppgen.nets.a", "ppgen.nets.b"}
