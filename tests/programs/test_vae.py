"""Pyro's variational autoencoder, and that of its comparison of estimators: networks announced by `pyro.module`."""

from __future__ import annotations

from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer import Trace_ELBO, TraceMeanField_ELBO
from torch import Tensor, nn

import ppgen
from tests.oracles.pyro_svi import bound_is_that_of_pyro, loss_is_that_of_pyro

pytestmark = pytest.mark.usefixtures("float64")

PIXELS, LATENTS, HIDDEN = 16, 2, 8


class Decoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc21 = nn.Linear(LATENTS, HIDDEN), nn.Linear(HIDDEN, PIXELS)
        self.softplus, self.sigmoid = nn.Softplus(), nn.Sigmoid()

    def forward(self, z: Tensor) -> Tensor:
        return self.sigmoid(self.fc21(self.softplus(self.fc1(z))))


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(PIXELS, HIDDEN)
        self.fc21, self.fc22 = nn.Linear(HIDDEN, LATENTS), nn.Linear(HIDDEN, LATENTS)
        self.softplus = nn.Softplus()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.softplus(self.fc1(x.reshape(-1, PIXELS)))
        return self.fc21(hidden), torch.exp(self.fc22(hidden))


class VAE(nn.Module):
    """Of ``examples/vae/vae.py``."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = Encoder(), Decoder()

    def model(self, x: Tensor) -> Tensor:
        pyro.module("decoder", self.decoder)
        with pyro.plate("data", x.shape[0]):
            z_loc = torch.zeros(x.shape[0], LATENTS, dtype=x.dtype, device=x.device)
            z_scale = torch.ones(x.shape[0], LATENTS, dtype=x.dtype, device=x.device)
            z = pyro.sample("latent", dist.Normal(z_loc, z_scale).to_event(1))
            loc_img = self.decoder.forward(z)
            bits = dist.Bernoulli(loc_img, validate_args=False).to_event(1)
            pyro.sample("obs", bits, obs=x.reshape(-1, PIXELS))
            return loc_img

    def guide(self, x: Tensor) -> None:
        pyro.module("encoder", self.encoder)
        with pyro.plate("data", x.shape[0]):
            z_loc, z_scale = self.encoder.forward(x)
            pyro.sample("latent", dist.Normal(z_loc, z_scale).to_event(1))


class Compared:
    """Of ``examples/vae/vae_comparison.py``: no module, and networks that `pyro.module` hands back."""

    def __init__(self) -> None:
        self.vae_encoder, self.vae_decoder = Encoder(), Decoder()

    def model(self, data: Tensor) -> None:
        decoder: Any = pyro.module("decoder", self.vae_decoder)
        z_mean, z_std = torch.zeros([data.size(0), LATENTS]), torch.ones([data.size(0), LATENTS])
        with pyro.plate("data", data.size(0)):
            z = pyro.sample("latent", dist.Normal(z_mean, z_std).to_event(1))
            img = decoder(z)
            bits = dist.Bernoulli(img, validate_args=False).to_event(1)
            pyro.sample("obs", bits, obs=data.reshape(-1, PIXELS))

    def guide(self, data: Tensor) -> None:
        encoder: Any = pyro.module("encoder", self.vae_encoder)
        with pyro.plate("data", data.size(0)):
            z_mean, z_var = encoder(data)
            pyro.sample("latent", dist.Normal(z_mean, z_var.sqrt()).to_event(1))


def images(rows: int = 40) -> Tensor:
    return torch.bernoulli(torch.full((rows, 1, 4, 4), 0.4))


@pytest.mark.parametrize(
    ("objective", "estimator"),
    [(ppgen.ELBO(closed_form=False), Trace_ELBO), (ppgen.ELBO(), TraceMeanField_ELBO)],
)
@pytest.mark.parametrize("program", [VAE, Compared])
def test_it_trains_as_by_pyro(program: Any, objective: ppgen.ELBO, estimator: Any) -> None:
    made = program()
    networks = made if program is VAE else nn.ModuleList([made.vae_encoder, made.vae_decoder])
    name = "x" if program is VAE else "data"
    loss_is_that_of_pyro((made.model, made.guide), networks, {name: images(8)}, objective, estimator())


@pytest.mark.parametrize("program", [VAE, Compared])
def test_what_a_fit_answers(program: Any) -> None:
    made = program()
    data = {"x" if program is VAE else "data": images()}
    fit = ppgen.fit(ppgen.Program(made.model, made.guide), data, batch_size=16, max_epochs=2, progress=False)
    bound_is_that_of_pyro(fit, Trace_ELBO())
    assert fit.log_prob(fit.data.split("train"), num_particles=50).value > fit.elbo(fit.data.split("train")).value - 0.2
    assert fit.encode().only.shape[-1] == LATENTS
    assert fit.sample(3).only.shape == (3, PIXELS)
