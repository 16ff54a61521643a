from __future__ import annotations

import copy
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from ppgen import nets
from ppgen.arguments import Recorded, finite_number, one_of, whole_number
from ppgen.errors import SettingError


def test_arguments_are_kept_by_name_as_they_were_given():
    network = nets.MLP(4, 2, hidden=(3,))
    assert network.constructor_arguments == {"in_features": 4, "out_features": 2, "hidden": (3,)}


def test_a_network_among_the_arguments_is_a_submodule_once():
    body = nets.MLP(4, 3)
    network = nets.Gaussian(body, 3, 2)
    assert network.constructor_arguments["body"] is body
    assert sum(part is body for part in network.modules()) == 1
    twin = copy.deepcopy(network)
    assert twin.constructor_arguments["body"] is twin.body is not body


def test_a_wrong_call_is_reported_by_the_constructor():
    with pytest.raises(SettingError, match="widths"):
        nets.MLP(4, 2, widths=(3,))


def test_every_network_of_the_package_records():
    kinds = [
        kind for kind in map(vars(nets).get, nets.__all__) if isinstance(kind, type) and issubclass(kind, nn.Module)
    ]
    assert len(kinds) > 10
    assert all(issubclass(kind, Recorded) for kind in kinds)
    assert torch.nn.Module not in kinds


@pytest.mark.parametrize("value", [0, -1, 1.0, True, None, "3"])
def test_what_is_no_whole_number_in_range_is_named(value: object) -> None:
    with pytest.raises(SettingError, match=r"(?s)fit: max_epochs is out of range.*>= 1.*max_epochs=20"):
        whole_number("fit: max_epochs", value, suggested=20)


@pytest.mark.parametrize("value", [0, -1e-9, float("nan"), float("inf"), True, None, "1"])
def test_what_is_no_finite_number_in_range_is_named(value: object) -> None:
    with pytest.raises(SettingError, match=r"(?s)fit: learning_rate is out of range.*> 0.*learning_rate=0.001"):
        finite_number("fit: learning_rate", value, above=0, suggested=1e-3)


def test_numbers_in_range_are_given_back() -> None:
    assert whole_number("n", 0, at_least=0) == 0
    assert finite_number("beta", 0, at_least=0, suggested=1) == 0.0


@pytest.mark.parametrize("kind", [np.int64, np.uint8, np.int32])
def test_whole_numbers_of_numpy_are_whole_numbers(kind: type) -> None:
    found = whole_number("n", kind(3))
    assert (found, type(found)) == (3, int)
    with pytest.raises(SettingError):
        whole_number("n", kind(0))


@pytest.mark.parametrize("value", [np.float32(0.5), np.float64(0.5), Fraction(1, 2)])
def test_numbers_of_other_kinds_are_numbers(value: Any) -> None:
    found = finite_number("beta", value, above=0, suggested=1)
    assert (found, type(found)) == (0.5, float)
    with pytest.raises(SettingError):
        finite_number("beta", np.float32("nan"), suggested=1)


@pytest.mark.parametrize("value", [np.True_, np.array([1, 2]), np.float32(1.0), torch.tensor(1)])
def test_truths_arrays_and_fractions_are_no_whole_numbers(value: Any) -> None:
    with pytest.raises(SettingError):
        whole_number("n", value)


def test_an_unknown_choice_is_named_with_what_there_is() -> None:
    assert one_of("fit: schedule", "cosine", ("constant", "cosine")) == "cosine"
    with pytest.raises(SettingError, match=r"(?s)fit: unknown schedule 'step'.*'constant' or 'cosine'"):
        one_of("fit: schedule", "step", ("constant", "cosine"))
