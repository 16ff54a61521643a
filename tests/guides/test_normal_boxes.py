"""Boxes through the normal distribution: a uniform prior is standard normal there, and a flow at rest reaches it."""

from __future__ import annotations

import math
from typing import Any

import pyro.distributions as dist
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import constraints

import ppgen
from ppgen.guides import Flow, MeanField
from ppgen.guides.normal_boxes import NormalCDF, through_normal

BOX = torch.tensor([[-1.0, 3.0], [1.0, 3.5]])


class Box(ppgen.Model):
    """A uniform prior that the data say nothing of."""

    @ppgen.latent
    def z(self) -> Any:
        return dist.Uniform(BOX[0], BOX[1]).to_event(1)

    @ppgen.observed
    def x(self, z: torch.Tensor) -> Any:
        return dist.Normal(0.0 * z.sum(-1), 1.0)


@given(st.floats(-5.0, 5.0))
def test_is_a_bijection_with_its_jacobian(u: float) -> None:
    to_unit: Any = NormalCDF()
    at = torch.tensor(u, dtype=torch.float64, requires_grad=True)
    y = to_unit(at)
    (slope,) = torch.autograd.grad(y, at)
    assert torch.isclose(to_unit.log_abs_det_jacobian(at, y), slope.log(), atol=1e-9)
    assert torch.isclose(to_unit.inv(y.detach()), at.detach(), atol=1e-7)


def test_edges_have_finite_coordinates() -> None:
    to_box: Any = through_normal(torch.distributions.biject_to(constraints.interval(-1.0, 1.0)))
    ends = to_box.inv(torch.tensor([-1.0, 1.0]))
    assert torch.isfinite(ends).all()
    assert torch.equal(ends[0], -ends[1]) or math.isclose(ends[0], -ends[1], rel_tol=1e-3)


def test_a_standard_normal_is_the_uniform_prior() -> None:
    to_box = through_normal(torch.distributions.biject_to(constraints.independent(constraints.interval(*BOX), 1)))
    moved = torch.distributions.TransformedDistribution(dist.Normal(torch.zeros(2), 1.0).to_event(1), [to_box])
    inside = BOX[0] + (BOX[1] - BOX[0]) * torch.rand(50, 2)
    assert torch.allclose(moved.log_prob(inside), torch.tensor(-math.log(2.0 * 0.5)), atol=1e-3)


def test_flows_take_them_and_gaussians_do_not() -> None:
    flow, gaussian = Flow(Box()), MeanField(Box())
    transforms: list[Any] = [guide.latents[0].to_support for guide in (flow, gaussian)]
    names = [type(to_box.base_transform.parts[0]).__name__ for to_box in transforms]
    assert names == ["NormalCDF", "SigmoidTransform"]
