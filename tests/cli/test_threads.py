"""`--threads` holds inside a command and nowhere else."""

from __future__ import annotations

import pytest
import torch

from ppgen.cli.threads import limited_to
from ppgen.errors import SettingError


def test_the_number_holds_inside_the_block() -> None:
    before = torch.get_num_threads()
    with limited_to(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before
    with pytest.raises(ZeroDivisionError), limited_to(before + 2):
        raise ZeroDivisionError
    assert torch.get_num_threads() == before


def test_none_changes_nothing_and_zero_is_refused() -> None:
    before = torch.get_num_threads()
    with limited_to(None):
        assert torch.get_num_threads() == before
    with pytest.raises(SettingError, match="--threads 1"), limited_to(0):
        pass
