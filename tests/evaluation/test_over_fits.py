"""Fits that differ in their seed as one entry, beside simulated fits whose means and variances are known."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ppgen
from ppgen.errors import DataError, SettingError
from ppgen.estimate import Estimate
from ppgen.evaluation import DataSplit, Scorecard, compare, paired_difference
from ppgen.evaluation.over_fits import over_fits
from tests.oracles.cards import card_of

Maker = Callable[..., Scorecard]
DATA = DataSplit("toy", 50)
OF_FIT, OF_DATUM, OF_BOTH, SIZE = 0.5, 4.0, 1.5, 150  # standard deviations of what a log-density is made of


def fits(make: Maker, rng: np.random.Generator, hard: np.ndarray, mean: float, size: int, **said: Any) -> Scorecard:
    """Several fits of one model on the same data, as one card."""
    values = [mean + OF_FIT * rng.normal() + hard + OF_BOTH * rng.normal(size=SIZE) for _ in range(size)]
    return over_fits([make("fit", each, **said) for each in values])


def test_the_error_is_that_over_fits_and_data(make_card: Maker) -> None:
    rng, cards = np.random.default_rng(0), []
    for _ in range(400):
        cards.append(fits(make_card, rng, OF_DATUM * rng.normal(size=SIZE), -20.0, 4).log_prob)
    values = np.array([card.value for card in cards if card])
    claimed = np.mean([(card.standard_error or 0.0) ** 2 for card in cards if card])
    exact = OF_FIT**2 / 4 + OF_DATUM**2 / SIZE + OF_BOTH**2 / (4 * SIZE)
    assert abs(values.mean() + 20.0) < 3.0 * np.sqrt(exact / 400)
    assert values.var() == pytest.approx(exact, rel=0.2)
    twice_counted = OF_BOTH**2 / SIZE  # of the effect of fit and datum together, which both terms hold
    assert claimed == pytest.approx(exact + twice_counted, rel=0.1)


@pytest.mark.parametrize(("first", "second"), [(3, 3), (2, 5), (4, 1)])
def test_intervals_of_differences_cover_as_often_as_they_claim(make_card: Maker, first: int, second: int) -> None:
    rng, covered = np.random.default_rng(1), 0
    for _ in range(300):
        hard = 20.0 * rng.normal(size=SIZE)  # what both models find hard
        one = fits(make_card, rng, hard + rng.normal(size=SIZE), -10.0, first)
        if second == 1:  # nothing is known of its other seeds: the interval speaks of this one
            other, truth = make_card("other", hard - 12.0), 2.0
        else:
            other, truth = fits(make_card, rng, hard, -12.0, second), 2.0
        pair = paired_difference(one, dataclasses.replace(other, name="other"))
        covered += (pair.low or 0.0) < truth < (pair.high or 0.0)
    assert 0.92 <= covered / 300 <= 0.985


def test_a_table_says_of_how_many_fits(make_card: Maker, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    hard = OF_DATUM * rng.normal(size=SIZE)
    one = [make_card("fit", hard - 10.0 + shift, seed=seed) for seed, shift in enumerate((-0.1, 0.0, 0.1))]
    for place, card in enumerate(one):
        card.save(tmp_path / str(place))
    found = compare({"vae": [one[0], tmp_path / "1", str(tmp_path / "2")], "ar": make_card("ar", hard - 20.0)})
    card = found.cards["vae"]
    assert card.facts["fits"] == [
        {"seed": seed, "log_prob": pytest.approx(each.log_prob.value)} for seed, each in enumerate(one) if each.log_prob
    ]
    assert card.log_prob is not None
    assert card.log_prob.value == pytest.approx(hard.mean() - 10.0)
    assert card.log_prob.estimator == "by hand, mean of 3 fits"
    text = str(found)
    assert "vae: mean of 3 fits, ± over fits and data" in text
    assert "nats/datum, over 3 and 1 fits: vae is higher" in text
    card.save(tmp_path / "all")
    assert Scorecard.load(tmp_path / "all").facts["fits"] == card.facts["fits"]


def test_a_list_of_one_is_that_one_and_an_empty_one_is_refused(make_card: Maker) -> None:
    card = make_card("a", np.linspace(-2, -1, 50))
    assert over_fits([card]) is card
    with pytest.raises(SettingError, match=r"an entry is no fit(.|\n)*an empty list"):
        compare({"a": []})


def test_seeds_that_do_not_matter_leave_the_interval_as_it_is(make_card: Maker) -> None:
    values, other = np.linspace(-2, -1, 50) ** 3, make_card("b", np.linspace(-3, -1, 50))
    card = make_card("a", values)
    one, many = paired_difference(card, other), paired_difference(over_fits([card, card]), other)
    assert (one.difference, one.low, one.high) == (many.difference, many.low, many.high)


def numbered(kid: Estimate | None, floor: float = 0.5, refusal: str = "", **facts: Any) -> Scorecard:
    numbers = {} if kid is None else {"kid": kid}
    beside = {"kid real/real": Estimate(floor, 0.1)}
    return card_of("a", DATA, "f00d", sampling=numbers, baselines=beside, refusals={"kid": refusal}, facts=facts)


def test_numbers_without_errors_floors_and_facts() -> None:
    cards = [
        numbered(Estimate(value), seconds=value, model="VAE", seed=place) for place, value in enumerate((1.0, 3.0))
    ]
    card = over_fits(cards)
    found = card["sampling"]["kid"]
    assert (found.value, found.standard_error) == (2.0, pytest.approx(1.0))  # sqrt(2 / 2), over fits alone
    assert card.baselines_of("kid")["real/real"] == Estimate(0.5, 0.1)  # which all share
    assert (card.facts["seconds"], card.facts["model"], "seed" in card.facts) == (2.0, "VAE", False)
    assert card.per_datum is None
    apart = over_fits([numbered(Estimate(1.0), 0.5), numbered(Estimate(1.0), 0.7)])
    assert apart.baselines_of("kid")["real/real"].value == pytest.approx(0.6)


def test_ends_of_intervals_are_averaged() -> None:
    cards = [
        numbered(Estimate(low + 0.5, kind="interval", low=low, high=low + 1.0, estimator="BDMC-100"))
        for low in (1.0, 2.0)
    ]
    found = over_fits(cards)["sampling"]["kid"]
    assert (found.low, found.value, found.high) == (1.5, 2.0, 2.5)


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        (numbered(None, refusal="no samples"), "1 of 2 fits have no number: no samples"),
        (numbered(Estimate(1.0, kind="lower bound")), "different quantities, of which there is no mean: kind"),
        (numbered(Estimate(1.0, unit="nats")), "different quantities, of which there is no mean: unit"),
    ],
)
def test_what_has_no_mean_says_why(second: Scorecard, reason: str) -> None:
    card = over_fits([numbered(Estimate(1.0)), second])
    assert reason in card.refusals["sampling", "kid"]
    assert "kid" not in card["sampling"]


def test_other_data_are_another_entry(make_card: Maker) -> None:
    cards = [make_card("a", np.linspace(-2, -1, 50), fingerprint=print) for print in ("f00d", "beef")]
    with pytest.raises(DataError, match="the fits of one entry are judged on different data"):
        compare({"a": cards})


@pytest.mark.parametrize(
    ("cards", "words"),
    [
        ([numbered(None, model="VAE"), numbered(None, model="GAN")], "differ in more than their seed: model"),
        ([numbered(None, num_parameters=3), numbered(None, num_parameters=4)], "more than their seed: num_parameters"),
        ([dataclasses.replace(numbered(None), weights="f00d") for _ in range(2)], "not all different"),
    ],
)
def test_what_are_no_seeds_of_one_model_is_refused(cards: list[Scorecard], words: str) -> None:
    with pytest.raises(SettingError, match=words):
        over_fits(cards)


def test_fits_and_a_metric_of_ones_own_reach_table_and_page(fake_fit: Callable[..., Any], tmp_path: Path) -> None:
    sizes = iter((60, 64, 68))

    def size(fit: Any) -> int:
        return next(sizes)

    found = compare({"a": [fake_fit(weights=digest) for digest in "abc"]}, ["elbo", size], progress=False)
    card = found.cards["a"]
    assert card["own"]["size"].value == 64.0
    assert card["own"]["size"].standard_error == pytest.approx(4.0 / 3.0**0.5)
    assert set(card.questions) == {"density", "own"}
    page = ppgen.report(found, tmp_path / "page.html").read_text(encoding="utf-8")
    assert "mean of 3 fits" in page
    assert "size" in page
