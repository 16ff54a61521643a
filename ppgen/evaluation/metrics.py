"""All metrics of ours in the order of tables, and those that a user names or brings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ppgen.errors import SettingError
from ppgen.evaluation.annealed_density import ais, bdmc
from ppgen.evaluation.class_shares import class_entropy_of_samples, rarest_class_of_samples
from ppgen.evaluation.classify import bayes_accuracy
from ppgen.evaluation.clusters import cluster_accuracy, cluster_ari, cluster_nmi
from ppgen.evaluation.data_copying import data_copying_of_samples
from ppgen.evaluation.density import bits_per_dim, elbo, elbo_of_training_data, log_prob
from ppgen.evaluation.disentanglement import DISENTANGLEMENT
from ppgen.evaluation.elbo_terms import (
    dimension_kl,
    distortion,
    marginal_kl,
    mutual_information,
    rate,
    total_correlation_of_codes,
)
from ppgen.evaluation.fid import fid_of_samples
from ppgen.evaluation.guide_tail import heavy_tails
from ppgen.evaluation.kid import kid_of_samples
from ppgen.evaluation.latent_space import completeness, continuity, trustworthiness
from ppgen.evaluation.metric import Metric
from ppgen.evaluation.parzen_window import kde
from ppgen.evaluation.prdc import coverage, density, precision, recall
from ppgen.evaluation.probes import knn, linear_probe
from ppgen.evaluation.rank_scores import deviation_of_ranks, intervals_of_guide
from ppgen.evaluation.representation import active_units, error_of_reconstructions
from ppgen.evaluation.two_sample import two_sample

__all__ = ["METRICS", "ON_REQUEST", "chosen"]

METRICS: tuple[Metric, ...] = (
    *(log_prob, elbo, elbo_of_training_data, bits_per_dim),
    *(kid_of_samples, precision, recall, density, coverage),
    *(linear_probe, knn, error_of_reconstructions, active_units),
    intervals_of_guide,
)
ON_REQUEST: tuple[Metric, ...] = (
    *(ais, bdmc, kde, bayes_accuracy, deviation_of_ranks, heavy_tails),
    *(cluster_accuracy, cluster_ari, cluster_nmi, trustworthiness, continuity, completeness),
    *(fid_of_samples, two_sample, data_copying_of_samples, class_entropy_of_samples, rarest_class_of_samples),
    *(rate, distortion, mutual_information, marginal_kl, total_correlation_of_codes, dimension_kl),
    *DISENTANGLEMENT,
)
"""Ours too, but measured only where they are named: they take long, or answer what only some ask."""


def chosen(metrics: Iterable[Any] | None) -> tuple[Metric, ...]:
    """The metrics that a user asks for, each once.

    Args:
        metrics: keys of ours, whole questions, ``"sampling.density"`` for a key that is also the name of a question,
            :class:`~ppgen.evaluation.Metric` objects and functions of a fit; ``None`` for all of ours.

    Raises:
        SettingError: naming what is unknown or nothing to measure, or the key that two metrics have.

    Example:
        >>> [metric.key for metric in chosen(["kid", "density"])]
        ['kid', 'log_prob', 'elbo', 'elbo_of_training_data', 'bits_per_dim']
    """
    if metrics is None:
        return METRICS
    if isinstance(metrics, str) or callable(metrics) or not isinstance(metrics, Iterable):
        raise SettingError(
            "evaluate: metrics are no list",
            expected="a list",
            got=repr(metrics),
            fix='metrics=["log_prob", my_function]',
            code="S068",
        )
    found: list[Metric] = []
    for metric in (metric for entry in metrics for metric in _named(entry)):
        found += [] if metric in found else [metric]
    if not found:
        raise SettingError(
            "evaluate: no metric", expected="at least one", got="[]", fix='metrics=["log_prob"]', code="S069"
        )
    by_key: dict[str, Metric] = {}
    for metric in found:
        if by_key.setdefault(metric.key, metric) is not metric or (
            metric.key in _OURS and metric not in (*METRICS, *ON_REQUEST)
        ):
            raise SettingError(
                f"evaluate: two metrics are called {metric.key!r}",
                expected="a key for each, and none of ours: " + ", ".join(_OURS),
                got=f"{metric.key} of {metric.question}",
                fix=f'ppgen.Metric("my_{metric.key}", function)',
                code="S070",
            )
    return tuple(found)


_OURS = {metric.key: (metric,) for metric in (*METRICS, *ON_REQUEST)}
_GROUPS = {
    question: tuple(metric for metric in METRICS if metric.question == question)
    or tuple(metric for metric in ON_REQUEST if metric.question == question)
    for question in dict.fromkeys(metric.question for metric in (*METRICS, *ON_REQUEST))
}
_BY_NAME = _OURS | _GROUPS | {f"{metric.question}.{key}": (metric,) for key, (metric,) in _OURS.items()}


def _named(entry: Any) -> tuple[Metric, ...]:
    if isinstance(entry, Metric):
        return (entry,)
    if isinstance(entry, str) and entry in _BY_NAME:
        return _BY_NAME[entry]
    if callable(entry):
        return (Metric(getattr(entry, "__name__", type(entry).__name__), entry),)
    raise SettingError(
        f"evaluate: unknown metric {entry!r}",
        expected=f"{', '.join(dict.fromkeys([*_GROUPS, *_OURS]))}, a ppgen.Metric, or a function of a fit",
        got=repr(entry),
        fix='metrics=["log_prob", "sampling", my_function]',
        code="S071",
    )
