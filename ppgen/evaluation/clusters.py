"""Clusters of codes held against labels: accuracy under the best naming, adjusted Rand index, mutual information."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ppgen.errors import DataError
from ppgen.estimate import Estimate
from ppgen.evaluation.encodings import Labelled, labelled
from ppgen.evaluation.metric import Evaluation, Measured, metric
from ppgen.evaluation.probes import accuracy, check_labelled

__all__ = ["cluster_accuracy", "cluster_ari", "cluster_nmi", "cluster_scores", "clustered"]

_MOST_ROWS = 5000
_DRAWS = 100  # of the bootstrap of test rows


def cluster_scores(
    train_codes: np.ndarray,
    test_codes: np.ndarray,
    test_labels: np.ndarray,
    *,
    num_clusters: int,
    num_starts: int = 10,
    seed: int = 0,
) -> dict[str, Estimate]:
    """How well k-means on codes, which sees no label, finds the classes again: three numbers of test rows.

    ``"accuracy"``: the share of rows in the class that their cluster is named after, each cluster after another class
    by the assignment that is best on the test labels themselves (the Hungarian algorithm), so that it flatters a
    little. ``"ari"``: the Rand index adjusted so that it is 0 for clusters by chance, and 1 for those of the classes.
    ``"nmi"``: the mutual information of cluster and class over the mean of their entropies. Codes keep their own
    scale, as for neighbours. Standard errors are over test rows, by a bootstrap for the last two.

    Reference: J. Xie, R. Girshick and A. Farhadi, "Unsupervised deep embedding for clustering analysis", 2016,
    equation 10; L. Hubert and P. Arabie, "Comparing partitions", 1985; N. Vinh, J. Epps and J. Bailey, "Information
    theoretic measures for clusterings comparison", 2010.

    Args:
        train_codes: [N, D], which the centres are fitted to.
        test_codes: [M, D].
        test_labels: integers [M].
        num_clusters: as many as there are classes, for a fair accuracy.
        num_starts: of k-means; the tightest clusters are taken.
        seed: of the starts and the bootstrap.

    Returns:
        ``{"accuracy": ..., "ari": ..., "nmi": ...}``; higher is better.

    Raises:
        DataError: if shapes do not fit, codes are not finite, or there are fewer training codes than clusters.

    Example:
        >>> labels = np.arange(60) % 3
        >>> codes = 9.0 * np.eye(3)[labels] + 0.1 * np.random.default_rng(0).normal(size=(60, 3))
        >>> found = cluster_scores(codes, codes, labels, num_clusters=3)
        >>> [round(found[name].value, 6) for name in ("accuracy", "ari", "nmi")]
        [1.0, 1.0, 1.0]
    """
    from scipy.optimize import linear_sum_assignment
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
    from sklearn.metrics.cluster import contingency_matrix
    from threadpoolctl import threadpool_limits

    check_labelled(test_codes, test_labels, "test")
    check_labelled(train_codes, np.zeros(len(train_codes)), "training")
    if len(train_codes) < num_clusters:
        raise DataError(
            "there are fewer training codes than clusters",
            expected=f"at least {num_clusters}",
            got=f"{len(train_codes)}",
            fix="use a larger training split, or fewer clusters",
            code="D136",
        )
    settings: dict[str, Any] = {"n_init": num_starts, "random_state": seed}
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # codes that are all alike: the scores below say so
        means = KMeans(num_clusters, **settings).fit(train_codes.astype(np.float64))
        found = means.predict(test_codes.astype(np.float64))
    how = f"{num_clusters}-means of {len(train_codes)} training codes"
    classes, clusters = np.unique(test_labels), np.unique(found)
    # A cluster beyond the number of classes is named after none: its rows count as wrong.
    rows, columns = linear_sum_assignment(-contingency_matrix(test_labels, found))
    named = dict(zip(clusters[columns], classes[rows], strict=True))
    nobody = np.min(classes) - 1
    renamed = np.array([named.get(cluster, nobody) for cluster in found])

    def spread(score: Callable[[np.ndarray, np.ndarray], float]) -> float:
        draws = np.random.default_rng(seed).integers(len(found), size=(_DRAWS, len(found)))
        return float(np.std([score(test_labels[draw], found[draw]) for draw in draws], ddof=1))

    scores = {"ari": adjusted_rand_score, "nmi": normalized_mutual_info_score}
    return {"accuracy": accuracy(renamed, test_labels, f"{how}, best naming")} | {
        name: Estimate(
            float(score(test_labels, found)),
            spread(score),
            kind="biased",
            estimator=how,
            num_data=len(found),
            better="higher",
        )
        for name, score in scores.items()
    }


@dataclasses.dataclass(frozen=True)
class Clustered:
    """Scores of clusters by the name of the code; the fit's own is ``""``."""

    scores: dict[str, dict[str, Estimate]]

    def measured(self, name: str) -> Measured:
        """One score of each code."""
        each = {code: scores[name] for code, scores in self.scores.items()}
        return Measured(each.pop(""), each)


def clustered(evaluation: Evaluation) -> Clustered:
    """As many clusters as classes of each kind of code, that of the fit beside raw pixels and principal components.

    Args:
        evaluation: of a fit with codes of data that have labels.

    Raises:
        Unanswerable: as probes do.
    """
    found: Labelled = evaluation.prepared(labelled)
    generator = np.random.default_rng(evaluation.seed)  # a file may be sorted
    labels = found.test_labels.cpu().numpy()
    some, others = (generator.permutation(len(rows))[:_MOST_ROWS] for rows in (found.train_labels, labels))
    settings = {"num_clusters": len(found.train_labels.unique()), "seed": evaluation.seed}
    return Clustered(
        {
            name: cluster_scores(train.cpu().numpy()[some], test.cpu().numpy()[others], labels[others], **settings)
            for name, (train, test) in found.codes.items()
        }
    )


@metric(prepare=clustered, question="clusters", title="k-means accuracy", unit="accuracy", better="higher")
def cluster_accuracy(found: Clustered) -> Measured:
    """The share of test rows in the class that their cluster is named after.

    Kind: biased.
    Source: Xie, Girshick and Farhadi, 2016 (arXiv 1511.06335).
    """
    return found.measured("accuracy")


@metric(prepare=clustered, question="clusters", title="adjusted Rand index", better="higher")
def cluster_ari(found: Clustered) -> Measured:
    """How well clusters and classes agree, 0 by chance.

    Kind: biased.
    Source: Hubert and Arabie, 1985, Comparing partitions.
    """
    return found.measured("ari")


@metric(prepare=clustered, question="clusters", title="NMI", better="higher")
def cluster_nmi(found: Clustered) -> Measured:
    """The mutual information of cluster and class, over the mean of their entropies.

    Kind: biased.
    Source: Vinh, Epps and Bailey, 2010, Information theoretic measures for clusterings comparison.
    """
    return found.measured("nmi")
