from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from ppgen.errors import DataError, SettingError, Unanswerable
from ppgen.estimate import Estimate
from ppgen.evaluation import Evaluation, Measured, Metric
from ppgen.evaluation.answer import ask, measured, reason_of
from ppgen.evaluation.metric import Column

INK = Column("ink", unit="pixels", better="lower")


@pytest.mark.parametrize(
    "values",
    [torch.tensor([1.0, 2.0, 6.0]), torch.tensor([1, 2, 6]), np.array([1.0, 2.0, 6.0]), np.array([1, 2, 6], "int16")],
)
def test_values_are_averaged_with_their_standard_error(values: Any) -> None:
    estimate = measured(INK, values).estimate
    assert estimate is not None
    assert estimate.value == 3.0
    assert estimate.standard_error == pytest.approx(math.sqrt((4 + 1 + 9) / 2 / 3))
    assert dataclasses.replace(estimate, value=0, standard_error=None) == Estimate(
        0, kind="unbiased", unit="pixels", estimator="mean of ink", num_data=3, better="lower"
    )


@pytest.mark.parametrize("value", [0.1, np.float64(0.1), torch.tensor(0.1, dtype=torch.float64), np.array(0.1)])
def test_one_number_claims_nothing_of_itself(value: Any) -> None:
    estimate = measured(INK, value).estimate
    assert estimate == Estimate(0.1, kind="biased", unit="pixels", per="", estimator="ink", better="lower")


def test_one_value_has_no_error_and_truths_are_shares() -> None:
    one, share = (measured(INK, torch.tensor(values)).estimate for values in ([2.0], [True, False, True, True]))
    assert one is not None
    assert one.standard_error is None
    assert share is not None
    assert share.value == 0.75


def test_an_estimate_says_itself_what_it_is() -> None:
    bound = Estimate(-3.0, 0.1, kind="lower bound")
    assert measured(INK, bound) == Measured(bound)
    assert measured(INK, Measured(None)) == Measured(None)


@pytest.mark.parametrize(
    ("found", "got"),
    [
        (None, "None"),
        ("0.5", "'0.5'"),
        (True, "True"),
        (1j, "1j"),
        ([1.0, 2.0], r"\[1.0, 2.0\]"),
        (torch.zeros(2, 3), r"Tensor \[2, 3\]"),
        (torch.zeros(0), r"Tensor \[0\]"),
        (torch.zeros(2, dtype=torch.complex64), r"Tensor \[2\]"),
        (np.array(["a"]), r"ndarray \[1\]"),
        ({"ink": 1.0}, "{'ink': 1.0}"),
        (Measured(3.0), "Measured"),  # type: ignore[arg-type]
        (Measured(None, {"real": 2.0}), "Measured"),  # type: ignore[dict-item]
    ],
)
def test_nonsense_is_told_what_a_metric_returns(found: Any, got: str) -> None:
    words = f"ink: no number came back\n  expected: a number, a tensor .*\n  got: {got}"
    with pytest.raises(SettingError, match=words):
        measured(INK, found)


@pytest.mark.parametrize(
    ("found", "words"),
    [(float("nan"), "ink: nan is not finite"), (torch.tensor([1.0, math.inf, -math.inf]), "ink: 2 of 3 values")],
)
def test_what_is_not_finite_is_no_result(found: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        measured(INK, found)


def test_a_refusal_has_its_reason_on_one_line(fake_fit: Callable[..., Any]) -> None:
    error = Unanswerable("no density: implicit model", fix="declare an observation")
    assert reason_of(error) == "no density: implicit model; fix: declare an observation"

    def refuse(fit: Any) -> None:
        raise error

    answer, values = ask(Metric("ink", refuse), Evaluation(fake_fit()))
    assert (answer.estimate, answer.refusal, values) == (None, reason_of(error), None)
    answer, _ = ask(Metric("ink", lambda fit: math.nan), Evaluation(fake_fit()))
    assert (answer.refusal or "").startswith("metric ink: nan is not finite; fix: ")


def test_random_numbers_of_a_metric_are_those_of_the_seed(fake_fit: Callable[..., Any]) -> None:
    noise = Metric("noise", lambda fit: torch.randn(5))
    before = torch.get_rng_state()
    first, again, other = (ask(noise, Evaluation(fake_fit(), seed=seed))[0].estimate for seed in (1, 1, 2))
    assert first == again != other
    assert torch.equal(torch.get_rng_state(), before)
