from __future__ import annotations

from types import SimpleNamespace

import pyro
import pyro.distributions as dist
import torch
from torch import nn

from ppgen.declare import Guide, Model, Program, check, implicit, latent, observed
from ppgen.errors import DeclarationError

X = torch.randn(5, 2, generator=torch.Generator().manual_seed(0))
outside = nn.Linear(2, 2)


class Layered(Model):
    def __init__(self, layers: object) -> None:
        super().__init__()
        self.layers = layers

    @latent
    def z(self):
        return dist.Normal(0.0, 1.0).expand([2]).to_event(1)

    @observed
    def x(self, z):
        for layer in self.layers:
            z = layer(z)
        return dist.Normal(z, 1.0).to_event(1)


def test_networks_in_a_plain_list_would_never_be_trained(refuses):
    layers = [nn.Linear(2, 2), nn.Linear(2, 2)]
    check(Layered(nn.ModuleList(layers)), None, {"x": X})
    with refuses(DeclarationError, "Layered.x: a trainable tensor takes part that is no parameter", "nn.ModuleList"):
        check(Layered(layers), None, {"x": X})
    for layer in layers:
        layer.requires_grad_(False)
    check(Layered(layers), None, {"x": X})


def test_the_generator_of_an_implicit_model_is_looked_at_too(refuses):
    class Sampler(Model):
        @latent
        def z(self):
            return dist.Normal(0.0, 1.0).expand([2]).to_event(1)

        @implicit
        def x(self, z):
            return outside(z)

    with refuses(DeclarationError, "Sampler.x: a trainable tensor takes part", "[2, 2]"):
        check(Sampler(), None, {"x": X})


def test_guides_too_and_they_may_share_the_models_networks(refuses):
    class Sharing(Guide):
        def __init__(self, layer: nn.Module) -> None:
            super().__init__()
            object.__setattr__(self, "layer", layer)

        @latent
        def z(self, x):
            return dist.Normal(self.layer(x), 1.0).to_event(1)

    model = Layered(nn.ModuleList([nn.Linear(2, 2)]))
    check(model, Sharing(model.layers[0]), {"x": X})
    with refuses(DeclarationError, "Sharing.z: a trainable tensor takes part"):
        check(model, Sharing(outside), {"x": X})


def test_what_a_program_hides_too_deep_is_an_error_and_not_silence(refuses):
    hidden = SimpleNamespace(net=outside)

    def model(x):
        with pyro.plate("data", len(x)):
            pyro.sample("x", dist.Normal(hidden.net(x), 1.0).to_event(1), obs=x)

    with refuses(DeclarationError, "model.x: a trainable tensor takes part", "requires_grad=True"):
        check(Program(model), batch={"x": X})

    def showing(x):
        pyro.module("net", hidden.net)
        model(x)

    check(Program(showing), batch={"x": X})


def test_a_bare_tensor_that_wants_a_gradient(refuses):
    class Bare(Model):
        def __init__(self) -> None:
            super().__init__()
            self.loc = torch.zeros(2, requires_grad=True)

        @observed
        def x(self):
            return dist.Normal(self.loc, 1.0).to_event(1)

    with refuses(DeclarationError, "Bare.x", "a tensor an nn.Parameter"):
        check(Bare(), None, {"x": X})
