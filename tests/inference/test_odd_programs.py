"""Legal programs of odd kinds, against closed forms, enumeration, or the same program written plainly.

A code z ~ Normal(0, 1) handed on by a Delta, y = 2 z, and x ~ Normal(y, 1): log p(x) is that of Normal(0, 5). A chain
of bits has 2^4 paths. A mean over subsamples of a plate is the value on all of it.
"""

from __future__ import annotations

import itertools
from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer import config_enumerate
from pyro.infer.autoguide import AutoNormal
from pyro.infer.reparam import LocScaleReparam
from torch import Tensor

import ppgen
from ppgen.errors import DeclarationError, Unanswerable

X = torch.randn(40, generator=torch.Generator().manual_seed(0))


def fitted(model: Any, guide: Any = None, batch_size: int | None = None, **data: Tensor) -> ppgen.Fit:
    settings: dict[str, Any] = {"max_epochs": 1, "learning_rate": 1e-9, "progress": False}
    return ppgen.fit(ppgen.Program(model, guide), data or {"x": X}, batch_size=batch_size, **settings)


def test_a_delta_of_the_model_is_no_point_of_the_guide() -> None:
    def model(x: Tensor) -> None:
        with pyro.plate("data", len(x)):
            y = pyro.sample("y", dist.Delta(2 * pyro.sample("z", dist.Normal(0.0, 1.0))))
            pyro.sample("x", dist.Normal(y, 1.0), obs=x)

    def guide(x: Tensor) -> None:
        with pyro.plate("data", len(x)):
            pyro.sample("y", dist.Delta(2 * pyro.sample("z", dist.Normal(2 * x / 5, 0.2**0.5))))

    wanted = dist.Normal(0.0, 5**0.5).log_prob(X).mean().item()
    assert fitted(model, guide).elbo({"x": X}).value == pytest.approx(wanted, abs=1e-5)  # the guide is the posterior


def test_a_point_for_a_latent_with_a_density_is_one_still() -> None:
    def model(x: Tensor) -> None:
        with pyro.plate("data", len(x)):
            pyro.sample("x", dist.Normal(pyro.sample("z", dist.Normal(0.0, 1.0)), 1.0), obs=x)

    def guide(x: Tensor) -> None:
        with pyro.plate("data", len(x)):
            pyro.sample("z", dist.Delta(x))

    with pytest.raises(Unanswerable, match="the guide is a point"):
        fitted(model, guide).elbo()


@pytest.mark.parametrize("has_density", [False, True], ids=["at its own point", "with a density of one's own"])
def test_an_observed_delta_is_no_density_of_the_data(has_density: bool) -> None:
    def model(x: Tensor) -> None:
        with pyro.plate("data", len(x)):
            density: Any = x**2 if has_density else 0.0
            pyro.sample("x", dist.Delta(x, log_density=density), obs=x)

    with pytest.raises((Unanswerable, DeclarationError), match=r"is not normalised|neither observed nor latent"):
        fitted(model).log_prob({"x": X})


def varying(x: Tensor) -> None:
    m = pyro.sample("m", dist.Normal(0.0, 1.0))
    with pyro.plate("data", len(x)):
        z = pyro.sample("z", dist.Normal(m, 0.5))
        pyro.sample("x", dist.Normal(z, 1.0), obs=x)


def test_a_reparameterised_latent_is_none_of_the_data_and_is_in_the_posterior() -> None:
    model = pyro.poutine.reparam(varying, config={"z": LocScaleReparam(0.0)})
    fit = fitted(model, AutoNormal(model))
    assert fit.elbo().of == "p(x)"
    draws = fit.posterior(num_draws=5)["posterior"]
    found, noise, mean = (torch.as_tensor(draws[name].values[0]) for name in ("z", "z_decentered", "m"))
    torch.testing.assert_close(found, mean[:, None] + 0.5 * noise)


def shared(subsample_size: int | None) -> Any:
    def model(x: Tensor) -> None:
        w = pyro.sample("w", dist.Normal(0.0, 1.0))
        with pyro.plate("data", len(x), subsample_size=subsample_size) as index:
            pyro.sample("x", dist.Normal(w, 1.0), obs=x[index])

    def guide(x: Tensor) -> None:
        pyro.sample("w", dist.Normal(pyro.param("loc", torch.tensor(0.1)), 0.3))

    return model, guide


def test_a_subsample_of_the_programs_own_has_the_bound_of_all_rows() -> None:
    some, every = fitted(*shared(10)), fitted(*shared(None))
    found, wanted = some.elbo(num_particles=150), every.elbo(num_particles=150)
    assert found.standard_error is not None
    assert wanted.standard_error is not None
    assert abs(found.value - wanted.value) < 4 * (found.standard_error**2 + wanted.standard_error**2) ** 0.5
    assert some.posterior(num_draws=3)["posterior"]["w"].shape == (1, 3)


def test_draws_for_a_subsample_are_no_array() -> None:
    def model(x: Tensor) -> None:
        with pyro.plate("data", len(x), subsample_size=10) as index:
            pyro.sample("x", dist.Normal(pyro.sample("z", dist.Normal(0.0, 1.0)), 1.0), obs=x[index])

    def guide(x: Tensor) -> None:
        with pyro.plate("data", len(x), subsample_size=10) as index:
            pyro.sample("z", dist.Normal(x[index] / 2, 0.7))

    with pytest.raises(Unanswerable, match="'z' for a subsample of its own"):
        fitted(model, guide).posterior(num_draws=3)


