"""Pyro's own SVI on a program as it is written, as the reference for a fit of ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pyro
import pytest
from pyro.infer import SVI
from torch import Tensor

import ppgen

__all__ = ["bound_of_pyro", "fitted_as_by_svi"]

STEPS, LEARNING_RATE = 8, 0.02


def fitted_as_by_svi(
    model: Callable[..., Any], make_guide: Callable[[], Any], data: Mapping[str, Tensor], estimator: Any
) -> ppgen.Fit:
    """A fit of ours on the whole data, whose every loss is that of ``SVI`` from the same start and random state.

    Args:
        model: the program, with an argument for each tensor of the data.
        make_guide: makes a guide that starts at the same values whatever the random state.
        data: tensors [N, ...] by argument.
        estimator: that of Pyro.
    """
    with pyro.get_param_store().scope():
        guide = make_guide()
        guide(**data)
        pyro.set_rng_seed(0)
        svi = SVI(model, guide, pyro.optim.Adam({"lr": LEARNING_RATE}), loss=estimator)
        wanted = [svi.step(**data) for _ in range(STEPS)]
    program, settings = ppgen.Program(model, make_guide()), {"max_epochs": STEPS, "learning_rate": LEARNING_RATE}
    fit = ppgen.fit(program, data, batch_size=None, progress=False, device="cpu", **settings)
    assert [row["train"]["loss"] for row in fit.history] == pytest.approx(wanted, rel=1e-8)
    assert fit.model.is_whole
    return fit


def bound_of_pyro(fit: ppgen.Fit, estimator: Any, draws: int = 1) -> float:
    """Pyro's estimate of a whole fit's ELBO on what it was fitted to, for noise of seed 0."""
    pyro.set_rng_seed(0)
    data = fit.data.split("train")
    values = [-estimator.loss(fit.model, fit.guide, data, len(next(iter(data.values())))) for _ in range(draws)]
    return sum(values) / draws
