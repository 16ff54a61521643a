"""Posterior draws as ArviZ data, on both of its major versions."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from torch import Tensor

__all__ = ["to_arviz"]


def to_arviz(posterior: Mapping[str, Tensor], observed: Mapping[str, Tensor]) -> Any:
    """Draws [num_draws, N, *event] and data as InferenceData (ArviZ < 1) or a DataTree (>= 1), with one chain.

    A guide's draws are independent: one chain holds all of them.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # 0.23 announces at import that 1.0 is to come
        import arviz

    draws = {name: value.detach().cpu().numpy()[None] for name, value in posterior.items()}
    data = {name: value.detach().cpu().numpy() for name, value in observed.items()}
    if int(arviz.__version__.partition(".")[0]) < 1:
        return arviz.from_dict(posterior=draws, observed_data=data)
    return arviz.from_dict({"posterior": draws, "observed_data": data})
