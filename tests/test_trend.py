"""The file of what benchmarks measured over time, and the one function that adds to it."""

from __future__ import annotations

import csv
import datetime
import importlib.util
import math
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

import ppgen

PROGRAM = Path(__file__).resolve().parents[1] / "benchmarks" / "trend.py"

pytestmark = pytest.mark.skipif(not PROGRAM.exists(), reason="looks at a checkout, not at an installation")


@pytest.fixture(scope="module")
def trend() -> ModuleType:
    spec = importlib.util.spec_from_file_location("trend", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_row_can_be_read(trend: ModuleType) -> None:
    with trend.FILE.open(encoding="utf-8", newline="") as stream:
        header, *lines = csv.reader(stream)
    assert tuple(header) == trend.Row._fields
    assert lines
    for line in lines:
        row = trend.Row(*line)
        assert datetime.date.fromisoformat(row.date) >= datetime.date(2026, 11, 20)
        assert re.fullmatch(r"\d+\.\d+\.\d+\S*", row.version)
        assert re.fullmatch(r"[0-9a-f]{7,40}(-dirty)?", row.commit)
        assert (PROGRAM.parent / f"{row.benchmark}.py").exists()
        assert row.unit == trend.QUANTITIES[row.quantity][0]
        assert math.isfinite(float(row.value))
        assert row.setting
        assert row.machine
    assert [line[0] for line in lines] == sorted(line[0] for line in lines), "a row is added at the end"


def test_a_number_is_added_with_what_it_depends_on(trend: ModuleType, tmp_path: Path) -> None:
    for accuracy in (0.5, 0.75, 0.625):
        trend.append(tmp_path / "x.md", "clusters", "epochs=1, seed=0", {"accuracy": accuracy, "seconds": 3.0})
    rows = trend.read(tmp_path / "trend.csv")
    assert [row.value for row in rows] == [0.5, 0.75, 0.625]  # of the seconds there is no trend
    assert {row[3:6] for row in rows} == {("clusters", "epochs=1, seed=0", "accuracy")}
    assert rows[0].version == ppgen.__version__
    assert re.search(r", \d+ cores, \d+ thread\(s\), torch \d", rows[0].machine)
    (line,) = trend.summary(rows)
    assert re.search(r"first 0\.5 \(.*last 0\.625 \(.*best 0\.75 \(", line)


def test_best_is_lowest_where_less_is_better(trend: ModuleType) -> None:
    first = trend.Row("2026-11-20", "0.1.0", "abc1234", "svi_step", "tiny", "step_time", 1.2, "ratio", "a machine")
    (line,) = trend.summary([first, first._replace(value=1.1), first._replace(value=1.3)])
    assert "best 1.1 (" in line
    (line,) = trend.summary([first])
    assert line.endswith("[tiny]: once 1.2 (2026-11-20, abc1234)")


def test_what_is_kept_of_a_published_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(PROGRAM.parent))
    import row

    settings = {"seed": 0, "epochs": 4, "threads": 1, "learning_rate": 0.1}
    said, values = row.trended(settings, {"seed": 3, "accuracy": 0.5, "predictor": "cvae"})
    assert (said, values) == ("epochs=4 learning_rate=0.1 predictor=cvae seed=3", {"accuracy": 0.5})
    said, values = row.trended(settings, {"accuracy": {"mean": 0.25, "sd": 0.1}})
    assert (said, values) == ("epochs=4 learning_rate=0.1 seed=0 mean over seeds", {"accuracy": 0.25})
    for name in ("row", "trend"):
        monkeypatch.delitem(sys.modules, name)
