"""What a hand-written pair may hold beside plain sites, and the numbers that follow from it."""

from __future__ import annotations

import math
from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer import Trace_ELBO, autoguide
from torch import Tensor

import ppgen
from ppgen.errors import DeclarationError, SettingError, Unanswerable
from ppgen.inference import data_frame, elbo_parts

X = torch.tensor([0.5, -1.0, 2.0, 0.3, -0.7, 1.1], dtype=torch.float64)


@pytest.fixture(autouse=True)
def _double():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)


def normal(x: Tensor, size: int) -> None:
    with pyro.plate("data", size, subsample=torch.arange(len(x))):
        z = pyro.sample("z", dist.Normal(0.0, 1.0))
        pyro.sample("x", dist.Normal(z, 1.0), obs=x)


def follow(x: Tensor, size: int) -> None:
    loc = pyro.param("loc", torch.tensor(0.4))
    with pyro.plate("data", size, subsample=torch.arange(len(x))):
        pyro.sample("z", dist.Normal(loc * x, 0.7))


def fitted(model: Any, guide: Any = None, x: Tensor = X, **settings: Any) -> Any:
    data = ppgen.data.from_tensors({"x": x}, valid=0.0, test=0.0)
    return ppgen.fit(ppgen.Program(model, guide), data, max_epochs=1, progress=False, **settings)


# Auxiliary sites of the guide -----------------------------------------------------------------------------------------


def auxiliary(mask: bool) -> Any:
    def guide(x: Tensor, size: int) -> None:
        with pyro.plate("data", size, subsample=torch.arange(len(x))):
            with pyro.poutine.mask(mask=mask):
                u = pyro.sample("u", dist.Normal(torch.zeros(len(x)), 20.0), infer={"is_auxiliary": True})
            pyro.sample("z", dist.Normal(x / 2 + 0.01 * u / 20, 0.7))

    return guide


def test_an_auxiliary_site_without_a_density_in_the_model_is_refused():
    with pytest.raises(DeclarationError, match="auxiliary site 'u' has no density in the model") as caught:
        fitted(normal, auxiliary(True))
    assert "mask=False" in caught.value.fix


def test_one_whose_density_does_not_count_leaves_a_bound():
    fit = fitted(normal, auxiliary(False))
    exact = dist.Normal(0.0, 2**0.5).log_prob(X).mean().item()
    bound = fit.elbo({"x": X}, num_particles=200)
    assert bound.value == pytest.approx(exact, abs=0.02)
    assert fit.log_prob({"x": X}, num_particles=500).value == pytest.approx(exact, abs=0.02)


def test_one_that_the_model_draws_too_is_a_latent():
    def model(x: Tensor, size: int) -> None:
        with pyro.plate("data", size, subsample=torch.arange(len(x))):
            z = pyro.sample("z", dist.Normal(0.0, 1.0))
            pyro.sample("u", dist.Normal(z, 20.0))
            pyro.sample("x", dist.Normal(z, 1.0), obs=x)

    bound = fitted(model, auxiliary(True)).elbo({"x": X}, num_particles=200)
    assert bound.value == pytest.approx(dist.Normal(0.0, 2**0.5).log_prob(X).mean().item(), abs=0.02)


def globally(x: Tensor, size: int) -> None:
    scale = pyro.sample("scale", dist.LogNormal(0.0, 1.0))
    weights = pyro.sample("weights", dist.Dirichlet(torch.ones(3)))
    with pyro.plate("data", size, subsample=torch.arange(len(x))):
        pyro.sample("x", dist.Normal(weights[0], scale), obs=x)


@pytest.mark.parametrize("kind", [autoguide.AutoNormal, autoguide.AutoMultivariateNormal])
def test_guides_of_pyro_hand_their_numbers_on(kind: Any):
    assert fitted(globally, kind(globally)).elbo({"x": X}).kind == "lower bound"


def test_a_list_of_guides_with_a_point_among_them_is_a_point():
    guides = autoguide.AutoGuideList(globally)
    guides.append(autoguide.AutoDelta(pyro.poutine.block(globally, expose=["weights"])))
    guides.append(autoguide.AutoNormal(pyro.poutine.block(globally, expose=["scale"])))
    fit = fitted(globally, guides)
    with pytest.raises(Unanswerable, match="the guide is a point"):
        fit.elbo({"x": X})
    assert "elbo" not in fit.history[-1]["train"]


# Factors --------------------------------------------------------------------------------------------------------------


def with_factor(x: Tensor, size: int) -> None:
    penalty = pyro.param("penalty", torch.tensor(1.0))
    loc = pyro.param("loc", torch.tensor(0.4))
    with pyro.plate("data", size, subsample=torch.arange(len(x))):
        z = pyro.sample("z", dist.Normal(loc * x, 0.7))
        pyro.factor("aux", (penalty - 3) ** 2 + z**2, has_rsample=True)


