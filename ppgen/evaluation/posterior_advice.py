"""One sentence for a guide that was held against the gold posterior: what it loses, by whose fault, and what helps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ppgen.estimate import Estimate
from ppgen.guides import Flow, FullRank, MeanField, Structured

__all__ = ["advise", "warn_of_weights"]

_NATS = 0.1  # a gap that nobody need mend
_SHIFT = 0.2  # posterior standard deviations
_RATIO = 1.25  # of spreads, and its inverse
_HEAVY = 0.1  # share of data


def advise(guide: Any, numbers: Mapping[str, Estimate], floor: Mapping[str, Estimate]) -> str:
    """What a reader of these numbers would do next.

    Args:
        guide: that they are of.
        numbers: by key, as :func:`ppgen.compare_posteriors` lays them out.
        floor: what two halves of the gold draws give, by key.
    """
    found = []
    gap = numbers.get("gap")
    if gap is not None and gap.value > _NATS + 2 * (gap.standard_error or 0.0):
        family, encoder = numbers["approximation"].value, numbers["amortization"].value
        by_family = family >= encoder
        share = f"{max(family, encoder):.2f} of them by its {'family' if by_family else 'encoder'}"
        found.append(f"loses {gap.value:.2f} nats, {share}: {_richer(guide) if by_family else _ENCODER}")
    shift, ratio = numbers["mean_shift"].value, numbers["scale_ratio"].value
    off = shift > max(_SHIFT, 3 * floor["mean_shift"].value)
    narrow = not 1 / _RATIO <= ratio <= _RATIO
    if off:
        found.append(f"its means are {shift:.2f} posterior sd off")
    if narrow:
        found.append(f"its spread is {ratio:.2f} of the posterior's")
    if (off or narrow) and len(found) == off + narrow:  # which no ledger explained
        found[-1] += f": train longer, or {_richer(guide)}"
    heavy = numbers.get("pareto_k")
    found += [] if heavy is None or not (said := warn_of_weights(heavy)) else [said]
    return "; ".join(found) or "as good as the gold draws can tell: nothing to mend"


def warn_of_weights(heavy: Estimate) -> str:
    """Whether importance weights, and so bounds from them, mean anything; ``""`` if they do for nine data of ten.

    Args:
        heavy: the share of data whose weights have a k-hat above 0.7.
    """
    if heavy.value <= _HEAVY:
        return ""
    return f"importance weights of {100 * heavy.value:.0f} % of data cannot be trusted: report AIS, not IWAE"


_ENCODER = "train longer, give it a wider encoder, or take ppgen.guides.Refined(fit.guide)"
_RICHER = {
    MeanField: "try FullRank, or Structured where there are several latents",
    FullRank: "try Flow",
    Structured: "try FullRank, or Flow",
    Flow: "try Flow with more transforms",
}


def _richer(guide: Any) -> str:
    return next((text for family, text in _RICHER.items() if isinstance(guide, family)), "try a richer family")
