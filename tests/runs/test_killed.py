"""A run that is killed at any moment of its life is one run, or says how to take it up."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.runs.killed import trials


@pytest.mark.skipif(torch.cuda.is_available(), reason="a forked process cannot use CUDA")
def test_every_kill_leaves_one_run(tmp_path: Path) -> None:
    assert list(trials(tmp_path, 4)) == []
