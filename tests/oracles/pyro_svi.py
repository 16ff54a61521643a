"""Pyro's own SVI on a program as it is written, as the reference for a fit of ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pyro
import pytest
import torch
from pyro.infer import SVI
from torch import Tensor, nn

import ppgen
from tests.oracles.losses import loss_of

__all__ = ["bound_is_that_of_pyro", "bound_of_pyro", "fitted_as_by_svi", "loss_is_that_of_pyro"]

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


def loss_is_that_of_pyro(
    pair: tuple[Callable[..., Any], Callable[..., Any]],
    networks: nn.Module,
    batch: Mapping[str, Tensor],
    objective: Any,
    estimator: Any,
) -> None:
    """What one step of ours minimises, and its gradient, are those of an estimator of Pyro's on the bare functions.

    Args:
        pair: model and guide as Pyro calls them, with an argument for each tensor of the batch.
        networks: what they train.
        batch: tensors [N, ...] by argument.
        objective: ours, per datum.
        estimator: Pyro's, a sum over data.
    """
    program, parameters = ppgen.Program(*pair).setup(batch), list(networks.parameters())
    size = len(next(iter(batch.values())))
    pyro.set_rng_seed(0)
    ours = loss_of(objective, program.model, program.guide, batch, size).value
    with pyro.get_param_store().scope():
        pyro.set_rng_seed(0)
        theirs = estimator.differentiable_loss(*pair, **batch) / size
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-8)
    gradients = [torch.autograd.grad(loss, parameters, allow_unused=True) for loss in (ours, theirs)]
    for found, wanted in zip(*gradients, strict=True):
        assert (found is None) == (wanted is None)
        assert found is None or torch.allclose(found, wanted, rtol=1e-6, atol=1e-10)
    assert any(found is not None and found.any() for found in gradients[0])


def bound_is_that_of_pyro(fit: ppgen.Fit, estimator: Any, draws: int = 60) -> None:
    """A fit's ELBO of its training split is Pyro's per datum, within the error of the draws of both."""
    data = fit.data.split("train")
    size = len(next(iter(data.values())))
    nn.ModuleList([fit.model, fit.guide]).eval()
    with torch.no_grad():
        theirs = torch.tensor([-estimator.loss(fit.model, fit.guide, data, size) / size for _ in range(draws)])
    elbo = fit.elbo(data, num_particles=draws)
    assert (elbo.kind, elbo.per, elbo.num_data) == ("lower bound", "datum", size)
    assert abs(float(elbo) - theirs.mean()) < 5 * theirs.std() * (2 / draws) ** 0.5
