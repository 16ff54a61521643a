"""A fit whose guide is the best of its family for each datum."""

from __future__ import annotations

import copy

from ppgen.declare import label_of
from ppgen.errors import Unanswerable
from ppgen.fitted import Fit
from ppgen.guides import DerivedGuide, Refined

__all__ = ["with_refined_guide"]


def with_refined_guide(fit: Fit, question: str, *, steps: int, num_particles: int = 1, seed: int) -> Fit:
    """A copy of the fit, of the same weights, whose guide is refined for every datum that it is asked for.

    Args:
        fit: with a derived guide, and latents with one value per datum.
        question: who asks, for the error text.
        steps: of :class:`ppgen.guides.Refined`.
        num_particles: draws for each datum in each of them.
        seed: of its noise.

    Raises:
        Unanswerable: for a guide that is not derived, or that has no encoder, and where data share one density.
    """
    guide = fit._must_answer("density")
    fit._must_be_local(question)
    if not isinstance(guide, DerivedGuide) or not guide.heads:
        raise Unanswerable(
            f"{question}: {'there is no guide' if guide is None else label_of(guide)} whose encoder could be left out",
            expected="a derived guide: MeanField, FullRank, Structured, Flow",
            got="none" if guide is None else type(guide).__name__,
            fix="ppgen.fit(model, data, guide=ppgen.guides.MeanField(model))",
            code="U063",
        )
    best = copy.copy(fit)
    best.guide = Refined(guide, steps=steps, num_particles=num_particles, seed=seed).eval()
    return best
