"""Metrics of what an ELBO is made of: distortion and rate, and the terms of the rate over an aggregate posterior."""

from __future__ import annotations

import dataclasses

import torch

from ppgen.context import evaluating, seeded
from ppgen.declare import chunks
from ppgen.errors import Unanswerable
from ppgen.estimate import Estimate
from ppgen.evaluation.aggregate_posterior import rate_decomposition
from ppgen.evaluation.metric import Evaluation, itself, metric
from ppgen.inference import elbo_parts, needs_reference

__all__ = ["dimension_kl", "distortion", "marginal_kl", "mutual_information", "rate", "total_correlation_of_codes"]

_ROWS = 512
_MOST_ROWS = 2000  # whose aggregate is taken whole: the cost grows with their square
_DRAWS = 10  # of the guide for each datum


def _parts(evaluation: Evaluation) -> dict[str, Estimate]:
    """Distortion and rate of the test split by :func:`~ppgen.inference.elbo_parts`, means over ten draws."""
    fit = evaluation.fit
    guide = fit._must_answer("density")
    fit._must_be_local("rate")
    if guide is None or needs_reference(fit.model, guide):
        raise Unanswerable(
            "rate: there is no latent with a guide of its own, so that the ELBO has no two parts",
            expected="latents that a guide draws",
            got="none" if guide is None else "latents that Pyro sums out",
            fix="metrics=['log_prob']",
            code="U075",
        )
    batch = fit._batch(None)
    size = len(next(iter(batch.values())))
    totals = {"distortion": torch.zeros(_DRAWS).double(), "rate": torch.zeros(_DRAWS).double()}
    with seeded(evaluation.seed, fit.device), evaluating(fit.model, guide):
        for chunk in chunks(batch, _ROWS):
            rows = len(next(iter(chunk.values())))
            drawn = [elbo_parts(fit.model, guide, chunk, rows) for _ in range(_DRAWS)]
            for name, total in totals.items():
                total += torch.stack([getattr(one.unweighted or one, name) for one in drawn]).cpu() * (rows / size)
    return {
        name: Estimate(
            float(total.mean()),
            float(total.std()) / _DRAWS**0.5,
            unit="nats",
            estimator=f"{_DRAWS} draws, closed KL where there is one",
            num_data=size,
        )
        for name, total in totals.items()
    }


def _terms(evaluation: Evaluation) -> dict[str, Estimate]:
    """The terms of the rate of the test split, or of a random 2000 of it, which have another aggregate."""
    fit = evaluation.fit
    guide = fit._must_answer("density")
    if guide is None:
        raise Unanswerable(
            "mutual information: there is no latent",
            expected="a latent and a guide",
            fix="metrics=['log_prob']",
            code="U076",
        )
    batch = fit._batch(None)
    size = len(next(iter(batch.values())))
    if size <= _MOST_ROWS:
        return rate_decomposition(fit.model, guide, batch, num_draws=_DRAWS, seed=evaluation.seed)
    rows = torch.randperm(size, generator=torch.Generator().manual_seed(evaluation.seed))[:_MOST_ROWS]
    some = {name: value[rows.to(value.device)] for name, value in batch.items()}
    found = rate_decomposition(fit.model, guide, some, num_draws=_DRAWS, seed=evaluation.seed)
    return {name: dataclasses.replace(one, kind="biased") for name, one in found.items()}


@metric(prepare=itself, question="density", title="rate", unit="nats/datum")
def rate(evaluation: Evaluation) -> Estimate:
    """What codes tell of the data, ``KL(q(z | x) || p(z))``: near 0 where the decoder does without them.

    Kind: unbiased.
    Source: Alemi et al., 2018 (arXiv 1711.00464).
    """
    return evaluation.prepared(_parts)["rate"]


@metric(prepare=itself, question="density", title="distortion", unit="nats/datum", better="lower")
def distortion(evaluation: Evaluation) -> Estimate:
    """What it costs to describe a datum whose code is known, ``-E_q[log p(x | z)]``.

    Kind: unbiased.
    Source: Alemi et al., 2018 (arXiv 1711.00464).
    """
    return evaluation.prepared(_parts)["distortion"]


@metric(prepare=itself, question="density", title="I(x; z)", unit="nats")
def mutual_information(evaluation: Evaluation) -> Estimate:
    """How well a code tells its datum from the others of the set; at most the log of their number.

    Kind: unbiased, biased.
    Source: Hoffman and Johnson, 2016, ELBO surgery.
    """
    return evaluation.prepared(_terms)["mutual_information"]


@metric(prepare=itself, question="density", title="KL(q(z) || p(z))", unit="nats", better="lower")
def marginal_kl(evaluation: Evaluation) -> Estimate:
    """How far the codes of all data are from the prior that samples are decoded from.

    Kind: unbiased, biased.
    Source: Hoffman and Johnson, 2016, ELBO surgery.
    """
    return evaluation.prepared(_terms)["marginal_kl"]


@metric(key="total_correlation", prepare=itself, question="density", title="total correlation", unit="nats")
def total_correlation_of_codes(evaluation: Evaluation) -> Estimate:
    """How dependent the dimensions of the codes of all data are.

    Kind: unbiased, biased.
    Source: Chen et al., 2018 (arXiv 1802.04942).
    """
    return evaluation.prepared(_terms)["total_correlation"]


@metric(prepare=itself, question="density", title="KL by dimension", unit="nats", better="lower")
def dimension_kl(evaluation: Evaluation) -> Estimate:
    """How far single dimensions of the codes of all data are from the prior's, added up.

    Kind: unbiased, biased.
    Source: Chen et al., 2018 (arXiv 1802.04942).
    """
    return evaluation.prepared(_terms)["dimension_kl"]
