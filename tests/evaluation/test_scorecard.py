from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ppgen.errors import CheckpointError, Unanswerable
from ppgen.estimate import Estimate
from ppgen.evaluation import Scorecard
from ppgen.evaluation.scorecard import METRICS, QUESTIONS, Metric, Question, metrics_of, reason_of


def test_a_refusal_fits_on_one_line() -> None:
    error = Unanswerable("no density: implicit model", fix="declare an observation")
    assert reason_of(error) == "no density: implicit model; fix: declare an observation"


def test_every_metric_answers_one_question_and_keys_are_unique() -> None:
    assert sum(len(metrics_of(question)) for question in QUESTIONS) == len(METRICS)
    assert len({metric.key for metric in METRICS}) == len(METRICS)
    assert not any(" " in metric.key for metric in METRICS)  # "KEY name" is how a scorecard files a baseline


@pytest.fixture
def card(make_card: Callable[..., Scorecard]) -> Scorecard:
    return dataclasses.replace(
        make_card("vae", np.linspace(-20.0, -10.0, 50), "lower bound", density_of="p(x)"),
        sampling={"kid": Estimate(-0.001, 0.02, unit="", per=""), "density": Estimate(0.9, 0.1, kind="biased")},
        baselines={"kid real/real": Estimate(0.0, 0.01), "density real/real": Estimate(1.0, 0.01)},
        refusals={"representation": "no guide", "linear_probe": "no labels"},
    )


def test_a_folder_gives_the_card_back(card: Scorecard, tmp_path: Path) -> None:
    assert card.save(tmp_path / "run") == tmp_path / "run" / "scores.json"
    again = Scorecard.load(tmp_path / "run")
    assert again.to_dict() == card.to_dict()
    np.testing.assert_array_equal(again.per_datum, card.per_datum)
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"scores.json", "per_datum.npy"}


def test_a_card_without_densities_leaves_no_old_ones_behind(card: Scorecard, tmp_path: Path) -> None:
    card.save(tmp_path)
    dataclasses.replace(card, per_datum=None).save(tmp_path)
    assert Scorecard.load(tmp_path).per_datum is None
    assert not (tmp_path / "per_datum.npy").exists()


def test_an_empty_folder_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no scores here") as caught:
        Scorecard.load(tmp_path)
    assert "ppgen.evaluate" in str(caught.value)


@pytest.mark.parametrize("damage", ["{", "[]", '{"name": "vae"}', "truncated array", "other length", "pickle"])
def test_damage_is_named_and_never_read(card: Scorecard, tmp_path: Path, damage: str) -> None:
    path = card.save(tmp_path)
    array = tmp_path / "per_datum.npy"
    if damage == "truncated array":
        array.write_bytes(array.read_bytes()[:100])
    elif damage == "other length":
        np.save(array, np.zeros(3))
    elif damage == "pickle":
        np.save(array, np.array([{}], dtype=object), allow_pickle=True)
    else:
        path.write_text(damage)
    with pytest.raises(CheckpointError, match="damaged"):
        Scorecard.load(tmp_path)


def metric(question: Question, key: str) -> Metric:
    return next(metric for metric in metrics_of(question) if metric.key == key)


def test_reasons_of_a_question_and_of_a_metric(card: Scorecard) -> None:
    assert card.reason(metric("representation", "knn")) == "no guide"
    told = dataclasses.replace(card, representation={"active_units": Estimate(3.0)})
    assert told.reason(metric("representation", "linear_probe")) == "no labels"
    assert told.reason(metric("representation", "knn")) == ""
    # "density" is a question and a metric of samples
    gan = dataclasses.replace(card, density={}, refusals={"density": "implicit"})
    assert gan.reason(metric("density", "log_prob")) == "implicit"
    assert gan.reason(metric("sampling", "density")) == ""


def test_it_reads_as_a_card(card: Scorecard) -> None:
    text = str(card)
    assert text.startswith("vae on toy, test split, 50 data points\n")
    assert "log p           -15.00 ± 0.42 nats/datum (lower bound, by hand, n=50, binary)" in text
    assert "real/real                 1.000 ± 0.010" in text
    assert "representation\n    not answered: no guide" in text
