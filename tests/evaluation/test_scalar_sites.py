"""Scorecards of models whose only site is one class, or one number, a datum: against closed forms."""

from __future__ import annotations

from typing import Any

import pyro.distributions as dist
import pytest
import torch
from torch import Tensor, nn

import ppgen
from ppgen.declare import Model, observed


class Label(Model):
    def __init__(self) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(4))

    @observed
    def y(self) -> Any:
        return dist.Categorical(logits=self.logits)


class Number(Model):
    def __init__(self) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(()))

    @observed
    def y(self) -> Any:
        return dist.Normal(self.mean, 1.0)


torch.manual_seed(0)


@pytest.mark.parametrize(
    ("model", "y", "measure"), [(Label(), torch.arange(200) % 4, "integer"), (Number(), torch.randn(200), "continuous")]
)
def test_a_scalar_site_has_a_scorecard(model: Any, y: Tensor, measure: str) -> None:
    fit = ppgen.fit(model, {"y": y}, max_epochs=1, progress=False, device="cpu")
    card = ppgen.evaluate(fit, progress=False)
    found, test = card["density"]["log_prob"], fit.data.split("test")["y"]
    with torch.no_grad():
        wanted = model.y().log_prob(test).mean()
    assert (found.kind, found.measure, found.of) == ("exact", measure, "p(y)")
    assert found.value == pytest.approx(float(wanted), abs=1e-6)
    assert "no latent variables" in str(card)
