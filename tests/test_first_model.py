"""The model of the README, as it stands there, beats every trivial baseline on density, probe and samples."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch

README = Path(__file__).parents[1] / "README.md"


@pytest.mark.slow
def test_the_first_model_beats_what_needs_no_model() -> None:
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)
    names: dict[str, Any] = {}
    torch.manual_seed(0)
    for block in blocks[:2]:
        exec(block, names)
    card = names["score"]
    density = card.answer("log_prob")
    assert density.estimate.value > density.baselines["factorised Bernoulli"].value + 2.0
    probe = card.answer("linear_probe")
    assert probe.estimate.value > probe.baselines["PCA-16"].value
    kid = card.answer("kid").estimate
    assert kid.value < 3 * kid.standard_error, "of an untrained model's samples it is far above"
    assert names["fit"].stopped in ("", "early")
