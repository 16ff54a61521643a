"""Reconstruction as a sign of outliers: what a code does not bring back."""

from __future__ import annotations

from torch import Tensor

from ppgen.evaluation.density import explained_site
from ppgen.evaluation.outlier_measure import OutlierScore
from ppgen.evaluation.suspects import Suspects

__all__ = ["RECONSTRUCTION"]


def _poor_reconstruction(rows: Suspects) -> Tensor:
    """The squared error per dimension of the reconstruction at the code, as the metric ``reconstruction_error``."""
    made = rows.fit.reconstruct(rows.batch, site=explained_site(rows.fit, rows.batch), seed=rows.seed)
    return ((rows.x.cpu() - made.cpu()).double() ** 2).reshape(rows.size, -1).mean(1)


RECONSTRUCTION = OutlierScore("reconstruction", _poor_reconstruction)
