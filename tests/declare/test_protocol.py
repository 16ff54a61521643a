"""What models and guides answer about themselves, declared and hand-written alike."""

from __future__ import annotations

import math
from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from torch import Tensor

from ppgen.declare import Guide, Model, Program, PyroProgram, latent, observed, without_latents
from ppgen.errors import DeclarationError
from ppgen.guides import MeanField, Refined
from ppgen.inference.importance import log_prob


class Mixture(Model):
    """Of everything: a global latent, a class, a code, a covariate and a further plate."""

    @latent(local=False)
    def w(self) -> Any:
        return dist.Normal(0.0, 1.0)

    @latent
    def y(self, group: Tensor) -> Any:
        return dist.Categorical(torch.ones(len(group), 1, 3))

    @latent
    def z(self, y: Tensor, w: Tensor) -> Any:
        return dist.Normal((w + y).unsqueeze(-1).expand(-1, -1, 2), 1.0).to_event(1)

    @observed(plate="views")
    def x(self, z: Tensor) -> Any:
        return dist.Normal(z.expand(-1, 4, 2), 1.0).to_event(1)


BATCH = {"x": torch.zeros(5, 4, 2), "group": torch.zeros(5)}


class Written(Guide):
    @latent
    def z(self, x: Tensor) -> Any:
        return dist.Normal(x, 1.0)


def model(x: Tensor, size: int, scale: float = 1.0) -> None:
    w = pyro.sample("w", dist.Normal(0.0, 1.0))
    with pyro.plate("data", size, subsample_size=len(x)):
        y = pyro.sample("y", dist.Bernoulli(0.5))
        pyro.sample("x", dist.Normal(w + y, scale), obs=x)


def guide(x: Tensor) -> None:
    pyro.sample("w", dist.Normal(0.0, 1.0))
    with pyro.plate("data", len(x)):
        pyro.sample("y", dist.Bernoulli(0.5))


def programs() -> dict[str, Any]:
    declared, pair = Mixture(), Program(model, guide).setup({"x": torch.zeros(7)})
    derived = MeanField(declared).setup(BATCH)
    return {
        "model": (declared, ["w", "y", "z", "x"], ("group",), ("views",), True),
        "derived": (derived, ["y", "w", "z"], ("x", "group"), ("views",), True),
        "refined": (Refined(derived), ["y", "w", "z"], ("x", "group"), ("views",), True),
        "not set up": (MeanField(declared), ["w", "y", "z"], ("x", "group"), ("views",), True),
        "written": (Written(), ["z"], ("x",), (), True),
        "model function": (pair.model, ["w", "y", "x"], ("scale",), (), False),
        "guide function": (pair.guide, ["w", "y"], ("x",), (), False),
    }


@pytest.mark.parametrize("name", list(programs()))
def test_every_program_answers(name: str) -> None:
    program, sites, covariates, plates, is_declared = programs()[name]
    assert isinstance(program, PyroProgram)
    assert list(program.sites) == sites
    assert program.covariates == covariates
    assert program.plates == plates
    assert not program.is_implicit
    assert program.is_declared == is_declared


def test_sites_say_what_a_run_has_shown() -> None:
    def told(program: Any) -> dict[str, Any]:
        return {name: (s.event_shape, s.num_values, s.is_discrete, s.local) for name, s in program.sites.items()}

    answers = {name: program for name, (program, *_) in programs().items()}
    assert told(answers["model"])["y"] == (None, None, None, True)
    assert told(answers["derived"]) == {
        "w": ((), 0, False, False),
        "y": ((), 3, True, True),
        "z": ((2,), 0, False, True),
    }
    assert told(answers["model function"]) == {
        "w": ((), 0, False, False),
        "y": ((), 2, True, True),
        "x": ((), 0, False, True),
    }


def test_a_batch_holds_values_of_declared_sites_and_arguments_of_functions() -> None:
    batch = {"x": torch.zeros(7), "y": torch.zeros(7)}
    pair = Program(model, guide).setup(batch)
    assert list(without_latents(pair.model, batch)) == ["x", "y"]
    assert list(without_latents(Mixture(), batch)) == ["x"]


@pytest.mark.parametrize("name", ["sites", "covariates", "plates", "is_implicit", "is_declared"])
def test_no_attribute_hides_an_answer(name: str) -> None:
    with pytest.raises(DeclarationError, match=rf"Mixture.{name}: an attribute would hide"):
        setattr(Mixture(), name, ())


def test_a_function_that_draws_a_class_is_not_summed_out_and_its_bound_is_one() -> None:
    """A hand-written guide takes no value from the batch: rows for each class would count every class twice."""
    x = torch.tensor([0.3, -1.0, 2.0])

    def mixture(x: Tensor) -> None:
        with pyro.plate("data", len(x)):
            y = pyro.sample("y", dist.Bernoulli(0.5))
            pyro.sample("x", dist.Normal(y, 1.0), obs=x)

    def posterior(x: Tensor) -> None:
        with pyro.plate("data", len(x)):
            pyro.sample("y", dist.Bernoulli(logits=x - 0.5))

    pair = Program(mixture, posterior).setup({"x": x})
    joint = torch.stack([dist.Normal(mean, 1.0).log_prob(x) + math.log(0.5) for mean in (0.0, 1.0)])
    found = log_prob(pair.model, pair.guide, {"x": x}, 3, seed=0)
    torch.testing.assert_close(found, joint.logsumexp(0).double())  # at the exact posterior every weight is p(x)
