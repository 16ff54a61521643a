"""Samples, test data and training data in equal number, drawn once for all metrics that compare them."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import torch
from torch import Tensor

from ppgen.data.dataset import main_site
from ppgen.declare import without_latents
from ppgen.errors import Unanswerable
from ppgen.evaluation.density import explained_site
from ppgen.evaluation.metric import Evaluation

__all__ = ["Draws", "decoded_draws", "draws"]

_FEWEST = 12  # density and coverage with k = 5 need 2 (k + 1) points
_MOST = 10_000


@dataclasses.dataclass(frozen=True)
class Draws:
    """Three sets of N points as they are, [N, ...] each.

    Args:
        real: of the test split.
        generated: samples.
        training: real training data.
        decoded: where the guide is a point, the codes of the same training data, decoded; else ``None``. Then the
            samples are decoded codes as well, of the prior.
    """

    real: Tensor
    generated: Tensor
    training: Tensor
    decoded: Tensor | None = None


def draws(evaluation: Evaluation) -> Draws:
    """Samples, test data and training data, as many of each.

    Every number depends on how many points there are, so all three come in the same number N: as many as training and
    test split both hold, at most 10,000, or fewer where the evaluation asks for fewer samples.

    A conditional model draws each sample with the covariates of a test point of its own, none of which is among the
    real data that it is compared with: so the test split is halved. Samples made from the very points that they are
    judged by would score above real data.

    An autoencoder is a decoder of codes: its likelihood is only a way to write the squared error, and noise of that
    size no part of what it has learnt. So where the guide gives local latents as points, samples are the likelihood's
    means at codes of the prior, and beside them stand the means at the codes of training data: the aggregate of its
    codes.

    Args:
        evaluation: of a fit that can be sampled.

    Raises:
        Unanswerable: if the fit has no samples, does not explain what the data set is about, or there are too few data.
    """
    return _drawn(evaluation, evaluation.fit.has_point_codes, evaluation.facts)


def decoded_draws(evaluation: Evaluation) -> Draws:
    """The same of any fit with codes, its samples the likelihood's means at codes of the prior, as an autoencoder's.

    Args:
        evaluation: of a fit with codes, that can be sampled.

    Raises:
        Unanswerable: as :func:`draws` does.
    """
    return _drawn(evaluation, True, {})


def _drawn(evaluation: Evaluation, is_decoder: bool, facts: dict[str, Any]) -> Draws:
    """The draws; of a decoder, samples are means, and decoded training codes stand beside them."""
    fit, data, seed = evaluation.fit, evaluation.fit.data, evaluation.seed
    if reason := fit.unanswerable("sampling"):
        raise Unanswerable(reason, code="U007")
    test, train = data.split("test"), data.split("train")
    main, site = main_site(test), explained_site(fit, test)
    available = min(len(test[main]) // (2 if fit.covariates else 1), len(train[main]))
    if available < _FEWEST:
        raise Unanswerable(f"{available} real data points are too few: {_FEWEST} are needed", code="U008")
    wanted = _MOST if evaluation.num_samples is None else evaluation.num_samples
    size = max(_FEWEST, min(available, wanted))
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(test[main]), generator=generator).to(test[main].device)
    chosen = order[:size]
    others = torch.randperm(len(train[main]), generator=generator)[:size].to(train[main].device)
    given: dict[str, Any] = {key: test[key][order[size : 2 * size]] for key in fit.covariates}
    started = time.perf_counter()
    samples = fit.sample(size, site=site, seed=seed, **({"mean": True} if is_decoder else {}), **given)
    facts["seconds_of_100_samples"] = (time.perf_counter() - started) * 100 / size
    if is_decoder:
        facts["samples_are"] = "decoded codes of the prior, without the noise of the likelihood"
    if given:
        facts["samples_given"] = f"{', '.join(given)} of {size} other test points"
    seen = None
    if is_decoder:
        known = without_latents(fit.model, {key: values[others.to(values.device)] for key, values in train.items()})
        seen = fit.reconstruct(known, site=site, seed=seed)
    return Draws(test[main][chosen], samples, train[main][others], seen)
