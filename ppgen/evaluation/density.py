"""Log-densities of the test split, which density p(x), p(x | y) they are of, and the trivial density beside them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, cast

from torch import Tensor

from ppgen.data.dataset import main_site
from ppgen.declare import Site, covariate_names
from ppgen.errors import DataError, SettingError, Unanswerable
from ppgen.estimate import Estimate
from ppgen.evaluation.scorecard import Answer, reason_of
from ppgen.fitted import Fit

__all__ = [
    "answer_density",
    "covariates_of",
    "density_of",
    "explained_site",
    "factorised_log_prob",
    "observed_by",
    "sites_of",
]


def density_of(fit: Fit) -> str:
    """Which density the model has, as a reader would write it: ``p(x)``, ``p(x | y)``."""
    given = covariates_of(fit)
    return f"p({', '.join(observed_by(fit))}{' | ' if given else ''}{', '.join(given)})"


def covariates_of(fit: Fit) -> list[str]:
    """What the model's sites ask of the data without explaining it: parents that are no sites."""
    return [name for name in covariate_names(sites_of(fit)) if name in fit.data.keys]


def observed_by(fit: Fit) -> list[str]:
    """The sites that the model explains."""
    return [name for name, site in sites_of(fit).items() if site.role != "latent"]


def sites_of(fit: Fit) -> Mapping[str, Site]:
    """The sites of the fitted model by name."""
    return cast(Any, fit.model).sites  # of an nn.Module, every attribute is a Tensor to a type checker


def explained_site(fit: Fit, columns: Mapping[str, Tensor]) -> str:
    """The site that the data set is about, if the model explains it.

    Args:
        fit: a fit.
        columns: of its data set, [N, ...] each.

    Raises:
        Unanswerable: if the model takes it as given.
    """
    main = main_site(columns)
    if main not in observed_by(fit):
        raise Unanswerable(f"the model explains {', '.join(observed_by(fit))}, and takes {main} as given")
    return main


def factorised_log_prob(train: Tensor, test: Tensor, measure: str) -> Tensor:
    """The exact log-density of each test point under independent dimensions fitted to the training split.

    ``"binary"``: Bernoulli with ``p_d = (ones_d + 1) / (N + 2)``, Laplace's rule.
    ``"continuous"``, ``"unit interval"``: Gaussian with the mean and
    ``var_d = (sum_n (x_nd - mean_d)^2 + v) / (N + 1)``, where v is the mean variance of all dimensions: one imagined
    data point that keeps a constant dimension from an infinite density.

    Args:
        train: [N, ...].
        test: [M, ...] of the same event shape.
        measure: of the data set.

    Returns:
        Log-densities [M] in nats, float64.

    Raises:
        DataError: if shapes differ, a binary data set holds other values than 0 and 1, or all data are equal.
        SettingError: for a measure that has no such baseline here.

    Example:
        >>> import torch
        >>> x = torch.tensor([[0.0], [1.0]])
        >>> factorised_log_prob(x, x, "binary").exp()
        tensor([0.5000, 0.5000], dtype=torch.float64)
    """
    if train.shape[1:] != test.shape[1:] or not len(train) or not len(test):
        raise DataError(
            "a density needs training and test data of one shape",
            expected=str(list(train.shape[1:])),
            got=str(list(test.shape[1:])),
        )
    train, test = train.detach().cpu().flatten(1).double(), test.detach().cpu().flatten(1).double()
    if measure == "binary":
        if any(((x != 0.0) & (x != 1.0)).any() for x in (train, test)):
            raise DataError(
                "binary data hold other values than 0 and 1", fix='ppgen.data.load(name, binarize="static")'
            )
        p = (train.sum(dim=0) + 1.0) / (len(train) + 2.0)
        return test @ p.log() + (1.0 - test) @ (-p).log1p()
    if measure in ("continuous", "unit interval"):
        mean, spread = train.mean(dim=0), train.var(dim=0, correction=0)
        if not spread.mean() > 0.0:
            raise DataError("all training data are equal: a Gaussian density of them is infinite")
        variance = (len(train) * spread + spread.mean()) / (len(train) + 1.0)
        return -0.5 * ((test - mean) ** 2 / variance + (2.0 * math.pi * variance).log()).sum(dim=1)
    raise SettingError(
        "no trivial density for this measure", expected="binary, continuous or unit interval", got=repr(measure)
    )


_ELBO_PARTICLES = 10
_DISCRETE = ("binary", "8-bit", "integer")  # a continuous density has no code length without a resolution
_BASELINES = {
    "binary": ("factorised Bernoulli", "add-one smoothing"),
    "continuous": ("factorised Gaussian", "smoothed variances"),
    "unit interval": ("factorised Gaussian", "smoothed variances"),
}


def answer_density(fit: Fit, num_particles: int, seed: int) -> Answer:
    """Log-density of the test split, its ELBO, bits per dimension, and the trivial density beside them.

    Args:
        fit: a fit that has a density.
        num_particles: of the importance-weighted bound, where there are latent variables.
        seed: of the Monte-Carlo draws.

    Returns:
        Estimates ``log_prob``, ``elbo`` (where it is not the same as log p) and ``bits_per_dim`` (for discrete data),
        with the log-density of each data point. With a global latent, data points share one density: then there is an
        ELBO and nothing to pair.
    """
    answer = Answer(facts={"density_of": density_of(fit)})
    try:
        values = fit.log_prob_per_datum(num_particles=num_particles, seed=seed).detach().cpu().double()
    except Unanswerable as error:
        answer.estimates["elbo"] = fit.elbo(num_particles=_ELBO_PARTICLES, seed=seed)
        answer.refusals |= {metric: reason_of(error) for metric in ("log_prob", "bits_per_dim")}
        return answer
    head = {key: tensor[:2] for key, tensor in fit.data.split("test").items()}  # tells what kind of number it is
    log_prob = _mean(values, fit.log_prob(head, num_particles=num_particles, seed=seed))
    answer.estimates["log_prob"], answer.per_datum = log_prob, values.numpy()
    if log_prob.kind != "exact":
        answer.estimates["elbo"] = fit.elbo(num_particles=_ELBO_PARTICLES, seed=seed)
    main = main_site(fit.data.split("test"))
    if observed_by(fit) != [main]:
        return answer  # a density of several sites has no trivial counterpart here, and no one number of dimensions
    trivial = {}
    if log_prob.measure == fit.data.measure and log_prob.measure in _BASELINES:
        values = factorised_log_prob(fit.data.split("train")[main], fit.data.split("test")[main], log_prob.measure)
        name, how = _BASELINES[log_prob.measure]
        what = Estimate(0.0, kind="exact", unit="nats", measure=log_prob.measure, estimator=how, better="higher")
        trivial[name] = _mean(values, what)
    answer.baselines |= {f"log_prob {name}": estimate for name, estimate in trivial.items()}
    if log_prob.measure in _DISCRETE:
        dims = math.prod(fit.data.x_shape)
        answer.estimates["bits_per_dim"] = log_prob.bits_per_dim(dims)
        answer.baselines |= {f"bits_per_dim {name}": value.bits_per_dim(dims) for name, value in trivial.items()}
    return answer


def _mean(values: Tensor, what: Estimate) -> Estimate:
    """The mean over data points, for the rest described as ``what`` is."""
    error = (values.std() / math.sqrt(len(values))).item() if len(values) > 1 else None
    return dataclasses.replace(what, value=values.mean().item(), standard_error=error, num_data=len(values))
