"""How probable is data that the model has never seen?"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

from torch import Tensor

from ppgen.data.dataset import main_site
from ppgen.errors import Unanswerable
from ppgen.estimate import Estimate
from ppgen.evaluation.answer import Answer, reason_of
from ppgen.evaluation.conditions import density_of, observed_by
from ppgen.evaluation.factorised_density import factorised_log_prob

if TYPE_CHECKING:
    from ppgen.fitting import Fit

__all__ = ["answer_density"]

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
    log_prob = _mean(values, _described(fit, num_particles, seed))
    answer.estimates["log_prob"], answer.per_datum = log_prob, values.numpy()
    if log_prob.kind != "exact":
        answer.estimates["elbo"] = fit.elbo(num_particles=_ELBO_PARTICLES, seed=seed)
    main = main_site(fit.data.split("test"))
    if observed_by(fit) != [main]:
        return answer  # a density of several sites has no trivial counterpart here, and no one number of dimensions
    if log_prob.measure == fit.data.measure and log_prob.measure in _BASELINES:
        trivial = factorised_log_prob(fit.data.split("train")[main], fit.data.split("test")[main], log_prob.measure)
        name, how = _BASELINES[log_prob.measure]
        what = Estimate(0.0, kind="exact", unit="nats", measure=log_prob.measure, estimator=how, better="higher")
        answer.baselines[f"log_prob {name}"] = _mean(trivial, what)
    if log_prob.measure in _DISCRETE:
        dims = math.prod(fit.data.x_shape)
        answer.estimates["bits_per_dim"] = log_prob.bits_per_dim(dims)
        answer.baselines |= {
            key.replace("log_prob", "bits_per_dim"): value.bits_per_dim(dims) for key, value in answer.baselines.items()
        }
    return answer


def _described(fit: Fit, num_particles: int, seed: int) -> Estimate:
    """What kind of number the fit's log-density is, from two data points."""
    head = {key: tensor[:2] for key, tensor in fit.data.split("test").items()}
    return fit.log_prob(head, num_particles=num_particles, seed=seed)


def _mean(values: Tensor, what: Estimate) -> Estimate:
    """The mean over data points, for the rest described as ``what`` is."""
    error = (values.std() / math.sqrt(len(values))).item() if len(values) > 1 else None
    return dataclasses.replace(what, value=values.mean().item(), standard_error=error, num_data=len(values))
