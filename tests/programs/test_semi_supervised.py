"""The semi-supervised VAE M2 (Kingma et al., 2014) whose guide asks to have its classes enumerated."""

from __future__ import annotations

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer import TraceEnum_ELBO, config_enumerate
from torch import Tensor, nn
from torch.nn.functional import one_hot

import ppgen
from ppgen.objectives import PyroELBO
from ppgen.training.choices import choose_objective
from tests.oracles.losses import loss_of

pytestmark = pytest.mark.usefixtures("float64")

CLASSES, LATENTS, PIXELS = 3, 2, 5


class M2(nn.Module):
    """Pyro's example: networks that are run on every class at once."""

    def __init__(self) -> None:
        super().__init__()
        self.classify, self.encode = nn.Linear(PIXELS, CLASSES), nn.Linear(PIXELS + CLASSES, 2 * LATENTS)
        self.decode = nn.Linear(LATENTS + CLASSES, PIXELS)

    def model(self, x: Tensor, size: int) -> None:
        pyro.module("m2", self)
        with pyro.plate("data", size, subsample_size=len(x)):
            z = pyro.sample("z", dist.Normal(torch.zeros(LATENTS), 1.0).to_event(1))
            y = pyro.sample("y", dist.Categorical(torch.ones(CLASSES) / CLASSES))
            logits = self.decode(joined(z, y))
            pyro.sample("x", dist.Bernoulli(logits=logits).to_event(1), obs=x)

    def guide(self, x: Tensor, size: int) -> None:
        with pyro.plate("data", size, subsample_size=len(x)):
            y = pyro.sample("y", dist.Categorical(logits=self.classify(x)))
            loc, raw = self.encode(joined(x, y)).chunk(2, -1)
            pyro.sample("z", dist.Normal(loc, raw.exp()).to_event(1))


def joined(first: Tensor, y: Tensor) -> Tensor:
    second = one_hot(y, CLASSES).to(first.dtype)
    shape = torch.broadcast_shapes(first.shape[:-1], second.shape[:-1])
    return torch.cat([first.expand(*shape, -1), second.expand(*shape, -1)], -1)


@pytest.mark.parametrize("size", [6, 60])
def test_classes_that_the_guide_enumerates_train_as_by_trace_enum_elbo(size: int) -> None:
    m2, batch = M2(), {"x": torch.bernoulli(torch.full((6, PIXELS), 0.5))}
    program = ppgen.Program(m2.model, config_enumerate(m2.guide)).setup(batch)
    objective = choose_objective(program.model, program.guide, ppgen.ELBO(num_particles=2))
    assert objective == PyroELBO(num_particles=2)
    estimator = TraceEnum_ELBO(max_plate_nesting=1, num_particles=2)
    pyro.set_rng_seed(0)
    reference = estimator.differentiable_loss(program.model, program.guide, batch, size) / size
    pyro.set_rng_seed(0)
    loss = loss_of(objective, program.model, program.guide, batch, size)
    assert loss.value.item() == pytest.approx(reference.item(), rel=1e-8)
    parameters = list(m2.parameters())
    for found, wanted in zip(
        *(torch.autograd.grad(value, parameters) for value in (loss.value, reference)), strict=True
    ):
        assert torch.allclose(found, wanted, rtol=1e-8, atol=1e-12)


def test_what_the_guide_enumerates_it_draws_too() -> None:
    """Another gradient stays the user's choice, and all questions have their answers for each datum."""
    m2, x = M2(), torch.bernoulli(torch.full((60, PIXELS), 0.5))
    program = ppgen.Program(m2.model, config_enumerate(m2.guide)).setup({"x": x})
    mixed = ppgen.ELBO(gradient="mixed", num_particles=2)
    assert choose_objective(program.model, program.guide, mixed) is mixed
    fit = ppgen.fit(program, {"x": x}, batch_size=16, max_epochs=2, progress=False, device="cpu")
    assert fit.elbo().per == "datum"
    assert float(fit.log_prob(num_particles=200)) >= float(fit.elbo(num_particles=200)) - 0.05
