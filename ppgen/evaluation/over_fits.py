"""One scorecard of several fits that differ in their seed: means, with errors over fits and over data."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ppgen.errors import DataError, SettingError
from ppgen.estimate import Estimate
from ppgen.evaluation.answer import Answer
from ppgen.evaluation.scorecard import Scorecard

__all__ = ["fits_of", "means_of_fits", "over_fits", "variance_over_fits"]

_ALIKE = ("kind", "unit", "per", "measure", "better", "of", "num_dims", "num_data")
_OF_THE_MODEL = ("model", "guide", "objective", "num_parameters")


def over_fits(cards: Sequence[Scorecard]) -> Scorecard:
    """The mean of each number over fits of one model that differ in their seed, which are judged on the same data.

    With ``y_r`` the number of fit r, ``s_r`` its standard error over data and draws, and R fits, the mean has the
    variance ``var(y_r) / R + mean(s_r^2)``. A number is ``mu + a_r + b_i + c_ri`` averaged over data i, with effects of
    the fit, of the datum and of both. The spread of ``y_r`` between fits holds the first and the third, for all see the
    same data; for the same reason the second does not shrink as R grows, and ``s_r^2`` holds it. The third is in both
    terms, so that the sum is a little too large. Where ``s_r`` is not known, the error is that over fits alone.

    A number that all fits share, such as a floor, stays as it is. Where one fit gives no number, or another kind of
    number, there is no mean, and the reason says so. Means of bounds are bounds.

    Args:
        cards: of one fit each, at least one.

    Returns:
        The scorecard; its ``facts["fits"]`` has each fit's seed and log-density, and ``per_datum`` is the mean.

    Raises:
        DataError: if they are judged on different data.
        SettingError: if they differ in more than their seed, or not even in their weights.

    Example:
        >>> from ppgen.evaluation import Column, DataSplit
        >>> def card(value):
        ...     number = Estimate(value, 0.3, kind="exact", unit="nats", estimator="")
        ...     return Scorecard("ar", DataSplit("toy", 50), "f00d", (Answer(Column("log_prob"), number),))
        >>> print(over_fits([card(-8.0), card(-9.0), card(-10.0)]).log_prob)  # sqrt(1 / 3 + 0.09)
        -9.00 ± 0.65 nats/datum (exact, mean of 3 fits)
    """
    first = cards[0]
    if len(cards) == 1:
        return first
    _check(cards)
    columns = dict.fromkeys(answer.column for card in cards for answer in card.answers)
    values = [card.per_datum for card in cards]
    known = [each for each in values if each is not None and values[0] is not None and each.shape == values[0].shape]
    return dataclasses.replace(
        first,
        answers=tuple(_answer([card.answer(column.key) or Answer(column) for card in cards]) for column in columns),
        per_datum=np.mean(known, axis=0) if len(known) == len(cards) else None,
        facts=_facts([card.facts for card in cards])
        | {"fits": [{"seed": card.facts.get("seed"), "log_prob": _value(card.log_prob)} for card in cards]},
        weights="",
    )


def _check(cards: Sequence[Scorecard]) -> None:
    """Refuse what are no fits of one model, on one data set, each with a seed of its own."""
    first = cards[0]
    if other := next((card for card in cards if card.fingerprint != first.fingerprint), None):
        raise DataError(
            "compare: the fits of one entry are judged on different data",
            expected=f"{first.data} for all, fingerprint {first.fingerprint[:12]}",
            got=f"{other.data}, fingerprint {other.fingerprint[:12]}",
            fix='an entry for each data set: {"on digits": [...], "on glyphs": [...]}',
            code="D141",
        )
    for key in _OF_THE_MODEL:
        told = list(dict.fromkeys(card.facts[key] for card in cards if key in card.facts))
        if len(told) > 1:
            raise SettingError(
                f"compare: the fits of one entry differ in more than their seed: {key}",
                expected=f"{told[0]} for all",
                got=f"{told[1]} too",
                fix='an entry for each: {"vae": [...], "beta-vae": [...]}',
                code="S241",
            )
    known = [card.weights for card in cards if card.weights]
    if len(set(known)) < len(known):
        raise SettingError(
            "compare: the fits of one entry are not all different, so that their spread says nothing",
            expected="other weights of each: fits with another seed",
            got=f"{len(set(known))} different of {len(known)}",
            fix="ppgen.fit(..., seed=0), ppgen.fit(..., seed=1), ...",
            code="S242",
        )


def fits_of(card: Scorecard) -> int:
    """Of how many fits a scorecard is the mean: 1 of most.

    Args:
        card: any.
    """
    return len(card.facts.get("fits", ())) or 1


def means_of_fits(cards: Mapping[str, Scorecard]) -> list[str]:
    """In words, which of several scorecards are means, and of how many fits.

    Args:
        cards: by name.
    """
    names: dict[int, list[str]] = {}
    for name, card in cards.items():
        names.setdefault(fits_of(card), []).append(name)
    return [
        f"{', '.join(those)}: mean of {size} fits, ± over fits and data" for size, those in names.items() if size > 1
    ]


def variance_over_fits(card: Scorecard) -> list[tuple[float, int]]:
    """The variance over fits of a mean log-density, with its degrees of freedom; nothing where there is one fit.

    Args:
        card: any.
    """
    values = [fit["log_prob"] for fit in card.facts.get("fits", ())]
    return [(statistics.variance(values) / len(values), len(values) - 1)] if len(values) > 1 else []


def _answer(answers: Sequence[Answer]) -> Answer:
    """The mean of what several fits answer, or why there is none."""
    column, estimates = answers[0].column, [answer.estimate for answer in answers]
    found = [estimate for estimate in estimates if estimate is not None]
    reasons = list(dict.fromkeys(answer.refusal for answer in answers if answer.refusal))
    if len(found) < len(answers):
        many = f"{len(answers) - len(found)} of {len(answers)} fits have no number: " if found else ""
        reason = "; ".join(reasons) or ("not measured" if found else "")
        return Answer(column, refusal=f"{many}{reason}")
    if unlike := [field for field in _ALIKE if len({getattr(estimate, field) for estimate in found}) > 1]:
        told = " and ".join(f"{field} {sorted({str(getattr(e, field)) for e in found})}" for field in unlike)
        return Answer(column, refusal=f"the fits' numbers are different quantities, of which there is no mean: {told}")
    names = [name for name in answers[0].baselines if all(name in answer.baselines for answer in answers)]
    baselines = {name: _mean([answer.baselines[name] for answer in answers]) for name in names}
    return Answer(column, _mean(found), baselines)


def _mean(estimates: Sequence[Estimate]) -> Estimate:
    first, size = estimates[0], len(estimates)
    if all(estimate == first for estimate in estimates):
        return first
    values = [estimate.value for estimate in estimates]
    errors = [estimate.standard_error for estimate in estimates if estimate.standard_error is not None]
    ends = ([getattr(estimate, end) for estimate in estimates] for end in ("low", "high"))
    low, high = (None if first.kind != "interval" else statistics.fmean(each) for each in ends)
    over_data = statistics.fmean(error**2 for error in errors) if len(errors) == size else 0.0
    ways = " or ".join(dict.fromkeys(estimate.estimator for estimate in estimates if estimate.estimator))
    return dataclasses.replace(
        first,
        value=statistics.fmean(values),
        standard_error=math.sqrt(statistics.variance(values) / size + over_data),
        low=low,
        high=high,
        estimator=", ".join(filter(None, (ways, f"mean of {size} fits"))),
    )


def _facts(told: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What all fits agree on, the mean of real numbers, and the different texts one after another."""
    found: dict[str, Any] = {}
    for key in dict.fromkeys(key for facts in told for key in facts):
        values = [facts[key] for facts in told if key in facts]
        if len(values) == len(told) and all(value == values[0] for value in values):
            found[key] = values[0]
        elif all(isinstance(value, float) for value in values):
            found[key] = statistics.fmean(values)
        elif all(isinstance(value, str) for value in values):
            found[key] = "; ".join(dict.fromkeys(values))
    return found


def _value(estimate: Estimate | None) -> float | None:
    return None if estimate is None else estimate.value
