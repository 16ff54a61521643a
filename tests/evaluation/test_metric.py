from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import ppgen
from ppgen.errors import SettingError, Unanswerable
from ppgen.evaluation import Evaluation, Metric
from ppgen.evaluation.metric import Column


def test_a_decorated_function_is_a_metric_and_still_a_function(fake_fit: Callable[..., Any]) -> None:
    @ppgen.metric(question="sampling", title="width of a code", unit="weights", better="lower", headline=True)
    def width(fit: Any) -> float:
        return fit.num_parameters / 2

    assert width.column == Column(
        "width", question="sampling", title="width of a code", unit="weights", better="lower", headline=True
    )
    assert width(fake_fit()) == 32.0
    assert Metric("width", width.function, question="sampling").title == "width"


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"key": "two words"}, "the key is no name"),
        ({"key": "<lambda>"}, "the key is no name"),
        ({"key": 3}, "the key is no name"),
        ({"question": ""}, "the question is no name"),
        ({"title": None}, "the title is no text"),
        ({"unit": 1}, "the unit is no text"),
        ({"better": "up"}, "unknown better 'up'"),
        ({"function": 3.0}, "the function cannot be called"),
        ({"prepare": "fit"}, "the prepare cannot be called"),
    ],
)
def test_what_is_no_metric_is_refused_by_name(wrong: dict[str, Any], word: str) -> None:
    settings = {"key": "ink", "function": len, **wrong}
    with pytest.raises(SettingError, match=word):
        Metric(**settings)


def test_what_metrics_share_is_prepared_once_and_so_is_its_refusal() -> None:
    asked = []

    def refuse(evaluation: Evaluation) -> None:
        asked.append(evaluation.seed)
        raise Unanswerable("no codes")

    evaluation = Evaluation(None, seed=3)  # type: ignore[arg-type]
    for _ in range(2):
        with pytest.raises(Unanswerable, match="no codes"):
            evaluation.prepared(refuse)
    assert asked == [3]
