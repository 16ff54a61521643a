"""Probes: the test accuracy of a linear classifier and of nearest neighbours on codes."""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Callable

import numpy as np

from ppgen.errors import DataError
from ppgen.estimate import Estimate
from ppgen.evaluation.encodings import Labelled, labelled
from ppgen.evaluation.metric import Evaluation, Measured, itself, metric

__all__ = ["accuracy", "check_labelled", "knn", "knn_accuracy", "linear_probe", "once", "probe_accuracy"]


def accuracy(predicted: np.ndarray, actual: np.ndarray, estimator: str) -> Estimate:
    """The share p of right answers among N, with standard error ``sqrt(p (1 - p) / N)``.

    Args:
        predicted: labels [N].
        actual: labels [N].
        estimator: what predicted them.

    Example:
        >>> print(accuracy(np.array([1, 2, 3, 3]), np.array([1, 2, 3, 4]), "by hand"))
        0.75 ± 0.22 accuracy (unbiased, by hand, n=4)
    """
    share = float(np.mean(predicted == actual))
    return Estimate(
        share,
        math.sqrt(share * (1.0 - share) / len(actual)),
        kind="unbiased",
        unit="accuracy",
        estimator=estimator,
        num_data=len(actual),
        better="higher",
    )


def check_labelled(codes: np.ndarray, labels: np.ndarray, what: str) -> None:
    """Refuse codes that a classifier cannot be fitted to or tested on.

    Args:
        codes: [N, D].
        labels: [N].
        what: they are, ``"training"`` or ``"test"``.

    Raises:
        DataError: unless ``codes`` are finite [N, D] with one label for each row.
    """
    if codes.ndim != 2 or labels.shape != codes.shape[:1] or not len(codes):
        raise DataError(
            f"{what} codes and labels do not fit",
            expected="codes [N, D] and labels [N]",
            got=f"codes {list(codes.shape)} and labels {list(labels.shape)}",
            fix="flatten the code of each data point",
            code="D070",
        )
    if not np.isfinite(codes).all():
        raise DataError(
            f"{what} codes are not finite", fix="look at the encoder: its output holds NaN or infinity", code="D071"
        )


_STRENGTHS = tuple(10.0**power for power in range(-3, 3))


def probe_accuracy(
    train_codes: np.ndarray,
    train_labels: np.ndarray,
    test_codes: np.ndarray,
    test_labels: np.ndarray,
    *,
    folds: int = 5,
    most_rows: int = 10_000,
    seed: int = 0,
) -> Estimate:
    """The test accuracy of a logistic regression on frozen codes.

    Codes are standardised by the training rows; the strength of the L2 penalty is chosen by cross-validation among
    10^-3 ... 10^2, on training rows only; the test rows are looked at once. The standard error is binomial.

    Reference:
        Alain and Bengio, 2017, Understanding Intermediate Layers Using Linear Classifier Probes.

    Args:
        train_codes: [N, D].
        train_labels: integers [N], at least two classes.
        test_codes: [M, D].
        test_labels: integers [M].
        folds: of the cross-validation.
        most_rows: of more training rows, a random subset of this size is used.
        seed: of the subset and the folds.

    Returns:
        Accuracy between 0 and 1; higher is better.

    Raises:
        DataError: if shapes do not fit, codes are not finite, or there is nothing to tell apart.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> labels = rng.integers(2, size=200)
        >>> codes = labels[:, None] + 0.01 * rng.normal(size=(200, 3))
        >>> probe_accuracy(codes[:100], labels[:100], codes[100:], labels[100:]).value
        1.0
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, KFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    check_labelled(train_codes, train_labels, "training")
    check_labelled(test_codes, test_labels, "test")
    rows = np.random.default_rng(seed).permutation(len(train_codes))[:most_rows]
    num_classes = len(np.unique(train_labels[rows]))
    if len(rows) < 2 * folds or num_classes < 2:
        raise DataError(
            "there is nothing to tell apart for a linear probe",
            expected=f"at least {2 * folds} training points of at least two classes",
            got=f"{len(rows)} points of {num_classes} class(es)",
            fix="use a larger training split, or fewer folds",
            code="D072",
        )
    search = GridSearchCV(
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=300, tol=1e-3)),
        {"logisticregression__C": _STRENGTHS},
        cv=KFold(folds, shuffle=True, random_state=seed),
    )
    # A hundred small problems are slower on several threads than on one, and much slower on a busy machine.
    with warnings.catch_warnings(), threadpool_limits(1):
        # A weak penalty on separable classes has no finite optimum to converge to; its accuracy counts all the same.
        warnings.simplefilter("ignore", ConvergenceWarning)
        search.fit(train_codes[rows], train_labels[rows])
    return accuracy(
        search.predict(test_codes),
        test_labels,
        f"logistic regression, {folds}-fold CV on {len(rows)} training points",
    )


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


@metric(
    prepare=itself, question="representation", title="linear probe", unit="accuracy", better="higher", headline=True
)
def linear_probe(evaluation: Evaluation) -> Measured:
    """The accuracy of a logistic regression on codes, beside raw pixels and principal components.

    Kind: unbiased.
    Source: Alain and Bengio, 2017 (arXiv 1610.01644).
    """
    return _probed(evaluation.prepared(labelled), probe_accuracy, seed=evaluation.seed)


@metric(prepare=labelled, question="representation", title="k-NN", unit="accuracy", better="higher")
def knn(found: Labelled) -> Measured:
    """The accuracy of the nearest neighbours of a code, beside raw pixels and principal components.

    Kind: unbiased.
    Source: Cover and Hart, 1967, Nearest neighbor pattern classification.
    """
    return _probed(found, knn_accuracy)


def _probed(found: Labelled, probe: Callable[..., Estimate], **settings: int) -> Measured:
    """A probe of each kind of code; that of the fit comes first."""
    train_labels, test_labels = found.train_labels.cpu().numpy(), found.test_labels.cpu().numpy()
    scores = {
        name: once(probe, train.cpu().numpy(), train_labels, test.cpu().numpy(), test_labels, **settings)
        for name, (train, test) in found.codes.items()
    }
    return Measured(scores.pop(""), scores)


_known: dict[str, Estimate] = {}


def once(probe: Callable[..., Estimate], *data: np.ndarray, **settings: int) -> Estimate:
    """What a probe finds, which is kept: pixels and principal components are the same for every fit of a data set.

    Args:
        probe: :func:`probe_accuracy` or :func:`knn_accuracy`.
        data: codes and labels.
        settings: keywords of the probe.
    """
    shapes = [(array.dtype, array.shape) for array in data]
    digest = hashlib.sha256(repr((probe.__module__, probe.__qualname__, settings, shapes)).encode())
    for array in data:
        digest.update(np.ascontiguousarray(array).data)
    key = digest.hexdigest()
    if key not in _known:
        _known[key] = probe(*data, **settings)
    return _known[key]
