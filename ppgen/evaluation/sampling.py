"""Features of samples, test data and training data in equal number, which metrics of sampling compare."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from torch import Tensor

from ppgen.errors import Unanswerable
from ppgen.estimate import Estimate
from ppgen.evaluation.draws import Draws, decoded_draws, draws
from ppgen.evaluation.features import FeatureNetwork, feature_network
from ppgen.evaluation.metric import Evaluation, Measured
from ppgen.evaluation.own_features import OwnFeatures

__all__ = ["DECODED", "Clouds", "clouds", "decoded_clouds", "seen_by"]

DECODED = "decoded training codes"


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


def seen_by(evaluation: Evaluation) -> FeatureNetwork | OwnFeatures:
    """The network in whose features samples are judged: the user's own, else that of the data set.

    Args:
        evaluation: under way; its facts get the network's hash.
    """
    own = evaluation.features
    network = feature_network(evaluation.fit.data) if own is None else OwnFeatures(own)
    evaluation.facts["feature_network"] = network.hash
    return network


def clouds(evaluation: Evaluation) -> Clouds:
    """Samples, test data and training data, by :func:`~ppgen.evaluation.draws.draws`, in the features of one network.

    Args:
        evaluation: of a fit that can be sampled.

    Raises:
        Unanswerable: if the fit has no samples, does not explain what the data set is about, or there are too few data.
        DataError: if a network of the user's own gives no features.
    """
    return _in_features(evaluation.prepared(draws), evaluation)


def decoded_clouds(evaluation: Evaluation) -> Clouds:
    """The same of any fit with codes, its samples the likelihood's means at draws of the prior, as an autoencoder's.

    Args:
        evaluation: of a fit with codes, that can be sampled.

    Raises:
        Unanswerable: as :func:`clouds` does, and if the fit has no codes.
    """
    if reason := evaluation.fit.unanswerable("representation"):
        raise Unanswerable(reason, code="U084")
    return _in_features(evaluation.prepared(decoded_draws), evaluation)


def _in_features(found: Draws, evaluation: Evaluation) -> Clouds:
    network = evaluation.prepared(seen_by)
    decoded = None if found.decoded is None else network.features(found.decoded)
    return Clouds(
        network.features(found.real), network.features(found.generated), network.features(found.training), decoded
    )
