"""Pareto's k as a sign of outliers: where the guide does not cover the posterior."""

from __future__ import annotations

from torch import Tensor

from ppgen.evaluation.outlier_measure import OutlierScore
from ppgen.evaluation.suspects import Suspects
from ppgen.inference import pareto_k

__all__ = ["WEIGHT_TAIL"]


def _weight_tail(rows: Suspects) -> Tensor:
    """The tail index k-hat of the guide's importance weights: :func:`ppgen.inference.pareto_k`.

    A guide that was trained on other data has its mass elsewhere than the posterior of an outlier.
    """
    return pareto_k(rows.fit.log_weights(rows.batch, max(25, rows.num_particles), seed=rows.seed))


WEIGHT_TAIL = OutlierScore("pareto_k", _weight_tail, "k-hat")
