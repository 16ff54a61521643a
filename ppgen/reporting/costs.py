"""What each model costs: its size, its training, its samples, beside what they bought."""

from __future__ import annotations

from collections.abc import Sequence

from ppgen.estimate import Estimate
from ppgen.evaluation import Scorecard
from ppgen.reporting.style import numeral

__all__ = ["COLUMNS", "cost_rows", "duration"]

COLUMNS = ("Parameters", "Training", "100 samples", "log p, nats", "KID")
"""What :func:`cost_rows` gives of each model."""


def cost_rows(cards: Sequence[Scorecard]) -> list[tuple[str, list[str]]]:
    """Name, and :data:`COLUMNS` as text, of each model; a dash where a card does not say.

    Args:
        cards: the scorecards of a comparison.

    Example:
        >>> import ppgen
        >>> fit = ppgen.fit(ppgen.models.VAE((1, 8, 8)), "digits", max_epochs=1, progress=False)
        >>> card = ppgen.evaluate(fit, ["log_prob"], num_particles=2)
        >>> len(cost_rows([card])[0][1]) == len(COLUMNS)
        True
    """
    return [(card.name, _costs(card)) for card in cards]


def _costs(card: Scorecard) -> list[str]:
    facts = card.facts
    parameters = f"{facts['num_parameters']:,}".replace(",", "\u202f") if "num_parameters" in facts else "–"
    spent = [duration(float(facts[key])) if key in facts else "–" for key in ("seconds", "seconds_of_100_samples")]
    density, kid = card.log_prob, card.estimate("kid")
    mark = {"lower bound": "≥ ", "upper bound": "≤ "}.get(density.kind, "") if density else ""
    of = f" ({card.density_of})" if density and card.density_of not in ("p(x)", "") else ""
    return [
        parameters,
        *spent,
        f"{mark}{_with_error(density, 2)}{of}" if density else "–",
        _with_error(kid, 3) if kid else "–",
    ]


def _with_error(estimate: Estimate, decimals: int) -> str:
    error = "" if estimate.standard_error is None else f" ± {numeral(estimate.standard_error, decimals)}"
    return numeral(estimate.value, decimals) + error


def duration(seconds: float) -> str:
    """Seconds as a person says them.

    Args:
        seconds: how many.

    Example:
        >>> duration(0.00312), duration(8.26), duration(125.0), duration(7300.0)
        ('3.1 ms', '8.3 s', '2 min 5 s', '2 h 1 min')
    """
    if seconds < 0.1:
        return f"{1000 * seconds:.1f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{int(seconds // 60)} min {int(seconds % 60)} s"
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60)} min"
