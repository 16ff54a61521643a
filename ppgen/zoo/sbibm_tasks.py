"""The tasks of the benchmark sbibm (Lueckmann et al., 2021, arXiv 2101.04653), declared as models."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping

import pyro.distributions as dist
import torch
from torch import Tensor

from ppgen.declare import Model, implicit, latent, observed
from ppgen.zoo.population_models import SIR, LotkaVolterra

__all__ = ["SBIBM", "SimulationTask"]

Arrays = Mapping[str, Tensor]


@dataclasses.dataclass(frozen=True)
class SimulationTask:
    """One task: a model of theta and x, and what was published of it.

    Args:
        make: the model, from the arrays of the task's file.
        published: C2ST by method, a mean over ten observations, with 100,000 simulations: ``main_paper.csv`` of
            sbi-benchmark/results on GitHub.
        data: the array that the model explains.
    """

    make: Callable[[Arrays], Model]
    published: Mapping[str, float] = dataclasses.field(default_factory=dict)
    data: str = "observation"


class GaussianLinear(Model):
    """theta ~ Normal(0, 0.1 I);  x ~ Normal(theta, 0.1 I)."""

    @latent
    def theta(self) -> dist.TorchDistribution:
        """Ten numbers."""
        return dist.Normal(torch.zeros(10), math.sqrt(0.1)).to_event(1)

    @observed
    def x(self, theta: Tensor) -> dist.TorchDistribution:
        """The same with noise."""
        return dist.Normal(theta, math.sqrt(0.1)).to_event(1)


class GaussianLinearUniform(GaussianLinear):
    """theta ~ Uniform(-1, 1)^10;  x ~ Normal(theta, 0.1 I)."""

    @latent
    def theta(self) -> dist.TorchDistribution:
        """A place in a box."""
        return dist.Uniform(-torch.ones(10), torch.ones(10)).to_event(1)


class GaussianMixture(Model):
    """theta ~ Uniform(-10, 10)^2;  x ~ Normal(theta, I) or Normal(theta, 0.01 I), with equal chances."""

    @latent
    def theta(self) -> dist.TorchDistribution:
        """The common mean."""
        return dist.Uniform(torch.full((2,), -10.0), torch.full((2,), 10.0)).to_event(1)

    @observed
    def x(self, theta: Tensor) -> dist.TorchDistribution:
        """A wide and a narrow Gaussian."""
        spread = theta.new_tensor([1.0, 0.1]).unsqueeze(-1)
        parts = dist.Normal(theta.unsqueeze(-2), spread).to_event(1)
        return dist.MixtureSameFamily(dist.Categorical(probs=torch.ones_like(theta)), parts)


class SLCP(Model):
    """theta ~ Uniform(-3, 3)^5;  x is four draws of a Gaussian in the plane, whose moments theta says."""

    @latent
    def theta(self) -> dist.TorchDistribution:
        """Two means, the roots of two spreads, and a correlation."""
        return dist.Uniform(torch.full((5,), -3.0), torch.full((5,), 3.0)).to_event(1)

    @observed
    def x(self, theta: Tensor) -> dist.TorchDistribution:
        """Four points, [8]."""
        spread, correlation = theta[..., 2:4].square() + 1e-6, theta[..., 4].tanh()
        below = torch.stack([correlation, (1 - correlation.square()).sqrt()], -1) * spread[..., 1:]
        factor = torch.stack([torch.stack([spread[..., 0], 0 * spread[..., 0]], -1), below], -2)
        four = torch.eye(4).reshape(4, 1, 4, 1) * factor.reshape(*factor.shape[:-2], 1, 2, 1, 2)
        mean = theta[..., :2].repeat(*[1] * (theta.dim() - 1), 4)
        return dist.MultivariateNormal(mean, scale_tril=four.reshape(*theta.shape[:-1], 8, 8))


class BernoulliGLM(Model):
    """theta ~ Normal(0, Q^-1), an offset of variance 2 and a smooth filter;  x is 100 bits, logits linear in theta."""

    design: Tensor
    precision: Tensor

    def __init__(self, design: Tensor) -> None:
        super().__init__()
        steps = torch.arange(9.0)
        differences = torch.eye(9) - torch.diag(torch.ones(8), -1)
        smooth = differences @ differences + torch.diag((steps / 9).sqrt())
        precision = torch.zeros(10, 10)
        precision[0, 0], precision[1:, 1:] = 0.5, smooth.T @ smooth
        self.register_buffer("design", design)
        self.register_buffer("precision", precision)

    @latent
    def theta(self) -> dist.TorchDistribution:
        """An offset and a filter."""
        return dist.MultivariateNormal(torch.zeros(10), precision_matrix=self.precision)

    @observed
    def x(self, theta: Tensor) -> dist.TorchDistribution:
        """Whether a neuron fires."""
        return dist.Bernoulli(logits=theta @ self.design.T).to_event(1)


class TwoMoons(Model):
    """theta ~ Uniform(-1, 1)^2;  x is on a crescent, whose place says theta up to a reflection."""

    @latent
    def theta(self) -> dist.TorchDistribution:
        """A place in a square."""
        return dist.Uniform(-torch.ones(2), torch.ones(2)).to_event(1)

    @implicit
    def x(self, theta: Tensor) -> Tensor:
        """A point of the crescent."""
        angle = math.pi * (torch.rand(theta.shape[:-1]) - 0.5)
        radius = 0.1 + 0.01 * torch.randn(theta.shape[:-1])
        place = torch.stack([-theta.sum(-1).abs(), theta[..., 1] - theta[..., 0]], -1) / math.sqrt(2)
        return place + torch.stack([radius * angle.cos() + 0.25, radius * angle.sin()], -1)


SBIBM: Mapping[str, SimulationTask] = {
    "gaussian_linear": SimulationTask(lambda _: GaussianLinear(), {"NPE": 0.506, "NLE": 0.515}),
    "gaussian_linear_uniform": SimulationTask(lambda _: GaussianLinearUniform(), {"NPE": 0.509, "NLE": 0.506}),
    "gaussian_mixture": SimulationTask(lambda _: GaussianMixture(), {"NPE": 0.555, "NLE": 0.757}),
    "slcp": SimulationTask(lambda _: SLCP(), {"NPE": 0.831, "NLE": 0.699}),
    "bernoulli_glm": SimulationTask(
        lambda arrays: BernoulliGLM(arrays["design_matrix"]), {"NPE": 0.559, "NLE": 0.545}, data="observation_raw"
    ),
    "bernoulli_glm_raw": SimulationTask(lambda arrays: BernoulliGLM(arrays["design_matrix"])),
    "two_moons": SimulationTask(lambda _: TwoMoons(), {"NPE": 0.542, "NLE": 0.668}),
    "sir": SimulationTask(lambda _: SIR()),
    "lotka_volterra": SimulationTask(lambda _: LotkaVolterra()),
}
"""By the name of the task's file, ``NAME.npz``, with arrays ``observation`` [10, D] and ``reference_draws``
[10, 2000, P]."""
