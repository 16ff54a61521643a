"""A log-density of a row that changes with the other rows is refused in minibatches, and the data set's number at full.

The oracle of the last test: a first-order chain over the rows, whose log-density of all of them is a sum of normals.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyro
import pyro.distributions as dist
import pytest
import torch
from torch import Tensor

import ppgen
from ppgen.errors import DeclarationError
from ppgen.models import VAE

X = torch.randn(40, generator=torch.Generator().manual_seed(0))


def reads_mean(x: Tensor) -> None:
    with pyro.plate("data", len(x)):
        pyro.sample("x", dist.Normal(x.mean(), 1.0), obs=x)


def reads_row_before(x: Tensor) -> None:
    with pyro.plate("data", len(x)):
        pyro.sample("x", dist.Normal(0.9 * torch.cat([x.new_zeros(1), x[:-1]]), 1.0), obs=x)


def reads_row_after(x: Tensor) -> None:
    with pyro.plate("data", len(x)):
        pyro.sample("x", dist.Normal(0.9 * torch.cat([x[1:], x.new_zeros(1)]), 1.0), obs=x)


def compares_codes(x: Tensor) -> None:
    with pyro.plate("data", len(x)):
        z = pyro.sample("z", dist.Normal(0.0, 1.0))
        pyro.sample("x", dist.Normal(z - z.mean(), 1.0), obs=x)


def alone(x: Tensor) -> None:
    with pyro.plate("data", len(x)):
        z = pyro.sample("z", dist.Normal(0.0, 1.0))
        pyro.sample("x", dist.Normal(z, 1.0), obs=x)


def weighed(x: Tensor, size: int) -> None:
    with pyro.poutine.scale(scale=size / len(x)), pyro.plate("data", len(x)):
        pyro.sample("x", dist.Normal(0.0, 1.0), obs=x)


def guide(x: Tensor) -> None:
    with pyro.plate("data", len(x)):
        pyro.sample("z", dist.Normal(x / 2, 0.7))


def guide_of_batch(x: Tensor) -> None:
    with pyro.plate("data", len(x)):
        pyro.sample("z", dist.Normal((x - x.mean()) / 2, 0.7))


class Centred(ppgen.Model):
    @ppgen.observed
    def x(self, c: Tensor) -> Any:
        return dist.Normal(c - c.mean(), 1.0)


SEEN: dict[str, Callable[[], Any]] = {
    "the mean": lambda: ppgen.Program(reads_mean),
    "the row before": lambda: ppgen.Program(reads_row_before),
    "the row after": lambda: ppgen.Program(reads_row_after),
    "other codes": lambda: ppgen.Program(compares_codes, guide),
    "a covariate's mean": Centred,
}


@pytest.mark.parametrize("pair", SEEN.values(), ids=SEEN)
def test_rows_that_see_each_other_are_refused(pair: Callable[[], Any]) -> None:
    data = {"x": X, "c": X} if pair is Centred else {"x": X}
    with pytest.raises(DeclarationError, match="depends on which other rows are in the batch"):
        ppgen.fit(pair(), data, batch_size=8, max_epochs=1, progress=False)
    with pytest.raises(DeclarationError, match="depends on which other rows are in the batch"):
        ppgen.check(pair(), batch=data)


@pytest.mark.parametrize(
    "pair",
    [(alone, guide), (alone, guide_of_batch), (weighed, None)],
    ids=["codes of their own", "a guide may see all rows", "a scale of the program's own"],
)
def test_rows_that_do_not_are_taken(pair: Any) -> None:
    ppgen.check(ppgen.Program(*pair), batch={"x": X})


def test_a_declared_model_of_rows_is_taken() -> None:
    ppgen.check(VAE((1, 4, 4), 2), batch={"x": torch.zeros(9, 1, 4, 4)})


def test_at_full_batch_a_chain_over_the_rows_has_its_density() -> None:
    fit = ppgen.fit(ppgen.Program(reads_row_before), {"x": X}, batch_size=None, max_epochs=1, progress=False)
    before = torch.cat([X.new_zeros(1), X[:-1]])
    assert fit.elbo().value == pytest.approx(dist.Normal(0.9 * before, 1.0).log_prob(X).sum().item(), rel=1e-5)
