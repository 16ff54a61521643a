"""Evaluation changes nothing: weights, buffers, modes and random states are those from before, and a seed repeats."""

from __future__ import annotations

import copy
import dataclasses
import random
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyro
import pytest
import torch
from torch import Tensor

import ppgen
from ppgen import evaluation, zoo
from ppgen.data import Dataset
from ppgen.errors import PpgenError
from ppgen.evaluation import METRICS, ON_REQUEST, evaluate, features
from ppgen.fitted import Fit
from tests.oracles.state import same, state_of

ROWS = {"train": 48, "valid": 24, "test": 24}
LONG = ("ais", "bdmc")  # the functions below ask the same of fewer steps
ALL = tuple(metric.key for metric in (*METRICS, *ON_REQUEST) if metric.key not in LONG)

EVALUATORS: dict[str, Callable[[Any], Any]] = {
    "metrics": lambda fit: evaluate(fit, named(ALL), num_particles=25, num_samples=20, progress=False),
    "sample": lambda fit: fit.sample(3, **{key: fit.data.split("test")[key][:3] for key in fit.covariates}),
    "elbo": lambda fit: fit.elbo(num_particles=2),
    "log_prob": lambda fit: fit.log_prob_per_datum(num_particles=2),
    "log_weights": lambda fit: fit.log_weights(num_particles=2),
    "encode": lambda fit: fit.encode(),
    "reconstruct": lambda fit: fit.reconstruct(),
    "posterior": lambda fit: fit.posterior(few(fit), 5, trust=True),
    "gold_posterior": lambda fit: fit.gold_posterior(
        few(fit), 4, num_chains=2, num_warmup=20, max_r_hat=1e9, min_ess=0.0
    ),
    "bound_curve": lambda fit: evaluation.bound_curve(fit, num_particles=(1, 3)),
    "annealed": lambda fit: evaluation.annealed_log_prob(fit, few(fit), 3, num_chains=2),
    "sandwiched": lambda fit: evaluation.sandwiched_log_prob(fit, 2, 3, num_chains=2),
    "gap_ledger": lambda fit: evaluation.gap_ledger(
        fit, few(fit), num_particles=3, num_steps=3, num_chains=2, refinement=2
    ),
    "suspects": lambda fit: evaluation.suspects(fit, num_particles=2),
    "calibration": lambda fit: evaluation.simulation_based_calibration(fit, 20, 9),
    "outlier_score": lambda fit: fit.outlier_score(num_particles=2, num_reference=20),
    "detect_outliers": lambda fit: evaluation.detect_outliers(fit, num_data=20, num_particles=2, progress=False),
    "total_correlation": lambda fit: evaluation.total_correlation(fit.model, fit.guide, seen(fit), num_draws=2),
    "gradient_noise": lambda fit: evaluation.gradient_noise(
        fit.model, fit.guide, fit.objective, seen(fit), num_draws=2
    ),
}
"""What judges a fit, each on a few rows."""


def named(keys: Any) -> list[str]:
    """Keys that are names of questions too, as those of metrics."""
    return [f"sampling.{key}" if key == "density" else key for key in keys]


def seen(fit: Any) -> dict[str, Tensor]:
    return {key: value[:20] for key, value in fit.data.split("test").items()}


def few(fit: Any) -> dict[str, Tensor]:
    return {key: value[:2] for key, value in fit.data.split("test").items()}


def small(data: Dataset) -> Dataset:
    """The first rows of each split."""
    splits = {name: {key: value[: ROWS[name]] for key, value in split.items()} for name, split in data.splits.items()}
    origin = None if data.origin is None else small(data.origin)
    domains = {name: small(domain) for name, domain in data.domains.items()}
    return dataclasses.replace(data, splits=splits, origin=origin, domains=domains)


