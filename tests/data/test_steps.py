from __future__ import annotations

import pytest
import torch

from ppgen.data import from_tensors, load
from ppgen.data.steps import apply, derived
from ppgen.errors import SettingError


def test_steps_are_taken_in_order_and_remembered():
    steps = [["partial_labels", {"per_class": 3, "seed": 1, "key": "y"}], ["quadrants", {"observed": 2}]]
    data = load("digits", then=steps)
    assert data.spec["then"] == steps
    assert data.keys == ("x", "y", "given", "mask")
    assert data.origin is not None
    assert data.origin.spec == load("digits").spec


def test_data_that_cannot_be_loaded_again_stays_so():
    data = from_tensors({"x": torch.randn(20, 2), "y": torch.arange(20) % 2})
    assert derived(data, "partial_labels", {}).spec == {}


def test_an_unknown_step_is_refused():
    with pytest.raises(SettingError, match="partial_labels"):
        apply(load("digits"), [["os.system", {"command": "true"}]])
