"""What a mask leaves out: compared number by number, and never a bound where it is read.

The oracle of the last test is in closed form: z ~ Normal(0, 1) and x ~ Normal(z, 1), so that x ~ Normal(0, 2). Where
the mask leaves z out, a guide at z = x gives E_q[log p(x | z)] = -0.5 log(2 pi) - 0.5 s^2, far above log p(x) of a
distant x; the density of what the model means, with z at 0 where it is masked, is exact and below.
"""

from __future__ import annotations

import math
from typing import Any

import pyro
import pyro.distributions as dist
import pyro.poutine as poutine
import pytest
import torch
from torch import Tensor

import ppgen
from ppgen.declare import Program, check, verify_once
from ppgen.errors import DeclarationError

KEEP = torch.arange(12) % 3 > 0
PARTS = torch.stack([KEEP, ~KEEP, KEEP, KEEP], -1)


def pair(in_model: Any, in_guide: Any) -> Program:
    """Four numbers a datum, masked by two handlings of a normal distribution."""

    def model(keep: Tensor) -> None:
        with pyro.plate("data", len(keep)):
            z = in_model(dist.Normal(torch.zeros(len(keep), 4), 1.0), keep > 0)
            pyro.sample("x", dist.Normal(torch.zeros(len(z)), 1.0), obs=keep)

    def guide(keep: Tensor) -> None:
        with pyro.plate("data", len(keep)):
            in_guide(dist.Normal(torch.zeros(len(keep), 4), 0.5), keep > 0)

    return Program(model, guide)


def inside(q: Any, keep: Tensor) -> Any:
    return pyro.sample("z", q.mask(keep[:, None]).to_event(1))


def outside(q: Any, keep: Tensor) -> Any:
    return pyro.sample("z", q.to_event(1).mask(keep))


def around(q: Any, keep: Any) -> Any:
    with poutine.mask(mask=keep):
        return pyro.sample("z", q.to_event(1))


def in_parts(q: Any, keep: Tensor) -> Any:
    return pyro.sample("z", q.mask(PARTS[: len(keep)]).to_event(1))


def unmasked(q: Any, keep: Tensor) -> Any:
    return pyro.sample("z", q.to_event(1))


@pytest.mark.parametrize("in_guide", [inside, outside, around])
@pytest.mark.parametrize("in_model", [inside, outside, around])
def test_a_mask_may_be_written_in_any_way(in_model: Any, in_guide: Any) -> None:
    batch = {"keep": KEEP.float()}
    check(pair(in_model, in_guide), batch=batch)
    fit = ppgen.fit(pair(in_model, in_guide), KEEP.float(), max_epochs=1, batch_size=4, progress=False)
    kl = 4 * (math.log(2.0) + 0.5 * (0.25 - 1.0)) * KEEP.float().mean()
    exact = dist.Normal(0.0, 1.0).log_prob(batch["keep"]).mean() - kl
    found = fit.elbo(batch, num_particles=500)
    assert abs(found.value - float(exact)) < 0.1


@pytest.mark.parametrize(("in_model", "in_guide"), [(inside, unmasked), (in_parts, outside), (unmasked, around)])
def test_masks_that_count_other_numbers_are_refused(in_model: Any, in_guide: Any) -> None:
    with pytest.raises(DeclarationError, match="masks this site and the guide does not"):
        check(pair(in_model, in_guide), batch={"keep": KEEP.float()})


def switched(q_of_on: float, *, same: bool = True) -> Program:
    """A part that is there or not: z counts only where it was drawn to be there."""

    def model(x: Tensor) -> None:
        with pyro.plate("data", len(x)):
            on = pyro.sample("on", dist.Bernoulli(0.5))
            z = pyro.sample("z", dist.Normal(0.0, 1.0).mask(on.bool()))
            pyro.sample("x", dist.Normal(torch.where(on.bool(), z, 0.0), 1.0), obs=x)

    def guide(x: Tensor) -> None:
        with pyro.plate("data", len(x)):
            on = pyro.sample("on", dist.Bernoulli(torch.full((len(x),), q_of_on)))
            pyro.sample("z", dist.Normal(x, 1.0).mask(on.bool() if same else ~on.bool()))

    return Program(model, guide)


def test_a_mask_may_follow_a_draw() -> None:
    x = torch.randn(30)
    for q_of_on in (0.1, 0.5, 0.9):
        check(switched(q_of_on), batch={"x": x})
    with pytest.raises(DeclarationError, match="masks this site and the guide does not"):
        check(switched(0.5, same=False), batch={"x": x})


@pytest.mark.parametrize("reads", [False, True])
def test_masked_values_that_a_density_reads_give_no_bound(reads: bool) -> None:
    def model(x: Tensor, keep: Tensor) -> None:
        with pyro.plate("data", len(x)):
            z = pyro.sample("z", dist.Normal(0.0, 1.0).mask(keep > 0))
            pyro.sample("x", dist.Normal(z if reads else torch.where(keep > 0, z, 0.0), 1.0), obs=x)

    def guide(x: Tensor, keep: Tensor) -> None:
        with pyro.plate("data", len(x)):
            pyro.sample("z", dist.Normal(torch.where(keep > 0, x / 2, x), 0.5**0.5).mask(keep > 0))

    data = {"x": 4 * torch.ones(12), "keep": KEEP.float()}
    program = Program(model, guide).setup(data)
    assert verify_once(program.model, program.guide, data).read_noise == ("z" if reads else "")
    fit = ppgen.fit(Program(model, guide), data, max_epochs=1, batch_size=4, progress=False)
    if reads:
        assert "z" in str(fit.unanswerable("density"))
        with pytest.raises(ppgen.Unanswerable, match="the mask leaves out is read"):
            fit.elbo(data)
        return
    kept, others = dist.Normal(0.0, 2**0.5), dist.Normal(0.0, 1.0)
    exact = torch.where(KEEP, kept.log_prob(data["x"]), others.log_prob(data["x"])).mean()
    assert fit.elbo(data).value == pytest.approx(float(exact), abs=1e-4)  # the guide is the posterior
