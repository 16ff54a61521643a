"""Gaussian mixtures whose classes the model sums out, as in Pyro's tutorial, at full batch and in minibatches."""

from __future__ import annotations

from collections.abc import Callable

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro import poutine
from pyro.infer import TraceEnum_ELBO, config_enumerate
from pyro.infer.autoguide import AutoDelta, AutoNormal, init_to_feasible
from torch import Tensor

import ppgen
from ppgen.errors import DeclarationError, Unanswerable
from ppgen.training.choices import choose_objective
from tests.oracles.losses import loss_of
from tests.oracles.pyro_svi import bound_of_pyro, fitted_as_by_svi

pytestmark = pytest.mark.usefixtures("float64")


def points(rows: int = 24) -> dict[str, Tensor]:
    return {"x": torch.cat([torch.randn(rows // 2) - 3.0, torch.randn(rows - rows // 2) + 2.0])}


@config_enumerate
def bayesian(x: Tensor) -> None:
    """The tutorial's: a plate of components, and a plate of the data that knows nothing of minibatches."""
    weights = pyro.sample("weights", dist.Dirichlet(0.5 * torch.ones(2)))
    scale = pyro.sample("scale", dist.LogNormal(0.0, 2.0))
    with pyro.plate("components", 2):
        locs = pyro.sample("locs", dist.Normal(torch.tensor([-1.0, 1.0]), 10.0))
    with pyro.plate("data", len(x)):
        y = pyro.sample("y", dist.Categorical(weights))
        pyro.sample("x", dist.Normal(locs[y], scale), obs=x)


@config_enumerate
def fixed(x: Tensor, size: int) -> None:
    """Parameters instead of priors, so that log p(x) is known."""
    weights = pyro.param("weights", torch.tensor([0.3, 0.7]), constraint=dist.constraints.simplex)
    locs = pyro.param("locs", torch.tensor([-1.0, 1.0]))
    with pyro.plate("data", size, subsample_size=len(x)):
        y = pyro.sample("y", dist.Categorical(weights))
        pyro.sample("x", dist.Normal(locs[y], 1.0), obs=x)


@config_enumerate
def partly(x: Tensor, size: int) -> None:
    """A global latent that the guide draws, and classes that the model sums out."""
    locs = pyro.sample("locs", dist.Normal(0.0, 5.0).expand([2]).to_event(1))
    with pyro.plate("data", size, subsample_size=len(x)):
        y = pyro.sample("y", dist.Categorical(torch.tensor([0.4, 0.6])))
        pyro.sample("x", dist.Normal(locs[..., y], 1.0), obs=x)


def guide(x: Tensor) -> None:
    pyro.sample("locs", dist.Normal(pyro.param("at", torch.tensor([-2.0, 2.0])), 0.3).to_event(1))


def guided(kind: type) -> AutoNormal | AutoDelta:
    return kind(poutine.block(bayesian, hide=["y"]), init_loc_fn=init_to_feasible)


def test_the_tutorial_trains_as_by_svi() -> None:
    fit = fitted_as_by_svi(bayesian, lambda: guided(AutoNormal), points(), TraceEnum_ELBO(max_plate_nesting=1))
    elbo = fit.elbo(num_particles=4)
    assert float(elbo) == pytest.approx(bound_of_pyro(fit, TraceEnum_ELBO(max_plate_nesting=1), 4), rel=1e-8)
    assert (elbo.kind, elbo.per) == ("lower bound", "data set")
    assert elbo.estimator == "TraceEnum_ELBO-4 of the training split"


def test_a_point_guide_has_no_bound() -> None:
    fit = fitted_as_by_svi(bayesian, lambda: guided(AutoDelta), points(), TraceEnum_ELBO(max_plate_nesting=1))
    assert set(fit.history[-1]["train"]) == {"loss", "log_joint"}
    with pytest.raises(Unanswerable, match="the guide is a point"):
        fit.elbo()


def test_a_bound_without_draws_is_the_exact_log_likelihood() -> None:
    data = points(80)
    fit = ppgen.fit(ppgen.Program(fixed), data, batch_size=16, max_epochs=2, progress=False, device="cpu")
    weights, locs = (fit.model.params.value(name) for name in ("weights", "locs"))
    mixture = dist.MixtureSameFamily(dist.Categorical(weights), dist.Normal(locs, 1.0))
    elbo = fit.elbo(data)
    assert float(elbo) == pytest.approx(mixture.log_prob(data["x"]).mean().item(), rel=1e-8)
    assert (elbo.kind, elbo.per, elbo.standard_error) == ("exact", "datum", None)


def test_the_classes_are_those_of_bayes_rule() -> None:
    data = {"x": torch.linspace(-1.0, 1.0, 5)}
    fit = ppgen.fit(ppgen.Program(fixed), points(40), batch_size=16, max_epochs=1, progress=False, device="cpu")
    weights, locs = (fit.model.params.value(name).detach() for name in ("weights", "locs"))
    joint = dist.Normal(locs, 1.0).log_prob(data["x"][:, None]) + weights.log()
    wanted = joint.softmax(1)
    assert torch.allclose(fit.encode(data, site="y"), wanted, rtol=1e-8)
    drawn = torch.as_tensor(fit.posterior(data, num_draws=2000).posterior["y"].values)[0]
    error = (wanted[:, 1] * wanted[:, 0] / 2000).sqrt()
    assert ((drawn.double().mean(0) - wanted[:, 1]).abs() < 4 * error).all()


@pytest.mark.parametrize("size", [6, 60], ids=["whole", "subsampled"])
def test_a_minibatch_has_the_loss_of_trace_enum_elbo(size: int) -> None:
    batch = points(6)
    program = ppgen.Program(partly, guide).setup(batch)
    pyro.set_rng_seed(0)
    reference = TraceEnum_ELBO(max_plate_nesting=1).differentiable_loss(program.model, program.guide, batch, size)
    pyro.set_rng_seed(0)
    objective = choose_objective(program.model, program.guide, None)
    loss = loss_of(objective, program.model, program.guide, batch, size)
    assert loss.value.item() == pytest.approx(reference.item() / size, rel=1e-8)
    (at,) = program.guide.parameters()
    found, wanted = (torch.autograd.grad(value, at)[0] for value in (loss.value, reference / size))
    assert torch.allclose(found, wanted, rtol=1e-8)


def test_samples_are_of_the_mixture() -> None:
    fit = ppgen.fit(ppgen.Program(fixed), points(40), batch_size=16, max_epochs=1, progress=False, device="cpu")
    weights, locs = (fit.model.params.value(name).detach() for name in ("weights", "locs"))
    drawn = fit.sample(4000).only
    mean = weights @ locs
    spread = (weights @ (locs - mean) ** 2 + 1.0).sqrt()
    assert abs(drawn.mean() - mean) < 4 * spread / 4000**0.5
    assert drawn.std().item() == pytest.approx(spread.item(), rel=0.05)


def with_counts(x: Tensor) -> None:
    with pyro.plate("data", len(x)):
        n = pyro.sample("n", dist.Poisson(torch.ones(())), infer={"enumerate": "parallel"})
        pyro.sample("x", dist.Normal(pyro.param("a", torch.ones(())) * n, 1.0), obs=x)


def one_by_one(x: Tensor) -> None:
    with pyro.plate("data", len(x)):
        y = pyro.sample("y", dist.Bernoulli(0.5), infer={"enumerate": "sequential"})
        pyro.sample("x", dist.Normal(pyro.param("a", torch.ones(())) * y, 1.0), obs=x)


@pytest.mark.parametrize(
    ("model", "words"),
    [(with_counts, "TraceEnum_ELBO cannot sum out what asks for it(.|\n)*n: "), (one_by_one, "no site for the latent")],
)
def test_what_cannot_be_summed_out_is_refused_by_name(model: Callable[..., None], words: str) -> None:
    with pytest.raises(DeclarationError, match=words):
        ppgen.fit(ppgen.Program(model, lambda x: None), points(), batch_size=None, max_epochs=1, progress=False)


def test_what_would_leave_the_classes_to_the_prior_is_refused() -> None:
    fit = ppgen.fit(ppgen.Program(partly, guide), points(40), batch_size=16, max_epochs=1, progress=False)
    for question in (fit.log_prob, fit.log_weights):
        with pytest.raises(Unanswerable, match="partly sums latents out"):
            question()
    with pytest.raises(Unanswerable, match="no one value of each latent to decode at"):
        fit.reconstruct()
    assert fit.encode(site="y").shape == (fit.data.size("test"), 2)
