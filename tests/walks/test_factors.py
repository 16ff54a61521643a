"""Arithmetic changes the factor that it is asked to change, and a classifier of real images sees it."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
import torch

import ppgen
from ppgen.data.built_in import draw

PROGRAM = Path(__file__).resolve().parents[2] / "benchmarks" / "arithmetic.py"


@pytest.mark.skipif(not PROGRAM.exists(), reason="looks at a checkout, not at an installation")
def test_small_sprites_grow_by_arithmetic() -> None:
    sprites = draw(32)
    few = (sprites["orientation"] == 0) & (sprites["pos_x"] % 2 == 0) & (sprites["pos_y"] % 2 == 0)
    columns = {"x": sprites["x"][few].float(), "scale": sprites["scale"][few]}
    data = ppgen.data.from_tensors(columns)
    torch.manual_seed(0)
    model = ppgen.models.VAE((1, 32, 32), latent_dim=6, hidden=(128,))
    fit = ppgen.fit(model, data, max_epochs=60, batch_size=32, learning_rate=3e-3, progress=False)
    result = runpy.run_path(str(PROGRAM))["change_a_factor"](fit, "scale", 0, 3)
    assert result.accuracy > 0.95
    assert result.unchanged < 0.1
    assert result.changed >= 0.9
    assert result.count > 10
