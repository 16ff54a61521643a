"""Random pairs, hand-written and declared, against Pyro's own Trace_ELBO, on the same draws."""

from __future__ import annotations

from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer import TraceEnum_ELBO
from torch import Tensor

import ppgen
from tests.oracles.losses import loss_of
from tests.oracles.pyro_elbos import flat, gradients
from tests.oracles.random_pairs import fault

pytestmark = pytest.mark.usefixtures("float64")

NUM_PAIRS = {"hand-written": 30, "hand-written, with classes drawn": 10, "declared": 30}


@pytest.mark.parametrize(("kind", "seed"), [(kind, seed) for kind, count in NUM_PAIRS.items() for seed in range(count)])
def test_loss_gradient_history_and_bound_are_pyros(kind: str, seed: int) -> None:
    assert fault(kind, seed) == ""


MEANS = torch.tensor([-2.0, 0.0, 2.0])


def classes(x: Tensor) -> None:
    with pyro.plate("data", len(x)):
        y = pyro.sample("y", dist.Categorical(torch.ones(3) / 3))
        z = pyro.sample("z", dist.Normal(MEANS.to(x.dtype)[y], 1.0))
        pyro.sample("x", dist.Normal(z, 1.0), obs=x)


def class_after_code(x: Tensor, y: Tensor | None = None) -> None:
    """q(z | x) q(y | z), as in scANVI, with an argument of the discrete latent's name."""
    weight, at = pyro.param("weight", 2 * MEANS.double()), pyro.param("at", torch.tensor(0.6))
    with pyro.plate("data", len(x)):
        z = pyro.sample("z", dist.Normal(at * x, 0.8))
        if y is None:
            pyro.sample("y", dist.Categorical(logits=z[:, None] * weight), infer={"enumerate": "parallel"})


def test_a_class_drawn_after_a_code_has_the_gradient_of_its_enumeration() -> None:
    """Score-function gradient against Pyro's sum over all classes, 40000 rows of one datum each."""
    x = torch.full((40000,), 1.3)
    program = ppgen.Program(classes, class_after_code).setup({"x": x[:4]})
    pyro.set_rng_seed(0)
    loss = loss_of(ppgen.ELBO(gradient="score", num_particles=2), program.model, program.guide, {"x": x}, len(x))
    found = flat(gradients(loss.value, program.model, program.guide))
    wanted = TraceEnum_ELBO(max_plate_nesting=1).differentiable_loss(program.model, program.guide, {"x": x}, len(x))
    exact = flat(gradients(wanted / len(x), program.model, program.guide))
    torch.testing.assert_close(found, exact, rtol=0.02, atol=0.02)
    torch.testing.assert_close(loss.value, wanted / len(x), rtol=0.02, atol=0)


def test_and_its_bound_is_no_other_than_pyros() -> None:
    x = torch.linspace(-3, 3, 50)
    data = ppgen.data.from_tensors({"x": x}, valid=0.0, test=0.0)
    settings: dict[str, Any] = {"objective": ppgen.ELBO(gradient="score", num_particles=4), "progress": False}
    fit = ppgen.fit(ppgen.Program(classes, class_after_code), data, max_epochs=2, **settings)
    exact = (dist.Normal(MEANS.double(), 2**0.5).log_prob(x[:, None]).logsumexp(1) - torch.tensor(3.0).log()).mean()
    pyro.set_rng_seed(0)
    with torch.no_grad():
        pyro_elbo = TraceEnum_ELBO(max_plate_nesting=1)
        runs = [pyro_elbo.loss(fit.model, fit.guide, {"x": x}, 50) / 50 for _ in range(400)]
    bound = fit.elbo({"x": x}, 400)
    assert bound.value == pytest.approx(-sum(runs) / 400, abs=0.05)
    assert bound.value < float(exact)
    bounds = [fit.log_prob({"x": x}, 4000, seed=seed).value for seed in range(5)]  # each is 0.01 off by chance
    assert sum(bounds) / 5 == pytest.approx(float(exact), abs=0.02)