def test_latents_of_some_runs_only_are_no_array() -> None:
    def steps(stop: float) -> int:
        taken = 0
        while not pyro.sample(f"stop_{taken}", dist.Bernoulli(stop)):
            taken += 1
        return taken

    def model(x: Tensor) -> None:
        taken = steps(0.5)
        with pyro.plate("data", len(x)):
            pyro.sample("x", dist.Normal(float(taken), 1.0), obs=x)

    fit = fitted(model, lambda x: steps(0.6), x=X[:5])
    with pytest.raises(Unanswerable, match="in some runs only"):
        fit.posterior(num_draws=40)


MOVE, ONE = torch.tensor([[0.8, 0.2], [0.3, 0.7]]), torch.tensor([0.2, 0.9])


def test_a_chain_without_a_parameter_is_summed_out() -> None:
    def model(x: Tensor) -> None:
        with pyro.plate("data", len(x)):
            z: Any = 0
            for t in pyro.markov(range(4)):
                z = pyro.sample(f"z_{t}", dist.Categorical(MOVE[z]), infer={"enumerate": "parallel"})
                pyro.sample(f"x_{t}", dist.Bernoulli(ONE[z]), obs=x[:, t])

    x = torch.bernoulli(torch.full((12, 4), 0.5), generator=torch.Generator().manual_seed(0))
    paths = []
    for path in itertools.product(range(2), repeat=4):
        steps = [MOVE[a, b].log() + dist.Bernoulli(ONE[b]).log_prob(x[:, t]) for t, (a, b) in enumerate(pairs(path))]
        paths.append(torch.stack(steps).sum(0))
    wanted = torch.stack(paths).logsumexp(0).mean().item()
    assert fitted(model, batch_size=4, x=x).elbo({"x": x}).value == pytest.approx(wanted, rel=1e-5)


def pairs(path: tuple[int, ...]) -> list[tuple[int, int]]:
    return list(itertools.pairwise((0, *path)))


def test_a_flat_prior_is_fitted_and_nothing_is_drawn_from_it() -> None:
    """The posterior of the mean of normals under a flat prior is Normal(mean of x, 1 / n)."""

    def model(x: Tensor, size: int) -> None:
        mean = pyro.sample("mean", dist.ImproperUniform(dist.constraints.real, (), ()))
        with pyro.plate("data", size, subsample_size=len(x)):
            pyro.sample("x", dist.Normal(mean, 1.0), obs=x)

    def guide(x: Tensor, size: int) -> None:
        pyro.sample("mean", dist.Normal(pyro.param("loc", torch.tensor(0.0)), 40**-0.5))

    program = ppgen.Program(model, guide)
    fit = ppgen.fit(program, {"x": X + 3}, batch_size=None, max_epochs=200, learning_rate=0.1, progress=False)
    assert abs(fit.guide.params.loc.item() - (X + 3).mean().item()) < 40**-0.5
    with pytest.raises(Unanswerable, match="a prior has no integral"):
        fit.sample(3)


def test_several_draws_of_a_class_in_the_model_are_refused() -> None:
    """Pyro's number is 0.9 nats a datum above log p(x) there."""

    def model(x: Tensor) -> None:
        with pyro.plate("data", len(x)):
            y = pyro.sample("y", dist.Categorical(torch.tensor([0.3, 0.7])))
            pyro.sample("x", dist.Normal(y.float(), 1.0), obs=x)

    with pytest.raises(DeclarationError, match="draws this latent several times"):
        fitted(config_enumerate(model, num_samples=5, expand=True))


def test_one_condition_for_all_rows_is_reconstructed_for_each() -> None:
    def model(x: Tensor) -> None:
        with pyro.plate("data", len(x)):
            z = pyro.sample("z", dist.Normal(0.0, 1.0))
            pyro.sample("y", dist.Normal(z, 1.0))
            pyro.sample("x", dist.Normal(z, 1.0), obs=x)

    def guide(x: Tensor) -> None:
        with pyro.plate("data", len(x)):
            pyro.sample("z", dist.Normal(x / 3, 0.6))

    fit = fitted(pyro.poutine.condition(model, data={"y": torch.tensor(0.0)}), guide)
    found = fit.reconstruct({"x": X})
    torch.testing.assert_close(found["y"], X / 3)


def test_a_column_that_was_computed_on_is_named_as_such() -> None:
    x = torch.randn(40, generator=torch.Generator().manual_seed(0)).exp()

    def fitted(change: Any) -> ppgen.Fit:
        def model(x: Tensor) -> None:
            with pyro.plate("data", len(x)):
                pyro.sample("x", dist.Normal(0.0, 1.0), obs=change(x))

        return ppgen.fit(ppgen.Program(model), x, max_epochs=1, progress=False)

    of_logs = fitted(torch.log).log_prob({"x": x})
    assert (of_logs.of, fitted(torch.clone).log_prob({"x": x}).of) == ("p(f(x))", "p(x)")
    assert abs(of_logs.value - float(dist.Normal(0.0, 1.0).log_prob(x.log()).mean())) < 1e-6
