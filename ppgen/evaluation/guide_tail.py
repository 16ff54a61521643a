"""Pareto k of each datum: whether the guide's importance weights, and so the bounds from them, can be trusted."""

from __future__ import annotations

from typing import Any

from ppgen.estimate import Estimate
from ppgen.evaluation.mean_over_data import mean_over_data
from ppgen.evaluation.metric import Evaluation, itself, metric
from ppgen.fitted import Fit
from ppgen.inference import pareto_k

__all__ = ["heavy_tails", "share_of_heavy_tails"]

_TOO_HEAVY = 0.7  # above it, averages converge too slowly to be of use (Vehtari et al., 2024, section 3.2)


@metric(key="pareto_k", prepare=itself, question="calibration", title="k-hat > 0.7", unit="share", better="lower")
def heavy_tails(evaluation: Evaluation) -> Estimate:
    """The share of data for which the guide's weights have a tail with k above 0.7.

    Kind: unbiased.
    Source: Vehtari et al., 2024 (arXiv 1507.02646).
    """
    return share_of_heavy_tails(evaluation.fit, None, evaluation.num_particles, seed=evaluation.seed)


def share_of_heavy_tails(fit: Fit, data: Any = None, num_particles: int = 1000, *, seed: int = 0) -> Estimate:
    """The share of data for which the guide's importance weights have a Pareto k above 0.7.

    Args:
        fit: with a guide, and latents with one value per datum.
        data: as :meth:`ppgen.Fit.log_weights` takes it.
        num_particles: weights of each datum.
        seed: of the draws.
    """
    heavy = (pareto_k(fit.log_weights(data, num_particles, seed=seed)) > _TOO_HEAVY).double()
    return mean_over_data(heavy, unit="share", estimator=f"PSIS-{num_particles}", better="lower")
