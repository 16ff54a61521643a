"""A Bayesian neural network of Pyro's tutorial: every weight has a prior, and is drawn whenever it is read."""

from __future__ import annotations

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer import Trace_ELBO
from pyro.infer.autoguide import AutoDiagonalNormal, init_to_value
from pyro.nn import PyroModule, PyroSample
from torch import Tensor, nn

import ppgen
from ppgen.errors import DeclarationError
from tests.oracles.pyro_svi import bound_of_pyro, fitted_as_by_svi

pytestmark = pytest.mark.usefixtures("float64")

HIDDEN = 4


class BNN(PyroModule):
    def __init__(self) -> None:
        super().__init__()
        self.activation = nn.Tanh()
        self.layer1, self.layer2 = PyroModule[nn.Linear](1, HIDDEN), PyroModule[nn.Linear](HIDDEN, 1)
        self.layer1.weight = PyroSample(dist.Normal(0.0, 2.0).expand([HIDDEN, 1]).to_event(2))
        self.layer1.bias = PyroSample(dist.Normal(0.0, 2.0).expand([HIDDEN]).to_event(1))
        self.layer2.weight = PyroSample(dist.Normal(0.0, 2.0).expand([1, HIDDEN]).to_event(2))
        self.layer2.bias = PyroSample(dist.Normal(0.0, 2.0).expand([1]).to_event(1))

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        mu = self.layer2(self.activation(self.layer1(x.reshape(-1, 1)))).squeeze(-1)
        sigma = pyro.sample("sigma", dist.Gamma(0.5, 1.0))
        with pyro.plate("data", x.shape[0]):
            pyro.sample("obs", dist.Normal(mu, sigma), obs=y)
        return mu


START = {
    "layer1.weight": torch.linspace(-1.0, 1.0, HIDDEN)[:, None],
    "layer1.bias": torch.linspace(-0.5, 0.5, HIDDEN),
    "layer2.weight": torch.linspace(1.0, 0.1, HIDDEN)[None],
    "layer2.bias": torch.zeros(1),
    "sigma": torch.tensor(0.5),
}


def automatic(model: BNN) -> AutoDiagonalNormal:
    start = {name: value.double() for name, value in START.items()}
    return AutoDiagonalNormal(model, init_loc_fn=init_to_value(values=start))


def curve() -> dict[str, Tensor]:
    x = torch.linspace(-1.0, 1.0, 20)
    return {"x": x, "y": (3 * x).sin() + 0.1 * torch.randn(20)}


def test_at_full_batch_it_trains_as_by_svi() -> None:
    model = BNN()
    fit = fitted_as_by_svi(model, lambda: automatic(model), curve(), Trace_ELBO())
    elbo = fit.elbo(num_particles=3)
    assert float(elbo) == pytest.approx(bound_of_pyro(fit, Trace_ELBO(), 3), rel=1e-8)
    assert fit.posterior(num_draws=5).posterior["layer1.weight"].shape == (1, 5, HIDDEN, 1)


def test_minibatches_of_a_plate_that_does_not_know_all_rows_are_refused_with_the_way_to_go() -> None:
    model = BNN()
    with pytest.raises(DeclarationError, match=r"batch_size=None"):
        ppgen.fit(ppgen.Program(model, automatic(model)), curve(), batch_size=8, max_epochs=1, progress=False)
