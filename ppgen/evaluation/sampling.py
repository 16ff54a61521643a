"""Samples of a fit against its test split: how like real data they are, and how varied."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ppgen.errors import Unanswerable
from ppgen.estimate import Estimate
from ppgen.evaluation.density import covariates_of, explained_site
from ppgen.evaluation.features import feature_network
from ppgen.evaluation.kid import kid
from ppgen.evaluation.prdc import density_and_coverage, precision_and_recall
from ppgen.evaluation.scorecard import Answer
from ppgen.fitted import Fit

__all__ = ["answer_sampling"]

_FEWEST = 12  # density and coverage with k = 5 need 2 (k + 1) points
_MOST = 10_000


def answer_sampling(fit: Fit, num_samples: int | None, seed: int) -> Answer:
    """Samples against the test split in the features of the data set's own network, beside real training data.

    Every number depends on how many points there are, so samples, test data and training data come in the same number
    N. A conditional model draws each sample with the covariates of one of the N test points.

    Args:
        fit: a fit that can be sampled.
        num_samples: N; default: as many as training and test split both hold, at most 10,000, which is also the most
            that a larger number can mean.
        seed: of the samples and of the choice of real data.

    Returns:
        Estimates ``kid``, ``precision``, ``recall``, ``density``, ``coverage``, and the same for real training data
        as baselines ``"kid real/real"`` and so on: the floor, or ceiling, that a perfect model would reach.

    Raises:
        Unanswerable: if the model does not explain what the data set is about, or there are too few data.
    """
    data = fit.data
    test, train = data.split("test"), data.split("train")
    main = explained_site(fit, test)
    available = min(len(test[main]), len(train[main]))
    if available < _FEWEST:
        raise Unanswerable(f"{available} real data points are too few: {_FEWEST} are needed")
    size = max(_FEWEST, min(available, _MOST if num_samples is None else num_samples))
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(test[main]), generator=generator)[:size].to(test[main].device)
    others = torch.randperm(len(train[main]), generator=generator)[:size].to(train[main].device)
    given: dict[str, Any] = {key: test[key][chosen] for key in covariates_of(fit)}
    samples = fit.sample(size, site=main, seed=seed, **given)

    network = feature_network(data)
    real = network.features(test[main][chosen])
    floor = _scores(real, network.features(train[main][others]), seed)
    baselines = {f"{metric} real/real": estimate for metric, estimate in floor.items()}
    return Answer(_scores(real, network.features(samples), seed), baselines, facts={"feature_network": network.hash})


def _scores(real: Tensor, generated: Tensor, seed: int) -> dict[str, Estimate]:
    precision, recall = precision_and_recall(real, generated, seed=seed)
    density, coverage = density_and_coverage(real, generated, seed=seed)
    return {
        "kid": kid(real, generated),
        "precision": precision,
        "recall": recall,
        "density": density,
        "coverage": coverage,
    }
