"""The verdicts of a comparison in words: one sentence a pair."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from ppgen.evaluation import PairedDifference, Standing
from ppgen.reporting.style import numeral

__all__ = ["Verdict", "standing_in_words", "verdicts_in_words"]


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
    higher, other = pair.first, pair.second
    difference, low, high = pair.difference or 0.0, pair.low or 0.0, pair.high or 0.0
    if difference < 0.0:
        higher, other, difference, low, high = other, higher, -difference, -high, -low
    # Two figures of the standard error, a quarter of the interval, and never more than thousandths of a nat.
    decimals = max(0, min(3, 1 - math.floor(math.log10(max(high - low, 1e-9) / 4))))
    amount = numeral(difference, decimals)
    interval = f"[{numeral(low, decimals)}, {numeral(high, decimals)}]"
    if pair.winner is not None:
        text = f"{higher} assigns higher probability than {other}, by {amount} nats per data point"
        return Verdict(text, interval, proven=True)
    names = f"{higher} and {other}{',' if pair.bounds_only else ''}"
    return Verdict(f"{names} {pair.verdict}", f"{amount} nats {interval}")


def standing_in_words(standing: Standing, group_size: int) -> str:
    """Where one model stands, in a sentence of its card.

    Args:
        standing: its place in the ranking.
        group_size: how many models it was ranked among.
    """
    if not standing.group:
        return f"Cannot be ranked: {standing.reason.partition(';')[0]}."
    return f"Rank {standing.rank} of {group_size} by {standing.group}."
