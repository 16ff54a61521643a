"""The small faults by which ``make mutation`` judges the tests."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

PROGRAM = Path(__file__).resolve().parents[1] / "benchmarks" / "mutants.py"

pytestmark = pytest.mark.skipif(not PROGRAM.exists(), reason="looks at a checkout, not at an installation")

SOURCE = '''"""Text."""

def f(x: int = 1) -> int | None:
    """Text."""
    if x > 2:
        raise ValueError("text", x + 1)
    whole_number("text", x, suggested=3)
    return {"key": x.sum().detach()}
'''


@pytest.fixture(scope="module")
def mutants() -> ModuleType:
    pytest.importorskip("mutmut", reason="pip install 'ppgen[mutation]'")
    spec = importlib.util.spec_from_file_location("mutants", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclass looks itself up
    spec.loader.exec_module(module)
    return module


def test_faults_are_of_what_is_computed_and_of_no_text(mutants: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "f.py"
    file.write_text(SOURCE)
    plain = SOURCE.splitlines()
    changed: dict[int, set[str]] = {}
    for mutant in mutants.mutants_of(file):
        code = mutant.code()
        assert code is not None
        (line,) = [i for i, (old, new) in enumerate(zip(plain, code.splitlines(), strict=True), 1) if old != new]
        assert mutant.lines == (line, line)
        changed.setdefault(line, set()).add(code.splitlines()[line - 1].strip())
    assert changed.pop(3) == {"def f(x: int = 2) -> int | None:"}
    assert changed.pop(5) == {"if x >= 2:", "if x > 3:", "if not (x > 2):"}
    assert {"pass", 'whole_number("text", None, suggested=3)'} <= (checks := changed.pop(7))
    assert all("text" in check for check in checks - {"pass"})
    assert {"return None", 'return {"key": x.sum()}', 'return {"key": x.mean().detach()}'} < changed.pop(8)
    assert not changed


def test_what_is_no_python_or_no_change_is_no_fault(mutants: ModuleType, tmp_path: Path) -> None:
    file = tmp_path / "f.py"
    file.write_text("x = 1\n")
    first = mutants.mutants_of(file)[0]
    same = mutants.Mutant(file, (1, 1), "none", first.before, first.before, first.module)
    assert same.code() is None
