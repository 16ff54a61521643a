"""Derived guides against exact answers: 64 points, linear-Gaussian models, everything in float64.

The whole table, with every family on every model, is made by ``benchmarks/guides_table.py``.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch

from ppgen.guides import Flow, FullRank, MeanField, Structured
from tests.oracles.ascent import bound, maximise
from tests.oracles.known_answers import ByPattern, Known, case

pytestmark = pytest.mark.usefixtures("float64")


def fitted(name: str, family: Any, steps: int = 400, **settings: Any) -> tuple[Known, dict[str, torch.Tensor], Any]:
    """The model, its data, and a guide fitted to them."""
    torch.manual_seed(0)
    model, batch = case(name)
    guide = family(model, width=32, encoder=ByPattern(batch), **settings).setup(batch)
    maximise(model, guide, batch, steps, 0.02 if family is Flow else 0.05)
    return model, batch, guide


@pytest.mark.parametrize("name", ["A", "B", "F", "masked data", "masked latent", "masked views"])
def test_mean_field_reaches_the_best_that_factorises(name: str) -> None:
    """Within half a nat for all 64 points, and not above it: no factorised guide is better."""
    model, batch, guide = fitted(name, MeanField)
    value, error = bound(model, guide, batch, 1600)
    best = model.best_mean_field(batch).sum().item()
    assert best - 0.5 - 3 * error < value < best + 3 * error


JOINT = [
    ("A", FullRank, {}),
    ("B", FullRank, {}),
    ("B", Structured, {}),
    ("B", Structured, {"order": "model"}),
    ("B", Flow, {"transforms": 1}),
    ("F", Structured, {}),
    ("masked data", FullRank, {}),
    ("masked data", Structured, {}),
    ("masked latent", FullRank, {}),
]


@pytest.mark.parametrize(("name", "family", "settings"), JOINT)
def test_a_guide_with_covariances_reaches_log_p(name: str, family: Any, settings: dict[str, Any]) -> None:
    """Within one nat for all 64 points, and not above it."""
    # Three patterns of what is seen are three posteriors for one encoder, and take longer to learn.
    steps = 1500 if name == "masked data" else 300 if family is Flow else 400
    model, batch, guide = fitted(name, family, steps, **settings)
    value, error = bound(model, guide, batch, 800)
    exact = model.log_prob(batch).sum().item()
    assert exact - 1.0 - 3 * error < value < exact + 3 * error
