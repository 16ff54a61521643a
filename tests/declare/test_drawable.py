"""A distribution computed from the value it is observed at is refused; one of earlier values, or others, is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from torch import Tensor, nn

import ppgen
from ppgen.errors import DeclarationError

X = torch.randn(40, generator=torch.Generator().manual_seed(0))
ROWS = torch.randn(12, 4, generator=torch.Generator().manual_seed(1))
BITS = (ROWS > 0).float()
ENCODER = nn.Linear(4, 4)


def mean_of_all(x: Tensor) -> None:
    with pyro.plate("data", len(x)):
        pyro.sample("x", dist.Normal(x.mean(), 1.0), obs=x)


def spread_of_all(x: Tensor) -> None:
    scale = pyro.sample("scale", dist.LogNormal(0.0, 1.0))
    with pyro.plate("data", len(x)):
        pyro.sample("x", dist.Normal(0.0, scale * x.std()), obs=x)


def chain(x: Tensor) -> None:
    with pyro.plate("data", len(x)):
        pyro.sample("x", dist.Normal(0.9 * torch.cat([x.new_zeros(1), x[:-1]]), 1.0), obs=x)


def autoencoder(x: Tensor) -> None:
    with pyro.plate("data", len(x)):
        z = pyro.sample("z", dist.Normal(0.0, 1.0).expand([4]).to_event(1))
        pyro.sample("x", dist.Normal(ENCODER(x) + z, 1.0).to_event(1), obs=x)


def autoencoder_of_bits(x: Tensor) -> None:
    with pyro.plate("data", len(x)):
        pyro.sample("x", dist.Bernoulli(logits=ENCODER(x)).to_event(1), obs=x)


def joint_normal(x: Tensor) -> None:
    with pyro.plate("data", len(x)):
        pyro.sample("x", dist.MultivariateNormal(ENCODER(x), torch.eye(4)), obs=x)


def in_order(x: Tensor) -> None:
    before = torch.cat([torch.zeros_like(x[:, :1]), x[:, :-1]], 1).cumsum(1)
    with pyro.plate("data", len(x)):
        pyro.sample("x", dist.Normal(before, 1.0).to_event(1), obs=x)


def other_column(x: Tensor, y: Tensor) -> None:
    with pyro.plate("data", len(x)):
        pyro.sample("x", dist.Normal(y, 1.0).to_event(1), obs=x)


def prior_of_data(x: Tensor) -> None:
    mu = pyro.sample("mu", dist.Normal(x.mean(), 1.0))
    with pyro.plate("data", len(x)):
        pyro.sample("x", dist.Normal(mu, 1.0), obs=x)


def codes(x: Tensor) -> None:
    with pyro.plate("data", len(x)):
        pyro.sample("z", dist.Normal(x / 2, 0.7).to_event(1))


@pytest.mark.parametrize(
    ("program", "x"),
    [(autoencoder_of_bits, BITS), (joint_normal, ROWS), (mean_of_all, X), (spread_of_all, X)],
    ids=["bits from themselves", "an event from itself", "the mean of all rows", "the spread of all rows"],
)
def test_a_distribution_of_its_own_value_is_refused(program: Callable[..., None], x: Tensor) -> None:
    with pytest.raises(DeclarationError, match="computed from that value itself"):
        ppgen.fit(ppgen.Program(program), {"x": x}, batch_size=None, max_epochs=1, progress=False)


def test_an_encoder_in_the_model_is_told_where_it_belongs() -> None:
    with pytest.raises(DeclarationError, match="belongs into the guide"):
        ppgen.fit(ppgen.Program(autoencoder, codes), {"x": ROWS}, batch_size=4, max_epochs=1, progress=False)
    with pytest.raises(DeclarationError, match="computed from that value itself"):
        ppgen.check(ppgen.Program(autoencoder, codes), batch={"x": ROWS})


@pytest.mark.parametrize(
    ("program", "data"),
    [
        (chain, {"x": X}),
        (in_order, {"x": ROWS}),
        (other_column, {"x": ROWS, "y": ROWS.flip(0)}),
        (prior_of_data, {"x": X}),
    ],
    ids=["rows before", "earlier values of the event", "a covariate of that shape", "a prior by data"],
)
def test_what_can_be_drawn_is_taken(program: Callable[..., None], data: dict[str, Any]) -> None:
    ppgen.fit(ppgen.Program(program), data, batch_size=None, max_epochs=1, progress=False)
