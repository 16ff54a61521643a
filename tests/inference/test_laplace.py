"""Modes and curvatures, held to closed forms."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ppgen.inference import find_mode


def test_a_gaussian_is_its_own_approximation() -> None:
    """Also one whose axes differ by a million, seen along none of them: mean, precision and integral are exact."""
    generator = torch.Generator().manual_seed(0)
    axes = torch.linalg.qr(torch.randn(4, 4, generator=generator, dtype=torch.float64)).Q
    precision = axes @ torch.diag(torch.tensor([1e-6, 1.0, 1e2, 1e6], dtype=torch.float64)) @ axes.T
    mean = torch.tensor([3.0, -200.0, 0.1, 7.0], dtype=torch.float64)
    gaussian = torch.distributions.MultivariateNormal(mean, precision_matrix=precision)

    mode = find_mode(lambda u: gaussian.log_prob(u) + 5.0, [torch.zeros(4, dtype=torch.float64)])

    assert mode is not None
    distance = (mode.at - mean) @ precision @ (mode.at - mean)
    assert float(distance) < 1e-3
    assert torch.allclose(mode.precision, precision, rtol=1e-6, atol=1e-6)
    assert math.isclose(mode.log_evidence, 5.0, abs_tol=1e-3)


def test_the_mode_with_the_larger_integral_is_kept() -> None:
    """Not the higher one: of two Gaussians, the wide one holds three quarters."""
    means, spreads = torch.tensor([-5.0, 5.0]).double(), torch.tensor([0.01, 1.0]).double()
    each = torch.distributions.Normal(means, spreads)
    weights = torch.tensor([0.25, 0.75]).double().log()

    def density(u: Tensor) -> Tensor:
        return torch.logsumexp(each.log_prob(u) + weights, 0)

    mode = find_mode(density, [torch.tensor([start]).double() for start in (-5.1, 4.0)])
    assert mode is not None
    assert abs(float(mode.at) - 5) < 1e-2
    assert math.isclose(mode.log_evidence, math.log(0.75), abs_tol=1e-3)


def test_no_mode_is_none() -> None:
    """A density that rises for ever, one that is flat, and one that is not a number anywhere."""
    start = [torch.zeros(2, dtype=torch.float64)]
    assert find_mode(lambda u: u.sum(), start) is None
    assert find_mode(lambda u: 0 * u.sum(), start) is None
    assert find_mode(lambda u: u.sum() * torch.nan, start) is None


def test_a_line_search_that_leaves_the_domain_turns_back() -> None:
    """``log u`` is not a number below 0, where the first step of L-BFGS would land."""
    mode = find_mode(lambda u: 3 * u[0].log() - u[0] * 1e3, [torch.tensor([0.5]).double()])
    assert mode is not None
    assert math.isclose(float(mode.at), 3e-3, rel_tol=1e-2)
