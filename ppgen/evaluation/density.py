"""Log-densities of the test split, which density p(x), p(x | y) they are of, and the trivial density beside them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

from torch import Tensor

from ppgen.data.dataset import main_site
from ppgen.declare import without_latents
from ppgen.errors import Unanswerable
from ppgen.estimate import Estimate
from ppgen.evaluation.factorised_density import factorised_log_prob
from ppgen.evaluation.histogram_density import count_log_prob, histogram_log_prob, uniform_log_prob
from ppgen.evaluation.metric import Evaluation, Measured, itself, metric
from ppgen.explained import counted_dims, name_of_density, seen_part
from ppgen.fitted import Fit

__all__ = [
    "LogDensities",
    "bits_per_dim",
    "elbo",
    "elbo_of_training_data",
    "explained_site",
    "kind_of_density",
    "log_densities",
    "log_prob",
    "num_levels",
]


def explained_site(fit: Fit, columns: Mapping[str, Tensor]) -> str:
    """The site that the data set is about, if the model explains it.

    Args:
        fit: a fit.
        columns: of its data set, [N, ...] each.

    Raises:
        Unanswerable: if the model takes it as given.
    """
    main = main_site(columns)
    sites = [site for site in fit.observed if fit.model.column_of(site) == main]
    if not sites:
        raise Unanswerable(f"the model explains {', '.join(fit.observed)}, and takes {main} as given", code="U001")
    return sites[0]


def kind_of_density(fit: Fit, batch: Mapping[str, Tensor], num_particles: int, seed: int) -> str:
    """What ``fit.log_prob(batch)`` is: ``"exact"``, or ``"lower bound, IWAE-100"``; two rows tell.

    Args:
        fit: with a density.
        batch: tensors [N, ...] by site and covariate.
        num_particles: of bounds.
        seed: of their draws.
    """
    found = fit.log_prob({name: values[:2] for name, values in batch.items()}, num_particles, seed=seed)
    return "exact" if found.kind == "exact" else f"{found.kind}, {found.estimator}"


_ELBO_PARTICLES = 10
_DISCRETE = ("binary", "8-bit", "integer")  # a continuous density has no code length without a resolution
_BASELINES = {
    "binary": ("factorised Bernoulli", "add-one smoothing"),
    "continuous": ("factorised Gaussian", "smoothed variances"),
    "unit interval": ("factorised Gaussian", "smoothed variances"),
}


@dataclasses.dataclass(frozen=True)
class LogDensities:
    """The log-density of each data point of the test split, and of what.

    Args:
        values: [N], float64, nats.
        mean: their mean, and what kind of number it is.
        trivial: the exact mean log-density of independent dimensions by name; empty where several sites have no
            trivial counterpart, and no one number of dimensions.
    """

    values: Tensor
    mean: Estimate
    trivial: Mapping[str, Estimate]


def log_densities(evaluation: Evaluation) -> LogDensities:
    """Exact log-densities of the test split, or their bounds, beside a trivial density.

    Args:
        evaluation: of a fit, with a number of particles for the bound where there are latent variables.

    Raises:
        Unanswerable: if the fit has no density.
    """
    kind, fit = evaluation.prepared(_kind_of_density), evaluation.fit
    values = fit.log_prob_per_datum(num_particles=evaluation.num_particles, seed=evaluation.seed)
    values = values.detach().cpu().double()
    train, test = fit.data.split("train"), fit.data.split("test")
    # Two data points tell the kind, but not whether all of them count as many dimensions.
    mean = _mean(values, dataclasses.replace(kind, num_dims=fit.num_dims(test)))
    trivial: dict[str, Estimate] = {}
    main = main_site(test)
    explained = [fit.model.column_of(site) for site in fit.observed]
    if explained == [main] and mean.num_dims:
        seen = seen_part(test, main, fit.covariates)
        what = Estimate(
            0.0,
            kind="exact",
            unit="nats",
            measure=mean.measure,
            estimator="",
            better="higher",
            of=name_of_density([main], seen or (), main, seen),
            num_dims=mean.num_dims,
        )
        trivial = {
            name: _mean(others, dataclasses.replace(what, estimator=how))
            for name, (how, others) in _trivial_densities(fit, mean.measure, train[main], test).items()
        }
    if not fit.settings.get("discrete_likelihood", True) and (levels := num_levels(train[main])):
        evaluation.facts["grid"] = f"{levels} levels of {main}"
    return LogDensities(values, mean, trivial)


def _trivial_densities(
    fit: Fit, measure: str, train: Tensor, test: Mapping[str, Tensor]
) -> dict[str, tuple[str, Tensor]]:
    """Log-densities of test data by independent dimensions: for each name how, and [M]; none for some measures."""
    main = main_site(test)
    column, x, counted = fit.data.columns[main], test[main], counted_dims(test, main, fit.covariates)
    if measure in _BASELINES:
        of_values = measure in ("continuous", fit.data.measure)  # a Gaussian suits whatever a density of x does
        is_spread = measure == "binary" or bool((train != train[:1]).any())  # else a Gaussian is infinite
        name, how = _BASELINES[measure]
        return {name: (how, factorised_log_prob(train, x, measure, counted))} if of_values and is_spread else {}
    if column.levels is not None and column.white is not None:
        held = histogram_log_prob(train, x, column.levels, column.white, counted)
        return {
            "factorised histogram": ("add-one smoothing", held),
            f"uniform over {column.levels} levels": ("no fit", uniform_log_prob(x, column.levels, counted)),
        }
    if column.kind == "count":
        return {"factorised histogram": ("one geometric count", count_log_prob(train, x, counted))}
    return {}


def num_levels(values: Tensor) -> int:
    """How many levels a grid of values has; 0 where values are none, but mostly differ.

    A continuous density of values that come again and again has no upper bound: the narrower it is around each level,
    the higher.

    Args:
        values: [N, ...].

    Example:
        >>> import torch
        >>> num_levels(torch.arange(100) % 4 / 4), num_levels(torch.randn(100))
        (4, 0)
    """
    distinct = len(values.detach().flatten().unique())
    return distinct if distinct <= 0.1 * values.numel() else 0


def _kind_of_density(evaluation: Evaluation) -> Estimate:
    """The log-density of two data points, which tells what kind of number that of all is."""
    fit = evaluation.fit
    if reason := fit.unanswerable("density"):
        raise Unanswerable(reason, code="U002")
    head = {key: tensor[:2] for key, tensor in fit.data.split("test").items()}
    return fit.log_prob(head, num_particles=evaluation.num_particles, seed=evaluation.seed)


def _mean(values: Tensor, what: Estimate) -> Estimate:
    """The mean over data points, for the rest described as ``what`` is."""
    error = (values.std() / math.sqrt(len(values))).item() if len(values) > 1 else None
    return dataclasses.replace(what, value=values.mean().item(), standard_error=error, num_data=len(values))


@metric(prepare=log_densities, question="density", title="log p", unit="nats/datum", better="higher", headline=True)
def log_prob(found: LogDensities) -> Measured:
    """The mean log-density of the test split, exact or a lower bound.

    Kind: exact, lower bound.
    Source: the model's own; Burda, Grosse and Salakhutdinov, 2016 (arXiv 1509.00519).
    """
    return Measured(found.mean, found.trivial, found.values.numpy())


@metric(prepare=itself, question="density", title="ELBO", unit="nats/datum", better="higher")
def elbo(evaluation: Evaluation) -> Measured:
    """The evidence lower bound of the test split, where data points have one each.

    Kind: lower bound.
    Source: Kingma and Welling, 2014 (arXiv 1312.6114).
    """
    fit = evaluation.fit
    if fit.has_global_latent or fit.model.is_whole:
        return Measured(None)  # the rate of what all data share would be charged to the test split
    try:
        if evaluation.prepared(_kind_of_density).kind == "exact":
            return Measured(None)  # it would repeat log p
    except Unanswerable:  # where latents are summed out, only the bound is known
        if fit.unanswerable("density"):
            raise
    return Measured(fit.elbo(num_particles=_ELBO_PARTICLES, seed=evaluation.seed))


@metric(prepare=itself, question="density", title="ELBO of training data", unit="nats/data set", better="higher")
def elbo_of_training_data(evaluation: Evaluation) -> Measured:
    """The evidence lower bound of the whole training split, where a latent is shared by all of it.

    Kind: lower bound.
    Source: Jordan et al., 1999, An introduction to variational methods for graphical models.
    """
    fit = evaluation.fit
    if not (fit.has_global_latent or fit.model.is_whole):
        evaluation.prepared(_kind_of_density)  # which refuses what has no density
        return Measured(None)
    train = without_latents(fit.model, fit.data.split("train"))
    bound = fit.elbo(train, num_particles=_ELBO_PARTICLES, seed=evaluation.seed)
    size, error = bound.num_data if bound.per == "datum" else 1, bound.standard_error
    return Measured(
        dataclasses.replace(
            bound,
            value=size * bound.value,
            standard_error=None if error is None else size * error,
            per="data set",
            of="p(training data)",
            num_dims=0,
        )
    )


@metric(prepare=log_densities, question="density", title="code length", unit="bits/dim", better="lower")
def bits_per_dim(found: LogDensities) -> Measured:
    """The code length that log p stands for; only of discrete data at one site.

    Kind: exact, upper bound.
    Source: Theis, van den Oord and Bethge, 2016 (arXiv 1511.01844).
    """
    if not found.mean.num_dims or found.mean.measure not in _DISCRETE:
        return Measured(None)
    baselines = {name: value.bits_per_dim(value.num_dims) for name, value in found.trivial.items()}
    return Measured(found.mean.bits_per_dim(found.mean.num_dims), baselines)
