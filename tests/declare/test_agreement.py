"""What the traces of a checked pair must satisfy: equal scales, and parameters that are registered.

Names, shapes and supports: test_validity.py.
"""

from __future__ import annotations

from types import SimpleNamespace

import pyro
import pyro.distributions as dist
import torch
from pyro.infer.autoguide import AutoNormal
from torch import nn

from ppgen.declare import Guide, Model, Program, check, implicit, latent, observed
from ppgen.errors import DeclarationError

X = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))


# Scales ---------------------------------------------------------------------------------------------------------------


ROW = torch.randn(6, generator=torch.Generator().manual_seed(0))


def local(x, size):
    with pyro.plate("data", size, subsample_size=len(x)):
        z = pyro.sample("z", dist.Normal(0.0, 1.0))
        pyro.sample("x", dist.Normal(z, 1.0), obs=x)


def follow(x, size):
    with pyro.plate("data", size, subsample_size=len(x)):
        pyro.sample("z", dist.Normal(x, 1.0))


def test_a_guide_with_parameters_per_data_point(refuses):
    def remembering(x, size):
        loc = pyro.param("loc", torch.zeros(len(x)))
        with pyro.plate("data", size, subsample_size=len(x)):
            pyro.sample("z", dist.Normal(loc, 1.0))

    with refuses(DeclarationError, "remembering (plates: data of 12) raised", "nothing in it may have an entry"):
        check(Program(local, remembering), batch={"x": ROW})
    with refuses(DeclarationError, "AutoNormal: the plate 'data' does not follow the rows", "AutoNormal over local"):
        check(Program(local, AutoNormal(local)), batch={"x": ROW})


def test_model_and_guide_scale_alike(refuses):
    def plain(x):
        with pyro.plate("data", len(x)):
            pyro.sample("z", dist.Normal(x, 1.0))

    with refuses(DeclarationError, "plain.z: model and guide scale this site differently", "scale 2.4", "scale 1"):
        check(Program(local, plain), batch={"x": ROW})

    check(Program(local, follow), batch={"x": ROW})
    tempered = pyro.poutine.scale(local, scale=0.5)
    with refuses(DeclarationError, "follow.z: model and guide scale", "scale 0.5", "ppgen.ELBO(beta=...)"):
        check(Program(tempered, follow), batch={"x": ROW})
    check(Program(tempered, pyro.poutine.scale(follow, scale=0.5)), batch={"x": ROW})


def test_a_scale_may_be_a_tensor(refuses):
    weights = torch.tensor([1.0, 2.0, 1.0, 1.0, 1.0, 1.0])

    def weighted(x, size, weight):
        with pyro.poutine.scale(scale=weight):
            local(x, size)

    def weighted_guide(x, size, weight):
        with pyro.poutine.scale(scale=weight):
            follow(x, size)

    batch = {"x": ROW, "weight": weights}
    check(Program(weighted, weighted_guide), batch=batch)
    with refuses(DeclarationError, "follow.z: model and guide scale", "[1.0, 2.0"):
        check(Program(weighted, follow), batch=batch)


# Registered parameters ------------------------------------------------------------------------------------------------


outside = nn.Linear(3, 3)


class Layered(Model):
    def __init__(self, layers: object) -> None:
        super().__init__()
        self.layers = layers

    @latent
    def z(self):
        return dist.Normal(0.0, 1.0).expand([3]).to_event(1)

    @observed
    def x(self, z):
        for layer in self.layers:
            z = layer(z)
        return dist.Normal(z, 1.0).to_event(1)


def test_networks_in_a_plain_list_would_never_be_trained(refuses):
    layers = [nn.Linear(3, 3), nn.Linear(3, 3)]
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
            return dist.Normal(0.0, 1.0).expand([3]).to_event(1)

        @implicit
        def x(self, z):
            return outside(z)

    with refuses(DeclarationError, "Sampler.x: a trainable tensor takes part", "[3, 3]"):
        check(Sampler(), None, {"x": X})


def test_guides_too_and_they_may_share_the_models_networks(refuses):
    class Sharing(Guide):
        def __init__(self, layer: nn.Module) -> None:
            super().__init__()
            object.__setattr__(self, "layer", layer)

        @latent
        def z(self, x):
            return dist.Normal(self.layer(x), 1.0).to_event(1)

    model = Layered(nn.ModuleList([nn.Linear(3, 3)]))
    check(model, Sharing(model.layers[0]), {"x": X})
    with refuses(DeclarationError, "Sharing.z: a trainable tensor takes part"):
        check(model, Sharing(outside), {"x": X})


def test_what_a_program_hides_too_deep_is_an_error_and_not_silence(refuses):
    hidden = SimpleNamespace(net=outside)

    def model(x, c):
        with pyro.plate("data", len(x)):
            pyro.sample("x", dist.Normal(hidden.net(c), 1.0).to_event(1), obs=x)

    with refuses(DeclarationError, "model.x: a trainable tensor takes part", "requires_grad=True"):
        check(Program(model), batch={"x": X, "c": X})

    def showing(x, c):
        pyro.module("net", hidden.net)
        model(x, c)

    check(Program(showing), batch={"x": X, "c": X})


def test_a_bare_tensor_that_wants_a_gradient(refuses):
    class Bare(Model):
        def __init__(self) -> None:
            super().__init__()
            self.loc = torch.zeros(3, requires_grad=True)

        @observed
        def x(self):
            return dist.Normal(self.loc, 1.0).to_event(1)

    with refuses(DeclarationError, "Bare.x", "a tensor an nn.Parameter"):
        check(Bare(), None, {"x": X})
