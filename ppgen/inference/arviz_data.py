"""Groups of arrays as ArviZ data, on both of its lines."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["arviz_data", "import_arviz"]


def import_arviz() -> Any:
    """The package, without what 0.23 announces at its import: that 1.0 is to come."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        import arviz
    return arviz


def arviz_data(groups: Mapping[str, Mapping[str, np.ndarray]]) -> Any:
    """InferenceData (ArviZ < 1) or a DataTree (>= 1).

    Args:
        groups: arrays by group and name; those of ``"posterior"`` and ``"log_likelihood"`` are [chain, draw, ...].
    """
    arviz = import_arviz()
    return arviz.from_dict(**groups) if int(arviz.__version__.partition(".")[0]) < 1 else arviz.from_dict(groups)
