from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ppgen.errors import CheckpointError, SettingError
from ppgen.estimate import Estimate
from ppgen.evaluation import Answer, Column, Scorecard
from tests.oracles.cards import card_of


@pytest.fixture
def card(make_card: Callable[..., Scorecard]) -> Scorecard:
    first = make_card("vae", np.linspace(-20.0, -10.0, 50), "lower bound")
    return card_of(
        "vae",
        first.data,
        first.fingerprint,
        density=first["density"],
        sampling={"kid": Estimate(-0.001, 0.02, unit="", per=""), "density": Estimate(0.9, 0.1, kind="biased")},
        baselines={"kid real/real": Estimate(0.0, 0.01), "density real/real": Estimate(1.0, 0.01)},
        refusals={"representation": "no guide"},
        per_datum=first.per_datum,
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


def test_reasons_of_a_question_and_of_a_metric(card: Scorecard) -> None:
    assert card.reason("representation") == "no guide"
    assert card.refusals["representation", "knn"] == "no guide"
    assert card.reason("density") == card.reason("sampling") == ""
    # "density" is a question and a metric of samples
    gan = card_of("gan", card.data, card.fingerprint, sampling=card["sampling"], refusals={"density": "implicit"})
    assert {key: reason for key, reason in gan.refusals.items() if key[0] != "density"} == {}
    assert gan.reason("density") == gan.refusals["density", "log_prob"] == "implicit"
    assert (gan.log_prob, gan.density_of) == (None, "")


def test_a_fifth_question_is_one_more_answer(card: Scorecard, tmp_path: Path) -> None:
    rank = Answer(Column("rank", question="posteriors", title="rank test", better="lower"), Estimate(0.5))
    told = Answer(Column("width", question="posteriors"), refusal="a point has no width")
    more = dataclasses.replace(card, answers=(rank, *card.answers, told))
    assert more.questions == ("density", "sampling", "representation", "posteriors")
    assert more["posteriors"] == {"rank": Estimate(0.5)}
    more.save(tmp_path)
    again = Scorecard.load(tmp_path)
    assert again["posteriors"] == more["posteriors"]
    assert again.answer("width") == told
    assert str(again) == str(more)
    assert str(more).endswith(
        "  posteriors\n    rank test       0.5000 (unbiased)\n    width           not answered: a point has no width"
    )


def test_what_was_not_asked_is_an_error_and_two_of_one_key_are_no_card(card: Scorecard) -> None:
    with pytest.raises(SettingError, match="'posteriors' was not asked"):
        card["posteriors"]
    assert card.answer("ink") is card.estimate("ink") is None
    assert card.baselines_of("ink") == {}
    with pytest.raises(SettingError, match="two answers have one key"):
        dataclasses.replace(card, answers=(*card.answers, Answer(Column("kid"))))


def test_it_is_a_collection_of_questions(card: Scorecard) -> None:
    assert list(card) == ["density", "sampling", "representation"]
    assert len(card) == 3
    assert "density" in card
    assert "log_prob" not in card
    assert 0 not in card


def test_it_reads_as_a_card(card: Scorecard) -> None:
    text = str(card)
    assert text.startswith("vae on toy, test split, 50 data points\n")
    assert "log p           -15.00 ± 0.42 nats/datum (lower bound, by hand, n=50, binary)" in text
    assert "real/real                 1.000 ± 0.010" in text
    assert "representation\n    not answered: no guide" in text


def test_every_digit_of_the_scores_counts(card: Scorecard, tmp_path: Path) -> None:
    """Changed by hand or by a disk, also where the number is as good as another."""
    path = card.save(tmp_path)
    whole = path.read_text()
    for place in [place for place, letter in enumerate(whole) if letter.isdigit()][::7]:
        path.write_text(whole[:place] + str((int(whole[place]) + 1) % 10) + whole[place + 1 :])
        with pytest.raises(CheckpointError, match=r"scores\.json"):
            Scorecard.load(tmp_path)
    path.write_text(whole)
    array = tmp_path / "per_datum.npy"
    np.save(array, card.per_datum + 1e-9)
    with pytest.raises(CheckpointError, match=r"per_datum\.npy"):
        Scorecard.load(tmp_path)
