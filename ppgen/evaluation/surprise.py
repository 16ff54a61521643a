"""Surprise: how improbable a datum is, which alone is a poor sign of an outlier."""

from __future__ import annotations

from torch import Tensor

from ppgen.evaluation.outlier_measure import OutlierScore
from ppgen.evaluation.suspects import Suspects

__all__ = ["SURPRISE"]


def _surprise(rows: Suspects) -> Tensor:
    """``-log p(x)``, nats: exact, or an upper bound.

    Images that are simpler than the training data, such as digits to a model of clothes, are often more probable than
    these (Nalisnick et al., 2019, Do deep generative models know what they don't know?).
    """
    return -rows.log_prob


SURPRISE = OutlierScore("log_prob", _surprise, "-log p(x)")
