from __future__ import annotations

import pyro
import pyro.distributions as dist
import torch
from torch import nn

from ppgen.declare import Guide, latent
from ppgen.errors import DeclarationError


class Encoder(Guide):
    """q(w) q(y | x) q(z | x, y)."""

    def __init__(self) -> None:
        super().__init__()
        self.loc = nn.Parameter(torch.tensor(0.3))

    @latent
    def z(self, x, y):
        return dist.Normal(x + y, 0.1)

    @latent
    def y(self, x):
        return dist.Normal(x, 0.1)

    @latent(local=False)
    def w(self):
        return dist.Normal(self.loc, 0.1)


def test_parents_are_data_and_other_latents():
    trace = pyro.poutine.trace(Encoder()).get_trace({"x": torch.tensor([1.0, 2.0])}, 6)
    nodes = trace.nodes
    assert torch.equal(nodes["z"]["fn"].mean, torch.tensor([1.0, 2.0]) + nodes["y"]["value"])
    assert nodes["z"]["scale"] == 3.0
    assert nodes["w"]["scale"] == 1.0
    assert nodes["w"]["cond_indep_stack"] == ()


def test_a_call_returns_the_latents_and_nothing_else():
    drawn = Encoder()({"x": torch.zeros(4)})
    assert {name: value.shape for name, value in drawn.items()} == {"w": (), "y": (4,), "z": (4,)}


def test_a_latent_in_the_batch_is_not_drawn_but_still_a_parent():
    x, y = torch.zeros(4), torch.randn(4)
    trace = pyro.poutine.trace(Encoder()).get_trace({"x": x, "y": y})
    assert "y" not in trace.nodes
    assert torch.equal(trace.nodes["z"]["fn"].mean, y)
    assert torch.equal(Encoder()({"x": x, "y": y})["y"], y)


def test_what_it_conditions_on_must_be_there(refuses):
    with refuses(DeclarationError, "Encoder.y: unknown parent 'x'"):
        Encoder()(size=3)
