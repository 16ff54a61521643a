"""The page of all metrics is the one that its program writes, and what metrics say of their kind is so."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any, get_args

import pytest

from ppgen.estimate import Kind
from ppgen.evaluation import METRICS, ON_REQUEST, evaluate

PROGRAM = Path(__file__).resolve().parents[2] / "docs" / "build_metrics.py"

pytestmark = pytest.mark.skipif(not PROGRAM.exists(), reason="looks at a checkout, not at an installation")


@pytest.fixture(scope="module")
def program() -> dict[str, Any]:
    return runpy.run_path(str(PROGRAM))


def test_the_page_is_written_anew_when_a_metric_changes(program: dict[str, Any]) -> None:
    assert program["PAGE"].read_text(encoding="utf-8") == program["page"](), "python docs/build_metrics.py"


@pytest.mark.parametrize("metric", [*METRICS, *ON_REQUEST], ids=lambda metric: metric.key)
def test_each_says_what_kind_of_number_it_is_and_whence(program: dict[str, Any], metric: Any) -> None:
    asks, kinds, source = program["told"](metric)
    assert asks.endswith(".")
    assert source
    assert set(kinds.split(", ")) <= set(get_args(Kind))


def test_numbers_are_of_the_kind_that_is_told(program: dict[str, Any], flat_fit: Any) -> None:
    measured = [*METRICS, *(metric for metric in ON_REQUEST if metric.key in ("fid", "two_sample", "data_copying"))]
    card = evaluate(flat_fit, measured, progress=False)
    kinds = {answer.column.key: answer.estimate.kind for answer in card.answers if answer.estimate}
    assert len(kinds) > 10
    for metric in measured:
        if metric.key in kinds and metric.key != "elbo":  # of a stand-in, whose density is exact
            assert kinds[metric.key] in program["told"](metric)[1].split(", "), metric.key
