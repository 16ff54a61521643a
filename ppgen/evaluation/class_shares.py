"""Diversity by class: how samples are shared out among the classes that a classifier of the data sees in them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import torch
from torch import Tensor

from ppgen.data.dataset import main_site
from ppgen.errors import DataError, Unanswerable
from ppgen.estimate import Estimate
from ppgen.evaluation.draws import draws
from ppgen.evaluation.encodings import label_of_interest
from ppgen.evaluation.features import feature_network
from ppgen.evaluation.metric import Evaluation, Measured, metric

__all__ = ["class_entropy", "class_entropy_of_samples", "rarest_class", "rarest_class_of_samples"]


def class_entropy(classes: Tensor, num_classes: int) -> Estimate:
    """The entropy of the class of a draw, ``-sum_c s_c log s_c`` over the shares s: log C where all are as frequent.

    It is low by ``(C - 1) / 2N`` on average (Miller, 1955); the standard error is of first order.

    Args:
        classes: integers [N] from 0 to C - 1.
        num_classes: C.

    Raises:
        DataError: unless these are such integers.

    Example:
        >>> round(class_entropy(torch.arange(100) % 4, 4).value, 4)  # log 4
        1.3863
    """
    shares = _shares(classes, num_classes)
    surprise = -torch.where(shares > 0, shares, 1.0).log()
    value = (shares * surprise).sum()
    variance = (shares * (surprise - value) ** 2).sum() / len(classes)
    return Estimate(
        value.item(),
        math.sqrt(variance.item()),
        kind="biased",
        unit="nats",
        per="",
        estimator=f"{num_classes} classes",
        num_data=len(classes),
        better="higher",
    )


def rarest_class(classes: Tensor, num_classes: int) -> Estimate:
    """The share of the class that is rarest among draws: 0 where one is missing, at most 1 / C.

    The least of C shares is low on average. The standard error is binomial, ``sqrt(s (1 - s) / N)``.

    Args:
        classes: integers [N] from 0 to C - 1.
        num_classes: C.

    Raises:
        DataError: unless these are such integers.

    Example:
        >>> rarest_class(torch.tensor([0, 0, 1, 1, 1, 2, 2, 2]), 3).value
        0.25
    """
    shares = _shares(classes, num_classes)
    least = shares.min().item()
    return Estimate(
        least,
        math.sqrt(least * (1.0 - least) / len(classes)),
        kind="biased",
        unit="share",
        per="",
        estimator=f"class {int(shares.argmin())} of {num_classes}",
        num_data=len(classes),
        better="higher",
    )


def _shares(classes: Tensor, num_classes: int) -> Tensor:
    """Of each class among the draws, [C] in float64."""
    is_whole = not (classes.is_floating_point() or classes.is_complex()) and classes.dim() == 1 and len(classes) > 0
    if not is_whole or int(classes.min()) < 0 or int(classes.max()) >= num_classes:
        raise DataError(
            "class shares: these are no classes",
            expected=f"integers [N] from 0 to {num_classes - 1}",
            got=f"{str(classes.dtype).removeprefix('torch.')} {list(classes.shape)}"
            + (f" from {classes.min()} to {classes.max()}" if len(classes) else ""),
            fix="logits.argmax(1)",
            code="D135",
        )
    return torch.bincount(classes, minlength=num_classes).double() / len(classes)


@dataclasses.dataclass(frozen=True)
class Classified:
    """The classes of samples and of test data, as the data set's own network sees them.

    Args:
        generated: [N].
        real: [N].
        num_classes: there are.
        label: that they are of.
    """

    generated: Tensor
    real: Tensor
    num_classes: int
    label: str

    def measured(self, statistic: Callable[[Tensor, int], Estimate]) -> Measured:
        """A number of the samples' classes, beside that of test data.

        Args:
            statistic: of classes [N] and their number.
        """
        estimate, beside = (
            dataclasses.replace(found, estimator=f"{found.estimator}, {self.label} by a classifier")
            for found in (statistic(classes, self.num_classes) for classes in (self.generated, self.real))
        )
        return Measured(estimate, {"test data": beside})


def classified(evaluation: Evaluation) -> Classified:
    """The classes of samples and test data by the data set's own network, which was trained on the training labels.

    One classifier judges both, so that its mistakes are the same. The shares of all classes among samples are a fact of
    the scorecard.

    Args:
        evaluation: of a fit that can be sampled.

    Raises:
        Unanswerable: if the fit has no samples, or the data have no labels.
    """
    found, data = evaluation.prepared(draws), evaluation.fit.data
    data = data.origin or data
    label = label_of_interest(data, main_site(data.split("test")))
    network = feature_network(data)
    if label is None or label not in network.heads:
        raise Unanswerable("the data have no labels by which classes of samples could be told", code="U082")
    generated, real = (network.classes(x, label) for x in (found.generated, found.real))
    shares = _shares(generated, data.num_classes[label])
    evaluation.facts["classifier"] = network.hash
    evaluation.facts["class_shares"] = [round(share, 6) for share in shares.tolist()]
    return Classified(generated, real, data.num_classes[label], label)


@metric(key="class_entropy", prepare=classified, question="sampling", title="entropy of classes", unit="nats",
        better="higher")  # fmt: skip
def class_entropy_of_samples(found: Classified) -> Measured:
    """How evenly samples are shared out among classes, beside test data.

    Kind: biased.
    Source: Miller, 1955, Note on the bias of information estimates.
    """
    return found.measured(class_entropy)


@metric(key="rarest_class", prepare=classified, question="sampling", title="rarest class", unit="share",
        better="higher")  # fmt: skip
def rarest_class_of_samples(found: Classified) -> Measured:
    """The share of the class that is rarest among samples, beside test data.

    Kind: biased.
    Source: ours.
    """
    return found.measured(rarest_class)
