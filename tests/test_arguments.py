from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from ppgen import nets
from ppgen.arguments import Recorded


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
    with pytest.raises(TypeError, match="widths"):
        nets.MLP(4, 2, widths=(3,))


def test_every_network_of_the_package_records():
    kinds = [
        kind for kind in map(vars(nets).get, nets.__all__) if isinstance(kind, type) and issubclass(kind, nn.Module)
    ]
    assert len(kinds) > 10
    assert all(issubclass(kind, Recorded) for kind in kinds)
    assert torch.nn.Module not in kinds
