"""A fit on a card, as a notebook shows it."""

from __future__ import annotations

import html
from typing import Any

from ppgen.declare import Model, label_of
from ppgen.fitted import Fit
from ppgen.reporting.game_notes import game_notes

__all__ = ["fit_card"]


def fit_card(fit: Fit) -> str:
    """What was fitted, to what, and how the last epoch went, as an HTML table with everything escaped.

    Args:
        fit: a fit.

    Example:
        >>> import ppgen
        >>> fit = ppgen.fit(ppgen.models.VAE((1, 8, 8)), "digits", max_epochs=1, progress=False)
        >>> "<td>VAE: p(z) p(x | z)</td>" in fit_card(fit)
        True
    """
    facts: dict[str, Any] = {
        "model": str(fit.model).splitlines()[0] if isinstance(fit.model, Model) else label_of(fit.model),
        "guide": "none" if fit.guide is None else label_of(fit.guide),
        "objective": fit.objective.name,
        "data": repr(fit.data),
        "parameters": f"{fit.num_parameters:,}",
        "epochs": f"{len(fit.history)} in {fit.seconds:.1f} s" + (f", {fit.stopped}" if fit.stopped else ""),
    }
    if fit.history:
        split = "valid" if fit.history[-1].get("valid") else "train"
        numbers = {name: value for name, value in fit.history[-1][split].items() if isinstance(value, float)}
        facts[f"last epoch, {split}"] = ", ".join(f"{name} {value:.4g}" for name, value in numbers.items())
    if notes := game_notes(fit.history):
        facts["notes"] = " ".join(notes)
    rows = [f"<tr><th>{html.escape(name)}</th><td>{html.escape(str(fact))}</td></tr>" for name, fact in facts.items()]
    return f"<table><caption>Fit</caption><tbody>{''.join(rows)}</tbody></table>"
