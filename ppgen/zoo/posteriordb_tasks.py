"""Four posteriors of posteriordb (Magnusson et al., 2025, arXiv 2407.04967), declared as models with global latents.

The data are one row: in a time series, and under a hierarchical prior, rows would not be exchangeable. Stan's improper
flat priors are Normal(0, 1000) here, on the raw scale.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import pyro.distributions as dist
import torch
from torch import Tensor

from ppgen.declare import Model, latent, observed

__all__ = ["POSTERIORDB", "PosteriorTask"]

Arrays = Mapping[str, Tensor]


@dataclasses.dataclass(frozen=True)
class PosteriorTask:
    """One posterior: a model, its data, and what its reference draws are of.

    Args:
        make: the model.
        data: of the file's arrays, one row by site and covariate, [1, ...] each.
        quantities: of draws of the latents, [S, *event] each, the quantities by the names of the reference draws.
    """

    make: Callable[[], Model]
    data: Callable[[Arrays], dict[str, Tensor]]
    quantities: Callable[[Mapping[str, Tensor]], dict[str, Tensor]] = dict


class EightSchools(Model):
    """Effects of coaching in eight schools, by their deviations from a common mean (Rubin, 1981)."""

    @latent(local=False)
    def mu(self) -> dist.TorchDistribution:
        """The mean effect."""
        return dist.Normal(0.0, 5.0)

    @latent(local=False)
    def tau(self) -> dist.TorchDistribution:
        """How much schools differ."""
        return dist.HalfCauchy(5.0)

    @latent(local=False)
    def deviation(self) -> dist.TorchDistribution:
        """Of each school, in units of tau."""
        return dist.Normal(torch.zeros(8), 1.0).to_event(1)

    @observed
    def x(self, mu: Tensor, tau: Tensor, deviation: Tensor, sigma: Tensor) -> dist.TorchDistribution:
        """The estimated effects, [8]."""
        return dist.Normal(mu.unsqueeze(-1) + tau.unsqueeze(-1) * deviation, sigma).to_event(1)


class KidScores(Model):
    """A child's test score, linear in its mother's IQ, with columns as they are (Gelman & Hill, 2007)."""

    @latent(local=False)
    def beta(self) -> dist.TorchDistribution:
        """Intercept and slope."""
        return dist.Normal(torch.zeros(2), 1000.0).to_event(1)

    @latent(local=False)
    def sigma(self) -> dist.TorchDistribution:
        """The residual's spread."""
        return dist.HalfCauchy(2.5)

    @observed
    def x(self, beta: Tensor, sigma: Tensor, mom_iq: Tensor) -> dist.TorchDistribution:
        """The scores, [434]."""
        line = beta[..., :1] + beta[..., 1:] * mom_iq
        return dist.Normal(line, sigma.unsqueeze(-1)).to_event(1)


class TwoGaussians(Model):
    """A mixture of two Gaussians on the line, whose components have no order: its posterior is symmetric."""

    @latent(local=False)
    def mu(self) -> dist.TorchDistribution:
        """The means."""
        return dist.Normal(torch.zeros(2), 2.0).to_event(1)

    @latent(local=False)
    def sigma(self) -> dist.TorchDistribution:
        """The spreads."""
        return dist.HalfNormal(torch.full((2,), 2.0)).to_event(1)

    @latent(local=False)
    def theta(self) -> dist.TorchDistribution:
        """The share of the first."""
        return dist.Beta(5.0, 5.0)

    @observed
    def x(self, mu: Tensor, sigma: Tensor, theta: Tensor) -> dist.TorchDistribution:
        """The values, [1000]."""
        shares = dist.Categorical(probs=torch.stack([theta, 1 - theta], -1).unsqueeze(-2).expand(*theta.shape, 1000, 2))
        parts = dist.Normal(mu.unsqueeze(-2), sigma.unsqueeze(-2)).expand([*theta.shape, 1000, 2])
        return dist.MixtureSameFamily(shares, parts).to_event(1)


class Autoregression(Model):
    """A time series, each value linear in the five before it."""

    @latent(local=False)
    def alpha(self) -> dist.TorchDistribution:
        """The intercept."""
        return dist.Normal(0.0, 10.0)

    @latent(local=False)
    def beta(self) -> dist.TorchDistribution:
        """The coefficients, of the last value first."""
        return dist.Normal(torch.zeros(5), 10.0).to_event(1)

    @latent(local=False)
    def sigma(self) -> dist.TorchDistribution:
        """The innovations' spread."""
        return dist.HalfCauchy(2.5)

    @observed
    def x(self, alpha: Tensor, beta: Tensor, sigma: Tensor, before: Tensor) -> dist.TorchDistribution:
        """The values with five before them, [T - 5]; those are ``before``, [T - 5, 5]."""
        mean = alpha.unsqueeze(-1) + (before * beta.unsqueeze(-2)).sum(-1)
        return dist.Normal(mean, sigma.unsqueeze(-1)).to_event(1)


def _one_row(**values: Tensor) -> dict[str, Tensor]:
    return {name: value.float().unsqueeze(0) for name, value in values.items()}


def _windows(arrays: Arrays) -> dict[str, Tensor]:
    windows = arrays["y"].unfold(0, int(arrays["K"]) + 1, 1)
    return _one_row(x=windows[:, -1], before=windows[:, :-1].flip(1))


def _effects(draws: Mapping[str, Tensor]) -> dict[str, Tensor]:
    theta = draws["mu"].unsqueeze(-1) + draws["tau"].unsqueeze(-1) * draws["deviation"]
    return {"theta": theta, "mu": draws["mu"], "tau": draws["tau"]}


def _in_order(draws: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The first component is that of the lower mean, as in the reference."""
    mu, order = draws["mu"].sort(-1)
    theta = torch.where(order[..., 0] == 0, draws["theta"], 1 - draws["theta"])
    return {"mu": mu, "sigma": draws["sigma"].gather(-1, order), "theta": theta}


POSTERIORDB: Mapping[str, PosteriorTask] = {
    "eight_schools-eight_schools_noncentered": PosteriorTask(
        EightSchools, lambda arrays: _one_row(x=arrays["y"], sigma=arrays["sigma"]), _effects
    ),
    "kidiq-kidscore_momiq": PosteriorTask(
        KidScores, lambda arrays: _one_row(x=arrays["kid_score"], mom_iq=arrays["mom_iq"])
    ),
    "low_dim_gauss_mix-low_dim_gauss_mix": PosteriorTask(
        TwoGaussians, lambda arrays: _one_row(x=arrays["y"]), _in_order
    ),
    "arK-arK": PosteriorTask(Autoregression, _windows),
}
"""By the name of the posterior's file, ``NAME.npz``, with arrays ``data.NAME`` and ``draws.NAME`` [S, ...]."""
