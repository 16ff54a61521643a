from __future__ import annotations

from ppgen.evaluation.metrics import METRICS, QUESTIONS, metrics_of


def test_every_metric_answers_one_question_and_keys_are_unique() -> None:
    assert sum(len(metrics_of(question)) for question in QUESTIONS) == len(METRICS)
    assert len({metric.key for metric in METRICS}) == len(METRICS)


def test_no_key_is_the_beginning_of_another_followed_by_a_space() -> None:
    # "KEY name" is how a scorecard files a baseline
    assert not any(" " in metric.key for metric in METRICS)
