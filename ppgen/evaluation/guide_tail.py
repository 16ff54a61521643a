"""Pareto k of each datum: whether the guide's importance weights, and so the bounds from them, can be trusted."""

from __future__ import annotations

import math

from ppgen.estimate import Estimate
from ppgen.evaluation.metric import Evaluation, itself, metric
from ppgen.inference import pareto_k

__all__ = ["heavy_tails"]

_TOO_HEAVY = 0.7  # above it, averages converge too slowly to be of use (Vehtari et al., 2024, section 3.2)


@metric(key="pareto_k", prepare=itself, question="posterior", title="k-hat > 0.7", unit="share", better="lower")
def heavy_tails(evaluation: Evaluation) -> Estimate:
    """The share of data for which the guide's weights have a tail with k above 0.7."""
    weights = evaluation.fit.log_weights(num_particles=evaluation.num_particles, seed=evaluation.seed)
    heavy = (pareto_k(weights) > _TOO_HEAVY).double()
    error = float(heavy.std()) / math.sqrt(len(heavy)) if len(heavy) > 1 else None
    return Estimate(
        float(heavy.mean()),
        error,
        unit="share",
        estimator=f"PSIS-{evaluation.num_particles}",
        num_data=len(heavy),
        better="lower",
    )
