"""Features of samples, test data and training data in equal number, which all metrics of sampling compare."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ppgen.data.dataset import main_site
from ppgen.declare import without_latents
from ppgen.errors import Unanswerable
from ppgen.estimate import Estimate
from ppgen.evaluation.density import explained_site
from ppgen.evaluation.features import feature_network
from ppgen.evaluation.metric import Evaluation, Measured

__all__ = ["DECODED", "Clouds", "clouds", "decoded_clouds"]

DECODED = "decoded training codes"

_FEWEST = 12  # density and coverage with k = 5 need 2 (k + 1) points
_MOST = 10_000


@dataclasses.dataclass(frozen=True)
class Clouds:
    """Features [N, F] of three sets of N points.

    Args:
        real: of the test split.
        generated: of samples.
        training: of real training data, in place of samples: what they score is the floor, or ceiling, that a
            perfect model would reach.
        decoded: where the guide is a point, of the codes of the same training data, decoded; else ``None``. Then the
            samples are decoded codes as well, of the prior.
    """

    real: Tensor
    generated: Tensor
    training: Tensor
    decoded: Tensor | None = None

    def measured(self, statistic: Callable[[Tensor, Tensor], Estimate]) -> Measured:
        """A number of the samples, beside those of real training data and, where there are such, of decoded codes.

        Args:
            statistic: of two sets of features, real ones and others, [N, F] each.
        """
        others = {"real/real": self.training} | ({} if self.decoded is None else {DECODED: self.decoded})
        baselines = {name: statistic(self.real, features) for name, features in others.items()}
        estimate = statistic(self.real, self.generated)
        if self.decoded is not None:
            estimate = dataclasses.replace(estimate, estimator=f"{estimate.estimator}, decoded codes")
        return Measured(estimate, baselines)


def clouds(evaluation: Evaluation) -> Clouds:
    """Samples, test data and training data in the features of the data set's own network.

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


def decoded_clouds(evaluation: Evaluation) -> Clouds:
    """The same of any fit with codes, its samples the likelihood's means at draws of the prior, as an autoencoder's.

    Args:
        evaluation: of a fit with codes, that can be sampled.

    Raises:
        Unanswerable: as :func:`clouds` does, and if the fit has no codes.
    """
    if reason := evaluation.fit.unanswerable("representation"):
        raise Unanswerable(reason)
    return _drawn(evaluation, True, {})


def _drawn(evaluation: Evaluation, is_decoder: bool, facts: dict[str, Any]) -> Clouds:
    """The clouds; of a decoder, samples are means, and decoded training codes stand beside them."""
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

    network = feature_network(data)
    facts["feature_network"] = network.hash
    real, generated = network.features(test[main][chosen]), network.features(samples)
    training, decoded = network.features(train[main][others]), None
    if is_decoder:
        seen = without_latents(fit.model, {key: values[others.to(values.device)] for key, values in train.items()})
        decoded = network.features(fit.reconstruct(seen, site=site, seed=seed))
    return Clouds(real, generated, training, decoded)
