from __future__ import annotations

from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from torch import Tensor

import ppgen
from ppgen.declare import Model, observed
from ppgen.errors import Unanswerable
from ppgen.fitting.prior import covariates, placeholders
from ppgen.models import ConditionalVAE

DATA = ppgen.data.from_tensors({"x": torch.randn(30, 3), "y": torch.arange(30) % 3})


def test_covariates_of_a_declared_model_are_parents_that_are_no_sites() -> None:
    class Told(Model):
        @observed
        def x(self, y: Tensor, strength: Any = 1.0) -> Any:
            return dist.Normal(y, strength)

    assert covariates(Told(), DATA) == (["y"], ["y", "strength"])
    assert covariates(ConditionalVAE((1, 8, 8)), DATA) == (["y"], ["y"])
    assert placeholders(Told(), DATA, 4) == {}


def program(conditional: bool) -> ppgen.Program:
    def told(x: Tensor, y: Tensor) -> None:
        with pyro.plate("data", len(x)):
            pyro.sample("x", dist.Normal(10.0 * y.unsqueeze(-1), 1.0).expand([len(x), 3]).to_event(1), obs=x)

    def free(x: Tensor) -> None:
        with pyro.plate("data", len(x)):
            z = pyro.sample("z", dist.Normal(0.0, 1.0))
            pyro.sample("x", dist.Normal(z.unsqueeze(-1), 0.1).expand([len(x), 3]).to_event(1), obs=x)

    def guide(x: Tensor) -> None:
        with pyro.plate("data", len(x)):
            pyro.sample("z", dist.Normal(x.mean(-1), pyro.param("s", torch.tensor(0.1), dist.constraints.positive)))

    return ppgen.Program(told) if conditional else ppgen.Program(free, guide)


def test_a_hand_written_program_is_drawn_from_too() -> None:
    """Its function wants an x: it gets one, and what it says of it is drawn anew."""
    data = ppgen.data.from_tensors(torch.randn(40, 3))
    fit = ppgen.fit(program(conditional=False), data=data, max_epochs=1, progress=False)
    drawn = fit.sample(2000)
    assert drawn.shape == (2000, 3)
    assert abs(drawn.std() - 1.005) < 0.05
    assert torch.corrcoef(drawn.T)[0, 1] > 0.95
    assert fit.encode().shape == (4,)
    assert fit.reconstruct().shape == (4, 3)


def test_columns_that_a_program_does_not_take_are_no_matter_of_its() -> None:
    made = program(conditional=False)
    made.setup({"x": torch.zeros(3, 3)})
    assert covariates(made.model, DATA) == ([], [])


def test_other_arguments_of_a_program_are_covariates() -> None:
    made = program(conditional=True)
    fit = ppgen.fit(made, data=DATA, max_epochs=1, progress=False)
    assert covariates(made.model, DATA) == (["y"], ["y"])
    assert set(placeholders(made.model, DATA, 4)) == {"x"}
    torch.testing.assert_close(fit.sample(900, y=2).mean(0), torch.full((3,), 20.0), rtol=0, atol=0.2)
    with pytest.raises(Unanswerable, match="conditional on y"):
        fit.sample(4)
