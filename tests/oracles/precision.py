"""Double precision for a test, so that equal means equal."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

__all__ = ["float64"]


@pytest.fixture
def float64() -> Iterator[None]:
    """Everything that is made in the test is in double precision."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)
