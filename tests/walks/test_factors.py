"""Arithmetic changes the factor that it is asked to change, and a classifier of real images sees it."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
import torch
from torch.nn.functional import max_pool2d

import ppgen
from ppgen.data.built_in import draw

PROGRAM = Path(__file__).resolve().parents[2] / "benchmarks" / "arithmetic.py"


@pytest.mark.slow
@pytest.mark.skipif(not PROGRAM.exists(), reason="looks at a checkout, not at an installation")
def test_small_sprites_grow_by_arithmetic() -> None:
    """The whole of sprites is in the benchmark; here are every other position, upright, at half the size."""
    sprites = draw(32)
    few = (sprites["orientation"] == 0) & (sprites["pos_x"] % 2 == 0) & (sprites["pos_y"] % 2 == 0)
    columns = {"x": max_pool2d(sprites["x"][few].float(), 2), "scale": sprites["scale"][few]}
    torch.manual_seed(0)
    model = ppgen.models.VAE((1, 16, 16), latent_dim=6)
    data = ppgen.data.from_tensors(columns)
    fit = ppgen.fit(model, data, max_epochs=25, batch_size=32, learning_rate=2e-3, progress=False)
    result = runpy.run_path(str(PROGRAM))["change_a_factor"](fit, "scale", 0, 3)
    assert result.accuracy > 0.95
    assert result.unchanged < 0.1
    assert result.changed >= 0.9
    assert result.count > 10
