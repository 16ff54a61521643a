"""Pyro's conditional VAE (Sohn et al., 2015): the hidden part of an image given the part that is shown."""

from __future__ import annotations

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer import Trace_ELBO
from torch import Tensor, nn

import ppgen
from ppgen.errors import Unanswerable
from tests.oracles.pyro_svi import bound_is_that_of_pyro, bound_of_pyro, loss_is_that_of_pyro

pytestmark = pytest.mark.usefixtures("float64")

PIXELS, HIDDEN, LATENTS = 8, 5, 2


def network(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, outputs))


class CVAE(nn.Module):
    """``sized`` says how many rows the plate has; the example's plate does not know."""

    def __init__(self, sized: bool) -> None:
        super().__init__()
        self.sized = sized
        self.baseline_net = nn.Sequential(network(PIXELS, PIXELS), nn.Sigmoid())
        self.prior, self.recognition = network(PIXELS, 2 * LATENTS), network(PIXELS, 2 * LATENTS)
        self.generation_net = nn.Sequential(network(LATENTS, PIXELS), nn.Sigmoid())

    def gaussian(self, net: nn.Module, xs: Tensor, ys: Tensor) -> dist.Distribution:
        loc, log_scale = net(torch.where(xs == -1, ys, xs)).chunk(2, -1)
        return dist.Normal(loc, log_scale.exp()).to_event(1)

    def rows(self, xs: Tensor) -> pyro.plate:
        return pyro.plate("data", len(xs)) if self.sized else pyro.plate("data")

    def model(self, xs: Tensor, ys: Tensor) -> Tensor:
        pyro.module("generation_net", self)
        batch_size = xs.shape[0]
        with self.rows(xs):
            with torch.no_grad():
                y_hat = self.baseline_net(xs).view(xs.shape)
            zs = pyro.sample("z", self.gaussian(self.prior, xs, y_hat))
            loc = self.generation_net(zs)
            mask_loc = loc[(xs == -1).view(-1, PIXELS)].view(batch_size, -1)
            mask_ys = ys[xs == -1].view(batch_size, -1)
            pyro.sample("y", dist.Bernoulli(mask_loc, validate_args=False).to_event(1), obs=mask_ys)
            return loc

    def guide(self, xs: Tensor, ys: Tensor) -> None:
        with self.rows(xs):
            pyro.sample("z", self.gaussian(self.recognition, xs, ys))


def quarters(rows: int = 40) -> dict[str, Tensor]:
    ys = torch.bernoulli(torch.full((rows, PIXELS), 0.4))
    xs = ys.clone()
    xs[:, 2:] = -1.0
    return {"xs": xs, "ys": ys}


@pytest.mark.parametrize("sized", [False, True])
def test_it_trains_as_by_pyro(sized: bool) -> None:
    cvae = CVAE(sized)
    objective = ppgen.ELBO(closed_form=False) if sized else ppgen.objectives.PyroELBO()
    loss_is_that_of_pyro((cvae.model, cvae.guide), cvae, quarters(8), objective, Trace_ELBO())


def test_with_the_size_of_its_plate_it_answers_for_each_datum() -> None:
    cvae = CVAE(sized=True)
    fit = ppgen.fit(ppgen.Program(cvae.model, cvae.guide), quarters(), batch_size=16, max_epochs=2, progress=False)
    bound_is_that_of_pyro(fit, Trace_ELBO())
    assert fit.encode().only.shape[-1] == LATENTS


def test_a_plate_without_a_size_is_taken_whole() -> None:
    cvae = CVAE(sized=False)
    fit = ppgen.fit(ppgen.Program(cvae.model, cvae.guide), quarters(), batch_size=None, max_epochs=2, progress=False)
    elbo = fit.elbo(num_particles=3)
    assert elbo.per == "data set"
    assert float(elbo) == pytest.approx(bound_of_pyro(fit, Trace_ELBO(), 3), rel=1e-8)
    with pytest.raises(Unanswerable, match="stands in no plate over the rows"):
        fit.log_prob()
