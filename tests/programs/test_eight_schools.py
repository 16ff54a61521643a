"""Eight schools (Gelman et al., Bayesian Data Analysis, section 5.5), not centred, and its guides."""

from __future__ import annotations

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro import poutine
from pyro.infer import Trace_ELBO
from pyro.infer.autoguide import AutoGuideList, AutoMultivariateNormal, AutoNormal, init_to_feasible
from torch import Tensor

import ppgen
from ppgen.errors import SettingError, Unanswerable
from tests.oracles.pyro_svi import bound_of_pyro, fitted_as_by_svi

pytestmark = pytest.mark.usefixtures("float64")

EFFECTS = [28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0]
ERRORS = [15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0]


def schools() -> dict[str, Tensor]:
    return {"y": torch.tensor(EFFECTS), "sigma": torch.tensor(ERRORS)}


def model(y: Tensor, sigma: Tensor) -> None:
    mu = pyro.sample("mu", dist.Normal(0.0, 10.0))
    tau = pyro.sample("tau", dist.HalfCauchy(25.0))
    with pyro.plate("J", len(y)):
        eta = pyro.sample("eta", dist.Normal(0.0, 1.0))
        pyro.sample("obs", dist.Normal(mu + tau * eta, sigma), obs=y)


def parts() -> AutoGuideList:
    guides = AutoGuideList(model)
    guides.append(AutoMultivariateNormal(poutine.block(model, expose=["mu", "tau"]), init_loc_fn=init_to_feasible))
    guides.append(AutoNormal(poutine.block(model, hide=["mu", "tau"]), init_loc_fn=init_to_feasible))
    return guides


class Declared(ppgen.Model):
    """The same model as ppgen declares it."""

    @ppgen.latent(local=False)
    def mu(self) -> dist.Distribution:
        return dist.Normal(0.0, 10.0)

    @ppgen.latent(local=False)
    def tau(self) -> dist.Distribution:
        return dist.HalfCauchy(25.0)

    @ppgen.latent
    def eta(self) -> dist.Distribution:
        return dist.Normal(0.0, 1.0)

    @ppgen.observed
    def y(self, eta: Tensor, mu: Tensor, tau: Tensor, sigma: Tensor) -> dist.Distribution:
        return dist.Normal(mu + tau * eta, sigma)


class ByHand:
    """A parameter for each school, as Pyro's own example has it."""

    def __call__(self, y: Tensor, sigma: Tensor) -> None:
        mu = pyro.sample("mu", dist.Normal(pyro.param("m", torch.tensor(5.0)), 2.0))
        pyro.sample("tau", dist.LogNormal(pyro.param("t", torch.tensor(1.0)), 0.5))
        loc = pyro.param("loc", lambda: 0.1 * torch.arange(len(y)).to(mu.dtype))
        scale = pyro.param("scale", lambda: torch.ones(len(y)), constraint=dist.constraints.positive)
        with pyro.plate("J", len(y)):
            pyro.sample("eta", dist.Normal(loc, scale))


GUIDES = {
    "AutoNormal": lambda: AutoNormal(model, init_loc_fn=init_to_feasible),
    "AutoMultivariateNormal": lambda: AutoMultivariateNormal(model, init_loc_fn=init_to_feasible),
    "AutoGuideList": parts,
    "by hand": ByHand,
}


@pytest.mark.parametrize("guide", GUIDES)
def test_every_guide_trains_as_by_svi(guide: str) -> None:
    fit = fitted_as_by_svi(model, GUIDES[guide], schools(), Trace_ELBO())
    elbo = fit.elbo(num_particles=5)
    assert float(elbo) == pytest.approx(bound_of_pyro(fit, Trace_ELBO(), 5), rel=1e-8)
    assert (elbo.kind, elbo.per, elbo.num_data) == ("lower bound", "data set", 8)
    assert elbo.estimator == "Trace_ELBO-5 of the training split"
    assert dict(fit.posterior(num_draws=3).posterior.sizes) == {"chain": 1, "draw": 3, "eta_dim_0": 8}


def test_a_declared_model_with_an_automatic_guide_is_such_a_program() -> None:
    declared = Declared()
    guides = AutoNormal(declared, init_loc_fn=init_to_feasible), GUIDES["AutoNormal"]()
    pairs = ppgen.Program(declared, guides[0]), ppgen.Program(model, guides[1])
    fits = [ppgen.fit(pair, schools(), batch_size=None, max_epochs=3, progress=False) for pair in pairs]
    losses = [[row["train"]["loss"] for row in fit.history] for fit in fits]
    assert losses[0] == pytest.approx(losses[1], rel=1e-10)


def test_as_many_rows_as_there_are_is_full_batch_too() -> None:
    fits = [
        ppgen.fit(
            ppgen.Program(model, GUIDES["AutoNormal"]()), schools(), batch_size=rows, max_epochs=3, progress=False
        )
        for rows in (None, 8, 128)
    ]
    losses = [[row["train"]["loss"] for row in fit.history] for fit in fits]
    assert losses[0] == losses[1] == losses[2]


def test_what_belongs_to_single_rows_is_refused_by_name() -> None:
    fit = ppgen.fit(
        ppgen.Program(model, GUIDES["AutoNormal"]()), schools(), batch_size=None, max_epochs=1, progress=False
    )
    for question in (fit.log_prob, fit.log_prob_per_datum, fit.log_weights, fit.encode, fit.reconstruct):
        with pytest.raises(Unanswerable, match="runs on all rows at once"):
            question()
    with pytest.raises(Unanswerable, match="it cannot draw single data points"):
        fit.sample(4)
    with pytest.raises(ppgen.errors.DeclarationError, match="the guide draws another shape"):
        fit.elbo({name: value[:4] for name, value in schools().items()})


def test_a_scorecard_has_the_bound_of_the_data_set() -> None:
    program = ppgen.Program(model, ByHand())
    fit = ppgen.fit(program, schools(), batch_size=None, max_epochs=1, progress=False)
    found, wanted = ppgen.evaluate(fit)["density"]["elbo_of_training_data"], fit.elbo(num_particles=10)
    assert (found.per, found.of) == ("data set", "p(training data)")
    assert found.value == pytest.approx(wanted.value)


def test_what_needs_other_rows_or_another_loss_is_refused_before_training() -> None:
    settings = {"batch_size": None, "max_epochs": 1, "progress": False}
    with pytest.raises(SettingError, match="only Pyro's own ELBO trains model as it is written"):
        ppgen.fit(ppgen.Program(model, ByHand()), schools(), objective=ppgen.ELBO(beta=2.0), **settings)
    data = ppgen.data.from_tensors({name: value.repeat(4) for name, value in schools().items()})
    with pytest.raises(SettingError, match="patience needs a validation loss"):
        ppgen.fit(ppgen.Program(model, ByHand()), data, patience=2, **settings)
    with pytest.raises(ppgen.errors.DeclarationError, match="batch_size=None"):
        ppgen.fit(ppgen.Program(model, GUIDES["AutoNormal"]()), data, **settings | {"batch_size": 8})


def test_a_fit_is_read_back_with_the_program_and_its_data(tmp_path) -> None:
    settings = {"batch_size": None, "max_epochs": 2, "progress": False, "out": tmp_path / "run"}
    fit = ppgen.fit(ppgen.Program(model, GUIDES["AutoNormal"]()), schools(), **settings)
    again = ppgen.load(
        tmp_path / "run", model=ppgen.Program(model, GUIDES["AutoNormal"]()), data=schools(), device="cpu"
    )
    assert again.elbo(num_particles=3) == fit.elbo(num_particles=3)
