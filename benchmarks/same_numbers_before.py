"""What ``same_numbers_rows.py`` asks for in other words of checkouts from before an answer changed its form."""

from __future__ import annotations

import io
from typing import Any

import pandas

from ppgen import guides, zoo

__all__ = ["answers_of", "by_site", "network_guide", "networks_of", "recipe_names", "tidy_csv"]

network_guide = getattr(guides, "NetworkGuide", None) or guides.Amortized  # as it was called before

_QUESTIONS = ("density", "sampling", "representation")
_COLUMNS = [
    "model", "baseline", "question", "metric", "value", "standard_error", "kind", "unit", "per", "measure",
    "estimator", "num_data", "better", "reason", "data", "fingerprint",
]  # fmt: skip


def networks_of(fit: Any) -> dict[str, Any]:
    """The networks of a fit's objective, which once owned them itself."""
    return dict(fit.state.networks if hasattr(fit, "state") else fit.objective.networks)


def recipe_names() -> dict[str, str]:
    """The recipes of this checkout by what they are called today: what was called ``pixelcnn`` once had gates."""
    names = list(zoo.names())
    before = {} if "gated-pixelcnn" in names else {"pixelcnn": "gated-pixelcnn"}
    return {before.get(name, name): name for name in names}


def by_site(answered: Any) -> Any:
    """An answer by site as it was given before where there is one site: its tensor."""
    return next(iter(answered.values())) if isinstance(answered, dict) and len(answered) == 1 else answered


def answers_of(card: Any) -> tuple[dict[str, Any], Any, dict[str, Any]]:
    """The estimates of a scorecard by question, its refusals, and what its density is of, where the card says so.

    Before there were answers, a question that was refused was one refusal.
    """
    if not hasattr(card, "answers"):
        return {group: getattr(card, group) for group in (*_QUESTIONS, "baselines")}, card.refusals.keys(), {}
    groups = {question: card[question] for question in _QUESTIONS}
    asked = {answer.column.key: answer for answer in card.answers}
    groups["baselines"] = {f"{key} {name}": b for key, a in asked.items() for name, b in a.baselines.items()}
    refused = {(card.reason(q) and q) or key: None for (q, key) in card.refusals}.keys()
    return groups, refused, {"density_of": card.density_of} if card["density"] else {}


def tidy_csv(comparison: Any) -> str:
    """The tidy frame of a comparison, in the columns that it has always had."""
    tidy = pandas.read_csv(io.StringIO(comparison.to_csv()), dtype=str)
    return str(tidy[_COLUMNS].to_csv(index=False))