def _gradients(value: Tensor, program: ppgen.Program) -> dict[str, Tensor]:
    named = dict(program.guide.named_parameters())
    return dict(zip(named, torch.autograd.grad(value, list(named.values())), strict=True))


@pytest.mark.parametrize("size", [6, 60])
def test_a_factor_of_the_guide_is_trained_as_pyro_trains_it(size: int):
    program = ppgen.Program(normal, with_factor).setup({"x": X}, size)
    torch.manual_seed(1)
    objective = ppgen.ELBO(closed_form=False)
    state = objective.setup(program.model, program.guide, {"x": X})
    loss = objective.loss(state, "elbo", objective.step(state, {"x": X}, size))
    torch.manual_seed(1)
    wanted = Trace_ELBO().differentiable_loss(program.model, program.guide, {"x": X}, size) / size
    torch.testing.assert_close(loss.value, wanted, rtol=1e-10, atol=0)
    torch.testing.assert_close(_gradients(loss.value, program), _gradients(wanted, program), rtol=1e-10, atol=0)
    torch.manual_seed(1)
    plain = elbo_parts(program.model, ppgen.Program(normal, follow).setup({"x": X}).guide, {"x": X}, size)
    assert set(loss.record) == {"rate/z", "distortion", "elbo", "added/aux"}
    assert plain.added == {}
    assert loss.record["elbo"] - loss.record["added/aux"] == pytest.approx(-loss.value.item())


def test_the_bound_is_without_the_factor():
    with_and_without = [fitted(normal, guide, learning_rate=1e-9) for guide in (with_factor, follow)]
    values = [fit.elbo({"x": X}, 3).value for fit in with_and_without]
    assert values[0] == pytest.approx(values[1], abs=1e-6)


@pytest.mark.parametrize(
    "objective", [ppgen.IWAE(2), ppgen.IWAE(2, gradient="dreg"), ppgen.ELBO(gradient="stl")], ids=lambda o: o.name
)
def test_objectives_that_would_drop_a_factor_refuse_it(objective: Any):
    with pytest.raises(SettingError, match=r"no place for pyro\.factor 'aux'"):
        fitted(normal, with_factor, objective=objective)


def test_a_factor_beside_deltas_is_refused():
    def guide(x: Tensor, size: int) -> None:
        with pyro.plate("data", size, subsample=torch.arange(len(x))):
            u = pyro.sample("u", dist.Normal(x / 2, 1.0), infer={"is_auxiliary": True})
            pyro.sample("z", dist.Delta(2 * u))
            pyro.factor("jacobian", torch.full_like(u, -math.log(2)), has_rsample=True)

    with pytest.raises(DeclarationError, match="'jacobian' may be a part of the guide's density"):
        fitted(normal, guide)


def test_an_observed_site_of_the_guide_is_refused():
    def guide(x: Tensor, size: int) -> None:
        with pyro.plate("data", size, subsample=torch.arange(len(x))):
            pyro.sample("z", dist.Normal(x, 1.0))
            pyro.sample("label", dist.Normal(0.0, 1.0), obs=x)

    with pytest.raises(DeclarationError, match="the guide observes 'label'"):
        fitted(normal, guide)


def test_a_factor_of_the_model_leaves_no_density_and_no_draws():
    def energy(x: Tensor) -> None:
        at = pyro.param("at", torch.tensor(1.0))
        with pyro.plate("data", len(x)):
            pyro.factor("energy", 50 - 0.1 * (x - at) ** 2)

    fit = fitted(energy)
    for ask in (fit.log_prob, fit.elbo, fit.log_prob_per_datum):
        with pytest.raises(Unanswerable, match="not normalised"):
            ask({"x": X})
    with pytest.raises(Unanswerable, match="no sampling"):
        fit.sample(3)
    assert set(fit.history[-1]["train"]) == {"loss", "unnormalised_log_prob"}


def test_a_factor_of_a_model_with_latents_is_trained_and_no_bound():
    def model(x: Tensor, size: int) -> None:
        with pyro.plate("data", size, subsample=torch.arange(len(x))):
            z = pyro.sample("z", dist.Normal(0.0, 1.0))
            pyro.factor("x", dist.Normal(z, 1.0).log_prob(x))

    fit, plain = fitted(model, follow), fitted(normal, follow)
    assert fit.history[-1]["train"]["unnormalised_elbo"] == plain.history[-1]["train"]["elbo"]
    with pytest.raises(Unanswerable, match="not normalised"):
        fit.elbo({"x": X})


# Scales ---------------------------------------------------------------------------------------------------------------


