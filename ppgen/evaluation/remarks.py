"""What stands below tables in words: ranks, and the paired differences that they follow from."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ppgen.evaluation.layout import grouped
from ppgen.evaluation.paired_difference import PairedDifference, Standing

__all__ = ["Remark", "remarks"]


@dataclasses.dataclass(frozen=True)
class Remark:
    """A heading and its lines, below the tables."""

    title: str
    lines: Sequence[str]


def remarks(ranking: Sequence[Standing], pairs: Sequence[PairedDifference], level: float) -> list[Remark]:
    """The ranks and the paired differences in words.

    Args:
        ranking: standings in order.
        pairs: paired differences; those that could not be taken are left to the ranking's reasons.
        level: coverage of the intervals.
    """
    found = []
    for group, placed in grouped((standing.group, standing) for standing in ranking if standing.group).items():
        lines = [f"{standing.rank}: {standing.name}" for standing in placed]
        found.append(Remark(f"Ranks by {group}: those that the differences below leave open", lines))
    if without := [f"{standing.name}: {standing.reason}" for standing in ranking if not standing.group]:
        found.append(Remark("Not ranked", without))
    if taken := [str(pair) for pair in pairs if pair.difference is not None]:
        title = f"Paired differences, with intervals of {100 * level:g} %, each for its pair alone"
        found.append(Remark(title, taken))
    return found
