"""A scorecard as a notebook shows it."""

from __future__ import annotations

from ppgen.evaluation import Scorecard, layout
from ppgen.evaluation.table import to_html

__all__ = ["scorecard_table"]


def scorecard_table(card: Scorecard) -> str:
    """The numbers of one model by question, with their baselines, as HTML tables with everything escaped.

    Args:
        card: of a model.

    Example:
        >>> import ppgen
        >>> fit = ppgen.fit(ppgen.models.VAE((1, 8, 8)), "digits", max_epochs=1, progress=False)
        >>> "factorised Bernoulli" in scorecard_table(ppgen.evaluate(fit, ["log_prob"], num_particles=2))
        True
    """
    return to_html(layout.blocks({card.name: card}), [])
