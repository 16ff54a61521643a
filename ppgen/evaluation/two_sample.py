"""The classifier two-sample test: can a network tell two sets of draws apart?"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from ppgen.arguments import whole_number
from ppgen.checked import checked
from ppgen.errors import DataError
from ppgen.estimate import Estimate
from ppgen.evaluation.metric import Evaluation, Measured, itself, metric
from ppgen.evaluation.sampling import clouds

__all__ = ["classifier_two_sample", "two_sample"]

_WIDTH = 10  # units of each hidden layer, for every dimension of the draws
_SMALL, _FEW_EPOCHS = 20, 100  # the network and training of Lopez-Paz and Oquab, for features of many dimensions


@checked
def classifier_two_sample(
    draws: Any,
    reference: Any,
    *,
    hidden: Sequence[int] | None = None,
    max_epochs: int = 1000,
    folds: int = 5,
    seed: int = 1,
) -> Estimate:
    """How often a classifier is right about which of two sets a draw is of: 0.5 where they are alike, else up to 1.

    A perceptron is trained on all folds but one and asked about that one. Draws are standardised by the reference. By
    default it is the protocol of the benchmark sbibm, so that numbers may stand beside those published there. No
    classifier is the best possible one: what it tells is a lower bound.

    References: D. Lopez-Paz and M. Oquab, "Revisiting classifier two-sample tests", 2017 (arXiv 1610.06545); J.-M.
    Lueckmann et al., "Benchmarking simulation-based inference", 2021 (arXiv 2101.04653).

    Args:
        draws: tensor or array [K, ...].
        reference: likewise, [S, ...]; as many as there are draws, so that chance is 0.5.
        hidden: units of each hidden layer; default: two layers of ten units a dimension.
        max_epochs: of each training, which may end sooner.
        folds: of the cross-validation.
        seed: of the folds and of the classifier's weights.

    Returns:
        The accuracy, with the standard error of so many answers.

    Raises:
        SettingError: for hidden layers, epochs or folds that are no whole numbers above zero.
        DataError: for draws of another shape, another number of them, fewer than twice the folds, or not finite.

    Example:
        >>> first, second = np.random.default_rng(0).normal(size=(2, 400, 1))
        >>> 0.4 < classifier_two_sample(first, second, folds=2).value < 0.6
        True
    """
    whole_number("classifier_two_sample: folds", folds, at_least=2, suggested=5)
    whole_number("classifier_two_sample: max_epochs", max_epochs, suggested=1000)
    for width in hidden or ():
        whole_number("classifier_two_sample: hidden", width, suggested=20)
    ours, theirs = (_as_rows(given) for given in (draws, reference))
    if ours.shape != theirs.shape or len(ours) < 2 * folds:
        raise DataError(
            "classifier_two_sample: these two sets cannot be told apart fairly",
            expected=f"as many draws of each, at least {2 * folds}, with the same numbers in each draw",
            got=f"{list(np.shape(draws))} and {list(np.shape(reference))}",
            fix="classifier_two_sample(draws[:1000], reference[:1000])",
            code="D127",
        )
    if not (np.isfinite(ours).all() and np.isfinite(theirs).all()):
        raise DataError(
            "classifier_two_sample: some draws are not finite",
            expected="finite numbers",
            got=f"{int((~np.isfinite(ours)).sum())} and {int((~np.isfinite(theirs)).sum())} that are not",
            fix="look at the guide, or at the sampler, that they came from",
            code="D128",
        )
    # scikit-learn takes a second to import.
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.model_selection import KFold, cross_val_score
    from sklearn.neural_network import MLPClassifier

    center, unit = theirs.mean(0), theirs.std(0)
    unit = np.where(unit > 0, unit, 1.0)
    rows = np.concatenate([(theirs - center) / unit, (ours - center) / unit])
    labels = np.repeat([0, 1], len(ours))
    layers = (_WIDTH * rows.shape[1],) * 2 if hidden is None else tuple(hidden)
    network = MLPClassifier(layers, max_iter=max_epochs, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        scores = cross_val_score(network, rows, labels, cv=KFold(folds, shuffle=True, random_state=seed))
    accuracy = float(scores.mean())
    return Estimate(
        accuracy,
        math.sqrt(accuracy * (1 - accuracy) / len(rows)),
        kind="lower bound",
        unit="accuracy",
        per="draw",
        estimator=f"MLP {_in_words(layers)}, {folds} folds",
        num_data=len(rows),
        better="lower",
    )


def _in_words(layers: Sequence[int]) -> str:
    """Layers in print: ``2x640``, ``20-10``."""
    alike = len(layers) > 1 and len(set(layers)) == 1
    return f"{len(layers)}x{layers[0]}" if alike else "-".join(map(str, layers)) or "linear"


@metric(prepare=itself, question="sampling", title="two-sample test", unit="accuracy", better="lower")
def two_sample(evaluation: Evaluation) -> Measured:
    """How often a small network tells samples from test data by their features, beside real training data.

    Kind: lower bound.
    Source: Lopez-Paz and Oquab, 2017 (arXiv 1610.06545).
    """

    def told_apart(real: Tensor, others: Tensor) -> Estimate:
        return classifier_two_sample(others, real, hidden=(_SMALL,), max_epochs=_FEW_EPOCHS, seed=evaluation.seed)

    return evaluation.prepared(clouds).measured(told_apart)


def _as_rows(given: Any) -> np.ndarray:
    """Draws as rows of numbers, [K, D], float64."""
    array = np.asarray(given, dtype=np.float64)
    return array.reshape(len(array), -1) if array.ndim else array.reshape(1, 1)