def scaled(program: Any) -> Any:
    return pyro.poutine.scale(program, scale=0.1)


def shared(x: Tensor, size: int) -> None:
    with pyro.poutine.scale(scale=0.01):
        mu = pyro.sample("mu", dist.Normal(0.0, 1.0))
    with pyro.plate("data", size, subsample=torch.arange(len(x))):
        pyro.sample("x", dist.Normal(mu, 1.0), obs=x)


def shared_guide(x: Tensor, size: int) -> None:
    with pyro.poutine.scale(scale=0.01):
        pyro.sample("mu", dist.Normal(pyro.param("loc", torch.tensor(0.3)), 0.4))


@pytest.mark.parametrize("size", [6, 60])
@pytest.mark.parametrize(("model", "guide"), [(scaled(normal), scaled(follow)), (shared, shared_guide)])
def test_a_scale_weighs_the_loss_and_not_the_bound(model: Any, guide: Any, size: int):
    program = ppgen.Program(model, guide).setup({"x": X}, size)
    torch.manual_seed(1)
    parts = elbo_parts(program.model, program.guide, {"x": X}, size, closed_form=False)
    torch.manual_seed(1)
    wanted = Trace_ELBO().differentiable_loss(program.model, program.guide, {"x": X}, size) / size
    torch.testing.assert_close(parts.loss, wanted, rtol=1e-10, atol=0)

    draws = {name: draw.value for name, draw in parts.trace.latents.items()}
    log_p = dist.Normal(draws.get("z", draws.get("mu")), 1.0).log_prob(X).sum() * size / 6
    (name, draw), factor = next(iter(draws.items())), 1 if "mu" in draws else size / 6
    q = dist.Normal(0.3, 0.4) if name == "mu" else dist.Normal(0.4 * X, 0.7)
    kl = (q.log_prob(draw) - dist.Normal(0.0, 1.0).log_prob(draw)).sum() * factor
    torch.testing.assert_close(parts.record()["elbo"], ((log_p - kl) / size).detach(), rtol=1e-10, atol=0)


@pytest.mark.parametrize(("model", "guide"), [(scaled(normal), scaled(follow)), (shared, shared_guide)])
def test_history_and_the_fit_agree_on_the_bound(model: Any, guide: Any):
    fit = fitted(model, guide, objective=ppgen.ELBO(num_particles=500), learning_rate=1e-9)
    assert fit.history[-1]["train"]["elbo"] == pytest.approx(fit.elbo({"x": X}, 1000).value, abs=0.05)


def test_the_shared_bound_lies_below_the_exact_density():
    fit = fitted(shared, shared_guide)
    exact = dist.MultivariateNormal(torch.zeros(6), torch.eye(6) + 1).log_prob(X).item() / 6
    assert fit.elbo({"x": X}, 200).value < exact


def test_a_scaled_likelihood_has_its_own_density_in_history():
    def model(x: Tensor) -> None:
        with pyro.plate("data", len(x)), pyro.poutine.scale(scale=0.1):
            pyro.sample("x", dist.Normal(pyro.param("at", torch.tensor(0.0)), 1.0), obs=x)

    train = fitted(model, learning_rate=1e-9).history[-1]["train"]
    exact = dist.Normal(0.0, 1.0).log_prob(X).mean().item()
    assert train["log_prob"] == pytest.approx(exact)
    assert train["loss"] == pytest.approx(-exact / 10)


def test_weighted_draws_have_no_place_for_a_scale():
    with pytest.raises(SettingError, match=r"no place for poutine\.scale"):
        fitted(scaled(normal), scaled(follow), objective=ppgen.IWAE(2))


# Plates ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [1, 6])
def test_a_plate_of_as_many_elements_as_rows_is_not_one_over_the_data(rows: int):
    def mixture(x: Tensor, size: int) -> None:
        with pyro.plate("components", rows):
            loc = pyro.sample("loc", dist.Normal(0.0, 10.0))
        with pyro.plate("rows", size, subsample=torch.arange(len(x))):
            components = dist.Normal(loc.expand(len(x), rows), 0.5)
            pyro.sample("x", dist.MixtureSameFamily(dist.Categorical(torch.ones(len(x), rows)), components), obs=x)

    def guide(x: Tensor) -> None:
        with pyro.plate("components", rows):
            pyro.sample("loc", dist.Normal(torch.linspace(-2, 2, rows), 0.1))

    program = ppgen.Program(mixture, guide).setup({"x": X[:rows]})
    assert {name: site.local for name, site in program.model.sites.items()} == {"loc": False, "x": True}
    parts = elbo_parts(program.model, program.guide, {"x": X[:rows]}, rows)
    assert data_frame(parts.trace.latents["loc"], rows) is None
    assert data_frame(parts.trace.observed["x"], rows).name == "rows"
