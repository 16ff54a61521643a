from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from ppgen.errors import DeclarationError, SettingError
from ppgen.evaluation import evaluate
from ppgen.evaluation.scorecard import METRICS, QUESTIONS


def test_all_three_questions(fake_fit: Callable[..., Any]) -> None:
    fit = fake_fit(kind="lower bound")
    card = evaluate(fit, num_particles=3, progress=False)
    for metric in METRICS:
        assert metric.key in getattr(card, metric.question)
    assert card.refusals == {}
    assert card.data == "digits, test split, 360 data points"
    assert card.fingerprint == fit.data.fingerprint("test")
    assert card.per_datum is not None
    assert card.per_datum.shape == (360,)
    assert card.facts["model"] == "FakeModel"
    assert card.facts["guide"] == "FakeGuide"
    assert card.facts["objective"] == "FakeObjective(beta=1)"
    assert (card.facts["num_parameters"], card.facts["epochs"], card.facts["seed"]) == (64, 2, 3)


def test_the_same_seed_gives_the_same_card(fake_fit: Callable[..., Any]) -> None:
    first, second = (evaluate(fake_fit(), seed=5, progress=False) for _ in range(2))
    assert first.to_dict() == second.to_dict()
    np.testing.assert_array_equal(first.per_datum, second.per_datum)


def test_each_question_is_refused_with_its_reason(fake_fit: Callable[..., Any]) -> None:
    reasons = {question: f"no {question},\n  for a reason" for question in QUESTIONS}
    card = evaluate(fake_fit(refused=reasons), progress=False)
    assert card.refusals == {question: f"no {question},; for a reason" for question in QUESTIONS}
    assert not any(getattr(card, question) for question in QUESTIONS)
    assert card.baselines == {}


def test_a_reason_that_shows_on_the_way_is_no_crash(
    fake_fit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = fake_fit()

    def refuse(n: int, **settings: Any) -> None:
        raise DeclarationError("model: argument 'x' is not in the data", fix="rename the argument")

    monkeypatch.setattr(fit, "sample", refuse)
    card = evaluate(fit, progress=False)
    assert card.refusals == {"sampling": "model: argument 'x' is not in the data; fix: rename the argument"}
    assert card.density
    assert card.representation


def test_samples_that_are_not_finite_are_a_reason(
    fake_fit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = fake_fit(refused={"density": "no", "representation": "no"})
    monkeypatch.setattr(fit, "sample", lambda n, seed: torch.full((n, 1, 8, 8), torch.nan))
    assert "not finite" in evaluate(fit, progress=False).refusals["sampling"]


def test_a_fault_of_ours_is_not_hidden(fake_fit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    fit = fake_fit()
    monkeypatch.setattr(fit, "sample", lambda n, seed: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        evaluate(fit, progress=False)


def test_a_bar_shows_the_questions(fake_fit: Callable[..., Any], capsys: pytest.CaptureFixture[str]) -> None:
    evaluate(fake_fit(refused=dict.fromkeys(QUESTIONS, "no")), progress=True)
    assert "question" in capsys.readouterr().err
    evaluate(fake_fit(refused=dict.fromkeys(QUESTIONS, "no")), progress=False)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("setting", [{"num_particles": 0}, {"num_samples": -1}])
def test_settings_out_of_range(fake_fit: Callable[..., Any], setting: dict[str, int]) -> None:
    with pytest.raises(SettingError, match=f"{next(iter(setting))} must be positive"):
        evaluate(fake_fit(), **setting)
