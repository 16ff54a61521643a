"""What Pyro's own estimators give on pairs with scales, factors and points, and what it is called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro import poutine
from pyro.infer import Trace_ELBO
from torch import Tensor

import ppgen
from ppgen.errors import Unanswerable
from ppgen.inference import reference_bound

pytestmark = pytest.mark.usefixtures("float64")

X = {"x": torch.tensor([0.3, -0.2, 0.9], dtype=torch.float64)}


def model(x: Tensor) -> None:
    w = pyro.sample("w", dist.Normal(0.0, 1.0))
    with pyro.plate("data", len(x)):
        pyro.sample("x", dist.Normal(w, 1.0), obs=x)


def guide(x: Tensor) -> None:
    pyro.sample("w", dist.Normal(pyro.param("loc", torch.tensor(0.2)), 0.5))


def with_factor(x: Tensor) -> None:
    guide(x)
    pyro.factor("taught", pyro.param("loc") ** 2, has_rsample=True)


def improper(x: Tensor) -> None:
    model(x)
    pyro.factor("penalty", torch.tensor(-1.0))


def point(x: Tensor) -> None:
    pyro.sample("w", dist.Delta(pyro.param("loc", torch.tensor(0.2))))


def whole(chosen: Callable[..., Any], with_guide: Callable[..., Any]) -> ppgen.Fit:
    program = ppgen.Program(chosen, with_guide)
    return ppgen.fit(program, X, batch_size=None, max_epochs=1, progress=False, device="cpu")


def of_pyro(fit: ppgen.Fit, chosen: Callable[..., Any], with_guide: Callable[..., Any]) -> float:
    pyro.set_rng_seed(0)
    plain = ppgen.Program(chosen, with_guide)
    plain.guide.params, plain.model.params = fit.guide.params, fit.model.params
    for part in (plain.guide, plain.model):
        part._messenger.store = fit.guide.params
    return -Trace_ELBO().loss(plain.model, plain.guide, X, 3)


@pytest.mark.parametrize("scaled", [True, False])
def test_the_bound_is_without_scale_and_factor_and_the_loss_with_them(scaled: bool) -> None:
    weigh = poutine.scale(scale=0.3) if scaled else lambda program: program
    fit = whole(weigh(model), weigh(with_factor))
    assert float(fit.elbo()) == pytest.approx(of_pyro(fit, model, guide), rel=1e-10)
    pyro.set_rng_seed(0)
    bound = reference_bound(fit.model, fit.guide, X, 3)
    assert bound.loss.item() == pytest.approx(-of_pyro(fit, weigh(model), weigh(with_factor)), rel=1e-10)
    assert bound.name == "elbo"


def test_a_factor_of_the_model_leaves_no_bound() -> None:
    fit = whole(improper, guide)
    assert set(fit.history[0]["train"]) == {"loss", "unnormalised_elbo"}
    with pytest.raises(Unanswerable, match="not normalised"):
        fit.elbo()


def test_a_point_has_a_joint_density() -> None:
    fit = whole(model, point)
    assert set(fit.history[0]["train"]) == {"loss", "log_joint"}


def test_draws_that_pyro_does_not_see_make_a_bound_of_what_would_be_exact() -> None:
    def noisy(x: Tensor) -> None:
        loc = pyro.param("loc", torch.tensor(0.1)) + torch.randn(())
        pyro.sample("x", dist.Normal(loc, 1.0).expand([len(x)]).to_event(1), obs=x)

    def plain(x: Tensor) -> None:
        pyro.sample("x", dist.Normal(pyro.param("loc", torch.tensor(0.1)), 1.0).expand([len(x)]).to_event(1), obs=x)

    kinds = [
        ppgen.fit(ppgen.Program(program), X, batch_size=None, max_epochs=1, progress=False, device="cpu").elbo().kind
        for program in (noisy, plain)
    ]
    assert kinds == ["lower bound", "exact"]
