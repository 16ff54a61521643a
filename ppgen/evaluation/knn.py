"""What the nearest neighbours in code space know about a data point."""

from __future__ import annotations

import numpy as np

from ppgen.estimate import Estimate
from ppgen.evaluation.accuracy import accuracy, check_labelled

__all__ = ["knn_accuracy"]


def knn_accuracy(
    train_codes: np.ndarray, train_labels: np.ndarray, test_codes: np.ndarray, test_labels: np.ndarray, *, k: int = 5
) -> Estimate:
    """The test accuracy of a vote among the ``k`` nearest training codes.

    Codes keep their own scale: standardising would raise units that have collapsed to the prior, whose means hardly
    move, to the rank of units that carry something. The standard error is binomial.

    Args:
        train_codes: [N, D], N >= k.
        train_labels: integers [N].
        test_codes: [M, D].
        test_labels: integers [M].
        k: neighbours that vote; fewer where there are fewer training codes.

    Returns:
        Accuracy between 0 and 1; higher is better.

    Raises:
        DataError: if shapes do not fit or codes are not finite.

    Example:
        >>> codes, labels = np.arange(20.0)[:, None], np.arange(20) // 10
        >>> knn_accuracy(codes, labels, codes + 0.1, labels).value
        1.0
    """
    from sklearn.neighbors import KNeighborsClassifier
    from threadpoolctl import threadpool_limits

    check_labelled(train_codes, train_labels, "training")
    check_labelled(test_codes, test_labels, "test")
    k = min(k, len(train_codes))
    with threadpool_limits(1):  # among equally near codes, which discrete data have many of, threads choose differently
        predicted = KNeighborsClassifier(k).fit(train_codes, train_labels).predict(test_codes)
    return accuracy(predicted, test_labels, f"{k} nearest of {len(train_codes)} training codes")
