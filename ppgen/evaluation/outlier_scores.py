"""All scores of outliers of ours, and those that a user names or brings."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ppgen.errors import SettingError
from ppgen.evaluation.input_complexity import INPUT_COMPLEXITY
from ppgen.evaluation.likelihood_ratio import LIKELIHOOD_RATIO
from ppgen.evaluation.likelihood_regret import LIKELIHOOD_REGRET
from ppgen.evaluation.outlier_measure import OutlierScore
from ppgen.evaluation.poor_reconstruction import RECONSTRUCTION
from ppgen.evaluation.surprise import SURPRISE
from ppgen.evaluation.typicality import TYPICALITY
from ppgen.evaluation.weight_tail import WEIGHT_TAIL

__all__ = ["OUTLIER_SCORES", "chosen_score", "chosen_scores"]

OUTLIER_SCORES: tuple[OutlierScore, ...] = (
    *(SURPRISE, TYPICALITY, LIKELIHOOD_RATIO, INPUT_COMPLEXITY),
    *(LIKELIHOOD_REGRET, RECONSTRUCTION, WEIGHT_TAIL),
)
_BY_KEY = {score.key: score for score in OUTLIER_SCORES}


def chosen_score(entry: str | OutlierScore | Callable[[Any], Any]) -> OutlierScore:
    """One score that a user asks for.

    Args:
        entry: a key of ours, an :class:`~ppgen.evaluation.OutlierScore`, or a function of suspects.

    Raises:
        SettingError: for anything else.

    Example:
        >>> chosen_score("ratio").title
        'likelihood ratio'
    """
    if isinstance(entry, OutlierScore):
        return entry
    if isinstance(entry, str) and entry in _BY_KEY:
        return _BY_KEY[entry]
    if callable(entry):
        return OutlierScore(getattr(entry, "__name__", type(entry).__name__), entry)
    raise SettingError(
        f"outliers: unknown score {entry!r}",
        expected=f"{', '.join(_BY_KEY)}, a ppgen.OutlierScore, or a function of suspects",
        got=repr(entry),
        fix='score="typicality"',
        code="S227",
    )


def chosen_scores(entries: Iterable[Any] | None) -> tuple[OutlierScore, ...]:
    """The scores that a user asks for, each once; ``None`` for all of ours.

    Args:
        entries: as :func:`chosen_score` takes each.

    Raises:
        SettingError: for no list, an unknown score, or two with one key.
    """
    if entries is None:
        return OUTLIER_SCORES
    if isinstance(entries, str) or callable(entries) or not isinstance(entries, Iterable):
        raise SettingError(
            "outliers: scores are no list",
            expected="a list",
            got=repr(entries),
            fix='scores=["log_prob", "typicality"]',
            code="S228",
        )
    found = [chosen_score(entry) for entry in entries]
    keys = [score.key for score in found]
    if not found or len(set(keys)) < len(keys):
        raise SettingError(
            "outliers: two scores have one key" if found else "outliers: no score",
            expected="at least one, each with a key of its own",
            got=", ".join(keys) or "[]",
            fix='scores=["log_prob", ppgen.OutlierScore("mine", function)]',
            code="S229",
        )
    return tuple(found)
