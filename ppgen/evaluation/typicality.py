"""Typicality: how far the probability of a datum is from what is usual, in either direction."""

from __future__ import annotations

from torch import Tensor

from ppgen.evaluation.outlier_measure import OutlierScore
from ppgen.evaluation.suspects import Suspects

__all__ = ["TYPICALITY"]


def _typicality(rows: Suspects) -> Tensor:
    """``|-log p(x) - H|``, nats, with H the mean of ``-log p`` over training data.

    Draws of a distribution with many dimensions have a log-density near minus its entropy: a datum that is much more
    probable than that is as unlikely to be drawn as one that is much less.

    Reference: E. Nalisnick, A. Matsukawa, Y. W. Teh and B. Lakshminarayanan, "Detecting out-of-distribution inputs to
    deep generative models using typicality", 2019 (arXiv 1906.02994), with sets of one datum.
    """
    return (-rows.log_prob - rows.entropy).abs()


TYPICALITY = OutlierScore("typicality", _typicality)
