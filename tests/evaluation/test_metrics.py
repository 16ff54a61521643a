from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import pytest

import ppgen.evaluation
from ppgen.errors import SettingError
from ppgen.evaluation import DISENTANGLEMENT, METRICS, ON_REQUEST, Metric, kid
from ppgen.evaluation.metric import QUESTIONS
from ppgen.evaluation.metrics import chosen


def test_a_metric_is_registered_where_it_is_computed() -> None:
    found = {}
    for name in (module.name for module in pkgutil.iter_modules(ppgen.evaluation.__path__)):
        module = importlib.import_module(f"ppgen.evaluation.{name}")
        for value in vars(module).values():
            if isinstance(value, Metric) and value.function.__module__ == module.__name__:
                found[value.key] = module.__name__.rpartition(".")[2]
    assert found == {
        **dict.fromkeys(("log_prob", "elbo", "elbo_of_training_data", "bits_per_dim"), "density"),
        "kid": "kid",
        **{"fid": "fid", "two_sample": "two_sample", "data_copying": "data_copying"},
        **dict.fromkeys(("class_entropy", "rarest_class"), "class_shares"),
        **dict.fromkeys(("precision", "recall", "density", "coverage"), "prdc"),
        **dict.fromkeys(("linear_probe", "knn"), "probes"),
        **dict.fromkeys(("reconstruction_error", "active_units"), "representation"),
        **dict.fromkeys(("ais", "bdmc"), "annealed_density"),
        "pareto_k": "guide_tail",
        **dict.fromkeys(("interval_95", "rank_deviation"), "rank_scores"),
        "bayes_accuracy": "classify",
        **dict.fromkeys(("cluster_accuracy", "cluster_ari", "cluster_nmi"), "clusters"),
        **dict.fromkeys(("trustworthiness", "continuity", "completeness"), "latent_space"),
        **{"mig": "mutual_information_gap", "sap": "separated_predictability", "modularity": "modularity"},
        **dict.fromkeys(("dci_disentanglement", "dci_completeness", "dci_informativeness"), "dci"),
        **{name: name for name in ("factor_vae_score", "beta_vae_score")},
        "kde": "parzen_window",
        **dict.fromkeys(("rate", "distortion", "mutual_information"), "elbo_terms"),
        **dict.fromkeys(("marginal_kl", "total_correlation", "dimension_kl"), "elbo_terms"),
    }
    assert chosen(None) == METRICS
    assert sorted(metric.key for metric in (*METRICS, *ON_REQUEST)) == sorted(found)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.key)
def test_each_says_what_it_is(metric: Metric) -> None:
    assert metric.title
    assert metric.question in QUESTIONS
    assert metric.better or metric.is_count or metric.key == "interval_95"  # too many is as wrong as too few
    assert metric.function.__doc__


def keys(metrics: Any) -> list[str]:
    return [metric.key for metric in chosen(metrics)]


def test_keys_questions_metrics_and_functions_each_once() -> None:
    def ink(fit: Any) -> float:
        return 0.0

    assert keys(["kid", "log_prob"]) == ["kid", "log_prob"]
    assert keys(["density"]) == ["log_prob", "elbo", "elbo_of_training_data", "bits_per_dim"]  # the question
    assert keys(["disentanglement"]) == [metric.key for metric in DISENTANGLEMENT]  # none of which is measured unasked
    assert keys(["sampling.density"]) == ["density"]  # the metric
    assert keys(["elbo", "density", ink, Metric("ink", ink)]) == [
        *("elbo", "log_prob", "elbo_of_training_data", "bits_per_dim", "ink")
    ]
    assert chosen([ink])[0].question == "own"


@pytest.mark.parametrize(
    ("metrics", "words"),
    [
        ("log_prob", "metrics are no list"),
        (len, "metrics are no list"),
        (3, "metrics are no list"),
        ([], "no metric"),
        (["log_prop"], "unknown metric 'log_prop'"),
        ([3], "unknown metric 3"),
        ([lambda fit: 1.0], "the key is no name"),
        ([Metric("ink", len), Metric("ink", sum)], "two metrics are called 'ink'"),
        ([Metric("kid", len)], "two metrics are called 'kid'"),
        ([kid], "two metrics are called 'kid'"),  # the function of features is no metric
    ],
)
def test_what_cannot_be_measured_is_refused_by_name(metrics: Any, words: str) -> None:
    with pytest.raises(SettingError, match=words):
        chosen(metrics)
