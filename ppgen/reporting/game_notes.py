"""What went wrong in an adversarial game, in sentences: a critic that wins, a critic that is blind, modes left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ppgen.evaluation import Scorecard
from ppgen.reporting.style import numeral

__all__ = ["game_notes"]

_WINS, _BLIND = 0.95, 0.03  # shares told apart: nearly all of both, or a coin's within 3 in a hundred
_MISSING = 0.5  # of the coverage that as many real data reach


def game_notes(history: Sequence[Mapping[str, Any]], card: Scorecard | None = None) -> list[str]:
    """Notes on the last epoch of a game, and on what its draws leave out; none for what was trained otherwise.

    Where there are several critics, as in a cycle, each is spoken of by the domain that it judges.

    A critic wins where it tells more than 95 % of data and of draws: the generator then learns from slopes that lead
    nowhere. It is blind where it tells neither better than a coin: the game is over, or the critic too weak to see.
    Modes are left out where draws cover less than half of the neighbourhoods of test data that as many training data
    cover.

    Args:
        history: of a fit, one row an epoch.
        card: its scores, for what is left out; ``coverage`` must have been asked.

    Example:
        >>> game_notes([{"epoch": 9, "train": {"accuracy_real": 0.99, "accuracy_fake": 0.98}}])[0][:54]
        'The critic wins: it tells 99 % of data and 98 % of dra'
        >>> game_notes([{"epoch": 9, "train": {"loss": 80.0}}])
        []
    """
    last = history[-1].get("train", {}) if history else {}
    notes = []
    for whose, (real, fake) in _told_apart(last).items():
        told = f"{numeral(100 * real, 0)} % of data and {numeral(100 * fake, 0)} % of draws"
        if min(real, fake) > _WINS:
            notes.append(
                f"The critic{whose} wins: it tells {told} rightly, so that the generator learns little. A penalty "
                "(r1=1.0), spectral norms, or a smaller learning rate of the critic holds it."
            )
        elif max(abs(real - 0.5), abs(fake - 0.5)) < _BLIND:
            notes.append(
                f"The critic{whose} is as good as a coin: it tells {told} rightly. Nothing is left to see, or it is "
                "too weak: coverage and precision tell which."
            )
    covered = None if card is None else card.estimate("coverage")
    if card is not None and covered is not None and "critic_loss" in last:
        possible = card.baselines_of("coverage")["real/real"].value
        if covered.value < _MISSING * possible:
            notes.append(
                f"Modes are left out: draws reach {numeral(100 * covered.value, 0)} % of the neighbourhoods of test "
                f"data, of which as many training data reach {numeral(100 * possible, 0)} %. A penalty, larger batches "
                "or another loss may bring them in."
            )
    return notes


def _told_apart(record: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    """The shares of data and of draws that each critic tells, by whose it is: where each has a record, not the mean."""
    found = {
        key.removeprefix("accuracy_real"): (real, record[f"accuracy_fake{key.removeprefix('accuracy_real')}"])
        for key, real in record.items()
        if key.startswith("accuracy_real")
    }
    return {f" of {each[1:]}" if each else "": shares for each, shares in found.items() if each or len(found) == 1}
