from __future__ import annotations

import pyro.distributions as dist
import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

from ppgen.distributions import Markov

LENGTH, DIM = 4, 2
TURN = torch.tensor([[0.8, -0.5], [0.3, 0.9]], dtype=torch.float64)
START = torch.tensor([1.0, -2.0], dtype=torch.float64)


def step(z: Tensor) -> dist.TorchDistribution:
    return dist.Normal(z @ TURN.T, 0.5).to_event(1)


def chain() -> Markov:
    return Markov(dist.Normal(START, 2.0).to_event(1), step, LENGTH)


def gaussian() -> MultivariateNormal:
    """The path of the linear chain as one Gaussian: z = S (m + noise), S stacking the powers of the transition."""
    powers = [torch.linalg.matrix_power(TURN, t) for t in range(LENGTH)]
    zero = torch.zeros(DIM, DIM, dtype=torch.float64)
    rows = [torch.cat([powers[s - t] if t <= s else zero for t in range(LENGTH)], 1) for s in range(LENGTH)]
    spread = torch.cat(rows)
    start = torch.zeros(LENGTH * DIM, dtype=torch.float64)
    start[:DIM] = START
    scale = torch.full((LENGTH * DIM,), 0.5, dtype=torch.float64)
    scale[:DIM] = 2.0
    return MultivariateNormal(spread @ start, spread @ scale.square().diag() @ spread.T)


def test_linear_chain_is_one_gaussian():
    paths = torch.randn(3, 5, LENGTH, DIM, dtype=torch.float64)
    torch.testing.assert_close(chain().log_prob(paths), gaussian().log_prob(paths.flatten(-2)))


def test_draws_have_its_mean_and_covariance():
    n = 40_000
    draws = chain().rsample((n,)).flatten(-2)
    exact = gaussian()
    sd = exact.covariance_matrix.diagonal().sqrt()
    assert ((draws.mean(0) - exact.mean).abs() < 5 * sd / n**0.5).all()
    # The standard error of a covariance of Gaussians is below sqrt(2 / n) sd_i sd_j.
    error = (draws.T.cov() - exact.covariance_matrix).abs()
    assert (error < 5 * (2 / n) ** 0.5 * sd[:, None] * sd).all()


def test_gradient_of_a_draw_is_the_paths():
    # E[z_T] = A^(T - 1) m, and in a linear chain each draw's derivative by m is A^(T - 1) itself.
    start = START.clone().requires_grad_()
    path = Markov(dist.Normal(start, 2.0).to_event(1), step, LENGTH).rsample()
    (gradient,) = torch.autograd.grad(path[-1, 0], start)
    torch.testing.assert_close(gradient, torch.linalg.matrix_power(TURN, LENGTH - 1)[0])


def test_inputs_belong_to_their_step_and_batch_element():
    inputs = torch.randn(3, LENGTH - 1, DIM, dtype=torch.float64)
    push = lambda z, u: dist.Normal(z + u, 1e-9).to_event(1)
    still = dist.Normal(torch.zeros(DIM, dtype=torch.float64), 1e-9).to_event(1)
    path = Markov(still, push, LENGTH, inputs)
    assert path.batch_shape == (3,)
    expected = torch.cat([torch.zeros(3, 1, DIM).double(), inputs.cumsum(1)], 1)
    for given in (path, path.expand([2, 3])):
        torch.testing.assert_close(given.rsample(), expected.expand(*given.batch_shape, -1, -1), rtol=0, atol=1e-7)
    # In parallel, each step is scored with its own input too: at these paths every step has its largest density.
    best = path.log_prob(expected)
    assert (best > path.log_prob(expected + 1e-9 * torch.randn_like(expected))).all()


def test_a_single_state_is_the_initial_distribution():
    path = Markov(dist.Normal(START, 2.0).to_event(1), step, 1)
    z = torch.randn(6, 1, DIM, dtype=torch.float64)
    torch.testing.assert_close(path.log_prob(z), path.initial.log_prob(z[:, 0]))
    assert path.rsample((6,)).shape == (6, 1, DIM)


def test_refuses_values_that_are_no_path():
    with pytest.raises(ValueError, match="right-most"):
        Markov(dist.Normal(START, 2.0).to_event(1), step, LENGTH, validate_args=True).log_prob(torch.zeros(3, DIM))