def fitted(name: str) -> Any:
    data = small(zoo.dataset(name))
    model, guide, objective = zoo.build(name, data, seed=0)
    settings = zoo.recipe(name).settings() | {"max_epochs": 1, "progress": False, "device": "cpu"}
    return ppgen.fit(model, data, guide=guide, objective=objective, **settings)


def surroundings(fit: Any) -> dict[str, Any]:
    """What belongs to the caller, and what of the fit is no number."""
    parts = [part for module in fit.state.modules.values() for part in module.modules()]
    weights = [weight for module in fit.state.modules.values() for weight in module.parameters()]
    return {
        "torch": torch.get_rng_state().tolist(),
        "numpy": [np.asarray(part).tolist() for part in np.random.get_state()],
        "python": random.getstate(),
        "parameter store": sorted(pyro.get_param_store().keys()),
        "modes": [part.training for part in parts],
        "frozen": [weight.requires_grad for weight in weights],
        "gradients": [None if weight.grad is None else weight.grad.clone() for weight in weights],
        "history": copy.deepcopy(fit.history),
        "settings": copy.deepcopy(dict(fit.settings)),
    }


def told(found: Any) -> Any:
    """What was found, in plain parts that can be compared; but for what a clock says."""
    if isinstance(found, (Tensor, np.ndarray)):
        return found.tolist()
    if isinstance(found, Fit):
        return told(state_of(found))
    if hasattr(found, "posterior"):  # ArviZ data
        return told({name: values.to_numpy() for name, values in found.posterior.data_vars.items()})
    if dataclasses.is_dataclass(found) and not isinstance(found, type):
        return {field.name: told(getattr(found, field.name)) for field in dataclasses.fields(found)}
    if isinstance(found, Mapping):
        return {key: told(value) for key, value in found.items() if key != "seconds_of_100_samples"}
    if isinstance(found, (list, tuple)):
        return [told(value) for value in found]
    return found if isinstance(found, (int, float)) else str(found)


def outcome(evaluator: Callable[[Any], Any], fit: Any) -> Any:
    """What an evaluator finds, or why it refuses."""
    try:
        return told(evaluator(fit))
    except PpgenError as error:
        return f"refused: {error.what}"


def check(fit: Any, names: Any) -> dict[str, Any]:
    """Ask each evaluator twice; nothing changes, and the second answer is the first."""
    answers = {}
    for name in names:
        weights, beside = state_of(fit), surroundings(fit)
        answers[name] = outcome(EVALUATORS[name], fit)
        assert same(weights, state_of(fit)), f"{name} changed the weights or buffers"
        after = surroundings(fit)
        changed = [key for key in beside if str(beside[key]) != str(after[key])]
        assert not changed, f"{name} changed {changed}"
        torch.randn(3)  # another state of the caller's generator
        assert str(outcome(EVALUATORS[name], fit)) == str(answers[name]), f"{name} gives other numbers the second time"
    return answers


@pytest.fixture
def short_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Features of a network that was hardly trained are features too."""
    monkeypatch.setattr(features, "_STEPS", 2)


SLOW = ("posterior", "gold_posterior", "annealed", "sandwiched", "gap_ledger", "suspects", "detect_outliers")
FAST = {
    "vae": tuple(name for name in EVALUATORS if name not in SLOW),
    "gan": ("metrics", "sample"),
    "made": ("log_prob", "outlier_score"),
}


@pytest.mark.parametrize("name", FAST)
@pytest.mark.usefixtures("short_training")
def test_three_families_are_left_as_they_were(name: str) -> None:
    answers = check(fitted(name), FAST[name])
    assert not any(str(answer).startswith("refused") for answer in answers.values()), answers


@pytest.mark.slow
@pytest.mark.parametrize("name", zoo.names())
@pytest.mark.usefixtures("short_training")
def test_every_recipe_is_left_as_it_was_by_every_evaluator(name: str) -> None:
    answers = check(fitted(name), EVALUATORS)
    assert any(not str(answer).startswith("refused") for answer in answers.values())
