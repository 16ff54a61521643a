"""Ranks and paired differences as sentences."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ppgen.reporting.numerals import numeral

if TYPE_CHECKING:
    from ppgen.evaluation import PairedDifference, Standing

__all__ = ["Verdict", "ranks_in_words", "verdicts_in_words"]


@dataclasses.dataclass(frozen=True)
class Verdict:
    """One statement about the order of models.

    Args:
        text: the sentence.
        interval: the interval that backs it.
        proven: whether an order is shown.
    """

    text: str
    interval: str = ""
    proven: bool = False


def ranks_in_words(standings: Sequence[Standing]) -> list[tuple[str, list[tuple[str, str]]]]:
    """The ranks of each group of models that can be compared: the group in words, then rank and name of each."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for standing in standings:
        if standing.group:
            groups.setdefault(standing.group, []).append((standing.rank, standing.name))
    return list(groups.items())


def verdicts_in_words(pairs: Sequence[PairedDifference], standings: Sequence[Standing]) -> list[Verdict]:
    """One sentence a pair: orders that are shown first, then what cannot be ranked and why.

    A model that cannot be compared with any other is spoken of once, not once a pair.

    Args:
        pairs: the paired differences of a comparison.
        standings: its ranking.
    """
    verdicts = [_sentence(pair) for pair in pairs if pair.difference is not None]
    verdicts.sort(key=lambda verdict: not verdict.proven)
    alone = {standing.name for standing in standings if not standing.group}
    verdicts += [
        Verdict(f"{pair.first} and {pair.second} {pair.verdict}")
        for pair in pairs
        if pair.difference is None and pair.first not in alone and pair.second not in alone
    ]
    verdicts += [Verdict(f"{one.name} cannot be ranked: {one.reason}") for one in standings if not one.group]
    return verdicts


def _sentence(pair: PairedDifference) -> Verdict:
    """A pair whose difference could be taken, told from the side of the higher one, so that it reads as a gain."""
    difference, low, high = pair.difference or 0.0, pair.low or 0.0, pair.high or 0.0
    higher, other = pair.first, pair.second
    if difference < 0.0:
        difference, low, high = -difference, -high, -low
        higher, other = other, higher
    # Two figures of the standard error, a quarter of the interval, and never more than thousandths of a nat.
    decimals = max(0, min(3, 1 - math.floor(math.log10(max(high - low, 1e-9) / 4))))
    amount = numeral(difference, decimals)
    interval = f"[{numeral(low, decimals)}, {numeral(high, decimals)}]"
    if pair.winner is not None:
        text = f"{higher} assigns higher probability than {other}, by {amount} nats per data point"
        return Verdict(text, interval, proven=True)
    joint = " " if pair.verdict.startswith("cannot be ranked") else ", "
    return Verdict(f"{higher} and {other}{joint}{pair.verdict}", f"{amount} nats {interval}")
