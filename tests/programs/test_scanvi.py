"""Pyro's scANVI (Xu et al., 2021): scaled sites, a zero-inflated likelihood, a factor in the guide that classifies."""

from __future__ import annotations

from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro import poutine
from pyro.distributions import constraints
from pyro.infer import Trace_ELBO, TraceEnum_ELBO, config_enumerate
from torch import Tensor, nn

import ppgen
from ppgen.errors import SettingError
from ppgen.objectives import PyroELBO
from ppgen.training.choices import choose_objective
from tests.oracles.pyro_svi import bound_is_that_of_pyro, loss_is_that_of_pyro

pytestmark = pytest.mark.usefixtures("float64")

GENES, LABELS, LATENTS, HIDDEN = 6, 3, 2, 5


def network(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, outputs))


def beside(first: Tensor, second: Tensor) -> Tensor:
    """Joined along the last dimension, whatever is enumerated to the left."""
    shape = torch.broadcast_shapes(first.shape[:-1], second.shape[:-1])
    return torch.cat([first.expand(*shape, -1), second.expand(*shape, -1)], -1)


class SCANVI(nn.Module):
    def __init__(self, has_rsample: bool = False) -> None:
        super().__init__()
        self.scale_factor, self.alpha, self.epsilon, self.has_rsample = 1.0 / GENES, 2.0, 0.006, has_rsample
        self.z2_decoder, self.x_decoder = network(LATENTS + LABELS, 2 * LATENTS), network(LATENTS, 2 * GENES)
        self.z2l_encoder, self.classifier = network(GENES, 2 * LATENTS + 2), network(LATENTS, LABELS)
        self.z1_encoder = network(LATENTS + LABELS, 2 * LATENTS)

    def model(self, x: Tensor, y: Tensor | None = None) -> None:
        pyro.module("scanvi", self)
        theta = pyro.param("inverse_dispersion", 10.0 * x.new_ones(GENES), constraint=constraints.positive)
        with pyro.plate("batch", len(x)), poutine.scale(scale=self.scale_factor):
            z1 = pyro.sample("z1", dist.Normal(0, x.new_ones(LATENTS)).to_event(1))
            y = pyro.sample("y", dist.OneHotCategorical(logits=x.new_zeros(LABELS)), obs=y)
            z2_loc, z2_raw = self.z2_decoder(beside(z1, y)).chunk(2, -1)
            z2 = pyro.sample("z2", dist.Normal(z2_loc, z2_raw.exp()).to_event(1))
            size = pyro.sample("l", dist.LogNormal(3.0, 0.4 * x.new_ones(1)).to_event(1))
            gate_logits, mu = self.x_decoder(z2).chunk(2, -1)
            nb_logits = (size * torch.softmax(mu, -1) + self.epsilon).log() - (theta + self.epsilon).log()
            counts: Any = dist.ZeroInflatedNegativeBinomial(
                gate_logits=gate_logits, total_count=theta, logits=nb_logits, validate_args=False
            )
            pyro.sample("x", counts.to_event(1), obs=x)

    def guide(self, x: Tensor, y: Tensor | None = None) -> None:
        pyro.module("scanvi", self)
        with pyro.plate("batch", len(x)), poutine.scale(scale=self.scale_factor):
            z2_loc, z2_raw, l_loc, l_raw = self.z2l_encoder(torch.log1p(x)).split([LATENTS, LATENTS, 1, 1], -1)
            pyro.sample("l", dist.LogNormal(l_loc, l_raw.exp()).to_event(1))
            z2 = pyro.sample("z2", dist.Normal(z2_loc, z2_raw.exp()).to_event(1))
            y_dist = dist.OneHotCategorical(logits=self.classifier(z2))
            if y is None:
                y = pyro.sample("y", y_dist)
            else:
                classification_loss = -y_dist.log_prob(y)
                pyro.factor("classification_loss", self.alpha * classification_loss, has_rsample=self.has_rsample)
            z1_loc, z1_raw = self.z1_encoder(beside(z2, y)).chunk(2, -1)
            pyro.sample("z1", dist.Normal(z1_loc, z1_raw.exp()).to_event(1))


def cells(rows: int = 30, *, labelled: bool = True) -> dict[str, Tensor]:
    kinds = torch.arange(rows) % LABELS
    x = torch.poisson(torch.tensor([[1.0, 4.0, 2.0], [3.0, 1.0, 5.0]]).repeat(GENES // 2, 1).T[kinds])
    return {"x": x, "y": nn.functional.one_hot(kinds, LABELS).to(x.dtype)} if labelled else {"x": x}


def test_labelled_cells_train_as_by_pyro() -> None:
    """Where the factor is said to be differentiable; if not, Pyro takes it for a density of something drawn."""
    net = SCANVI(has_rsample=True)
    loss_is_that_of_pyro((net.model, net.guide), net, cells(8), ppgen.ELBO(closed_form=False), Trace_ELBO())


def test_a_factor_by_its_score_is_trained_as_by_pyro() -> None:
    """``has_rsample=False``, as in Pyro's example: by its own estimator, which is taken unasked, or not at all."""
    net = SCANVI()
    loss_is_that_of_pyro((net.model, net.guide), net, cells(8), PyroELBO(), Trace_ELBO())
    program = ppgen.Program(net.model, net.guide).setup(cells(8))
    assert choose_objective(program.model, program.guide, None) == PyroELBO()
    assert choose_objective(program.model, program.guide, ppgen.ELBO(num_particles=3)) == PyroELBO(num_particles=3)
    with pytest.raises(SettingError, match=r"pyro.factor\('classification_loss', ..., has_rsample=False\)"):
        choose_objective(program.model, program.guide, ppgen.ELBO(beta=2.0))
    net.has_rsample = True
    program = ppgen.Program(net.model, net.guide).setup(cells(8))
    assert choose_objective(program.model, program.guide, None) == ppgen.ELBO()


def test_unlabelled_cells_train_as_by_enumeration() -> None:
    net = SCANVI()
    pair = net.model, config_enumerate(net.guide)
    loss_is_that_of_pyro(pair, net, cells(8, labelled=False), PyroELBO(), TraceEnum_ELBO(max_plate_nesting=1))


@pytest.mark.parametrize("labelled", [True, False])
def test_the_bound_has_neither_scale_nor_factor(labelled: bool) -> None:
    """Of a pair that is trained with both, Pyro's ELBO once they are taken off."""
    net = SCANVI()
    program = ppgen.Program(net.model, net.guide if labelled else config_enumerate(net.guide))
    fit = ppgen.fit(program, cells(labelled=labelled), batch_size=16, max_epochs=2, progress=False)
    net.scale_factor, net.alpha = 1.0, 0.0
    bound_is_that_of_pyro(fit, Trace_ELBO() if labelled else TraceEnum_ELBO(max_plate_nesting=1))
    assert fit.encode()["z2"].shape[-1] == LATENTS
    assert ("y" in fit.encode()) == (not labelled)
