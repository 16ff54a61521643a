from __future__ import annotations

import pyro
import pytest
from pyro.infer.util import is_validation_enabled
from torch.distributions import Distribution

from ppgen.declare import validation


def state() -> tuple[bool, bool, bool]:
    return is_validation_enabled(), Distribution._validate_args, pyro.settings.get("validate_poutine")


@pytest.mark.parametrize("outside", [True, False])
@pytest.mark.parametrize("inside", [True, False])
def test_a_block_has_its_own_setting_and_gives_the_old_one_back(outside, inside):
    before = state()
    with validation(outside):
        with validation(inside):
            assert state() == (inside,) * 3
        assert state() == (outside,) * 3
    assert state() == before


def test_also_after_an_error():
    before = state()
    with pytest.raises(KeyError), validation(False):
        raise KeyError
    assert state() == before


def test_settings_that_differ_are_kept_apart():
    before = Distribution._validate_args
    Distribution.set_default_validate_args(False)
    try:
        with validation(True):
            assert state() == (True, True, True)
        assert state() == (True, False, True)
    finally:
        Distribution.set_default_validate_args(before)
