"""The folders, the links and the packaging map say the same, and files stay small enough to be read."""

from __future__ import annotations

import ast
import fnmatch
import importlib.metadata
import importlib.util
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("ppgen", "models", "guides")
LINKS = ("models", "guides")

CHECKOUT = (ROOT / "setup.py").exists() and not (ROOT / "PKG-INFO").exists()  # a source archive has copies for links

pytestmark = pytest.mark.skipif(not CHECKOUT, reason="looks at a checkout, not at an installation")


def files(folder: str) -> list[Path]:
    """Every file that belongs to the top-level ``folder``, without what lies behind the two links."""
    found = []
    for place, folders, names in os.walk(ROOT / folder, followlinks=False):
        folders[:] = [name for name in folders if name != "__pycache__" and not (Path(place) / name).is_symlink()]
        found += [Path(place) / name for name in names]
    return sorted(found)


def sources() -> list[Path]:
    """Every Python source of the package; none when this is not a checkout."""
    return [path for folder in FOLDERS for path in files(folder) if path.suffix == ".py"]


def label(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.fixture(scope="module")
def packaging() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "setup.py"), run_name="setup")


@pytest.mark.parametrize("name", LINKS)
def test_the_links_are_relative_and_point_to_the_real_folders(name: str) -> None:
    link = ROOT / "ppgen" / name
    assert link.is_symlink()
    assert os.readlink(link) == f"../{name}"
    assert link.resolve() == ROOT / name


def test_the_map_lists_exactly_the_packages_there_are(packaging: dict[str, Any]) -> None:
    there = set()
    for folder in FOLDERS:
        top = "ppgen" if folder == "ppgen" else f"ppgen.{folder}"
        for path in files(folder):
            if path.suffix == ".py":
                inner = path.parent.relative_to(ROOT / folder).parts
                assert (path.parent / "__init__.py").exists(), f"{label(path.parent)} has no __init__.py"
                there.add(".".join((top, *inner)))
    assert sorted(packaging["packages"]()) == sorted(there)
    assert {name.partition(".")[0] for name in there} == {"ppgen"}, "only one name may reach site-packages"


def test_the_map_names_the_real_folders(packaging: dict[str, Any]) -> None:
    assert packaging["PACKAGE_DIR"] == {"ppgen": "ppgen", **{f"ppgen.{name}": name for name in LINKS}}


def test_every_file_that_is_not_python_is_shipped(packaging: dict[str, Any]) -> None:
    patterns = {
        packaging["PACKAGE_DIR"].get(package, package.replace(".", "/")): globs
        for package, globs in packaging["PACKAGE_DATA"].items()
    }
    for folder in FOLDERS:
        for path in files(folder):
            if path.suffix not in {".py", ".pyc"}:
                globs = patterns.get(label(path.parent), [])
                assert any(fnmatch.fnmatch(path.name, glob) for glob in globs), f"{label(path)}: not in PACKAGE_DATA"


def test_the_types_are_shipped() -> None:
    import ppgen

    assert (Path(ppgen.__file__).parent / "py.typed").exists()


@pytest.mark.parametrize("name", LINKS)
def test_a_plain_import_is_refused_and_told_the_right_name(name: str) -> None:
    spec = importlib.util.spec_from_file_location(name, ROOT / name / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    with pytest.raises(ImportError, match=rf"ppgen\.{name}"):
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


@pytest.mark.parametrize("path", sources(), ids=label)
def test_a_source_file_can_be_read_in_one_sitting(path: Path) -> None:
    limit = 120 if path.parent == ROOT / "models" else 300
    assert len(path.read_text(encoding="utf-8").splitlines()) <= limit


@pytest.mark.parametrize("path", sources(), ids=label)
def test_the_public_list_comes_before_the_code(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "no docstring"
    for node in tree.body[1:]:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            return
        assert not isinstance(node, ast.ClassDef | ast.FunctionDef), f"{node.name} comes before __all__"
    pytest.fail("no __all__")


def test_what_is_imported_is_required(packaging: dict[str, Any]) -> None:
    imported = set()
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                imported.add(node.module.partition(".")[0])
    owners = importlib.metadata.packages_distributions()
    needed = {owners[name][0].lower() for name in imported - set(sys.stdlib_module_names) - {"ppgen"}}
    required = {re.split("[<>=!~; ]", line)[0].lower() for line in packaging["INSTALL_REQUIRES"]}
    assert needed <= required


def test_names_of_files_travel_everywhere() -> None:
    for folder in (*FOLDERS, "tests", "examples", "benchmarks", "docs"):
        for path in files(folder):
            assert label(path).isascii(), label(path)
            assert " " not in label(path), label(path)


def test_no_file_is_a_drawer_for_everything() -> None:
    assert not [label(path) for path in sources() if path.stem in {"utils", "util", "helpers", "misc", "common"}]


def test_folders_of_tests_mirror_folders_of_sources() -> None:
    # Programs go through all rooms: rewritings of Pyro's own examples, one family a file.
    strays = [
        label(path.parent)
        for path in files("tests")
        if path.name.startswith("test_") and path.suffix == ".py" and path.parent.name != "programs"
        if not ((ROOT / "ppgen" / path.parent.relative_to(ROOT / "tests")).is_dir())
    ]
    assert not strays


def test_a_function_hides_the_file_that_is_named_after_it() -> None:
    program = """
import ppgen.evaluation.compare, ppgen.evaluation.evaluate, ppgen.evaluation.kid
import ppgen.reporting.ranking, ppgen.reporting.report
import ppgen.training.fit, ppgen.training.load
from ppgen import evaluation, reporting, training
named = [evaluation.compare, evaluation.evaluate, evaluation.kid, reporting.ranking, reporting.report]
named += [training.fit, training.load, ppgen.compare, ppgen.evaluate, ppgen.fit, ppgen.load, ppgen.report]
assert all(map(callable, named)), named
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
