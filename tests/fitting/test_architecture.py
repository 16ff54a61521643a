from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ppgen import nets
from ppgen.fitting.architecture import NoPlanError, decode, encode
from ppgen.models import VampPriorVAE

NETWORKS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "a gaussian on gated layers": (lambda: nets.Gaussian(nets.GatedMLP([(1, 4, 4)], (6,)), 6, 2), (1, 4, 4)),
    "an image encoder": (lambda: nets.encoder((1, 8, 8), 5), (1, 8, 8)),
    "a vector encoder": (lambda: nets.encoder((7,), 5, (4,)), (7,)),
    "a decoder": (lambda: nets.decoder(3, (1, 8, 8)), (3,)),
    "a smoother": (lambda: nets.Smoother(2, 3, 4), (5, 2)),
    "another activation": (lambda: nets.MLP(3, 2, (4,), activation=nn.Tanh), (3,)),
    "torch's own": (
        lambda: nn.Sequential(
            nn.Conv2d(1, 2, 3, padding=1, bias=False), nn.GroupNorm(1, 2), nn.LeakyReLU(0.3), nn.Flatten(),
            nn.Linear(32, 6), nn.Dropout(0.25), nn.Unflatten(1, (2, 3)),
        ),
        (1, 4, 4),
    ),
}  # fmt: skip


def values_of(made: Any) -> Tensor:
    return made if isinstance(made, Tensor) else made.mean if hasattr(made, "mean") else made.start.mean


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_is_made_again_from_plain_data(name: str) -> None:
    make, shape = NETWORKS[name]
    network = make().eval()
    state = torch.get_rng_state()
    plan = json.loads(json.dumps(encode(network)))
    assert torch.equal(torch.get_rng_state(), state)
    again = decode(plan).eval()
    assert repr(again) == repr(network)
    again.load_state_dict(network.state_dict())
    x = torch.randn(4, *shape)
    if name != "a smoother":
        assert torch.equal(values_of(again(x)), values_of(network(x)))


def test_a_part_of_the_model_is_shared_not_copied() -> None:
    model = VampPriorVAE((1, 4, 4), 2, 3, (5,))
    arguments = {"posterior": model.posterior, "all": model, "first": model.posterior.body, "n": [1, (2.5, "a")]}
    plan = encode(arguments, model)
    assert plan["posterior"] == {"$model": "posterior"}
    other = VampPriorVAE((1, 4, 4), 2, 3, (5,))
    made = decode(json.loads(json.dumps(plan)), other)
    assert made["posterior"] is other.posterior
    assert made["all"] is other
    assert made["first"] is other.posterior.body
    assert made["n"] == [1, [2.5, "a"]]


def test_a_network_around_a_part_of_the_model_shares_that_part() -> None:
    model = VampPriorVAE((1, 4, 4), 2, 3, (5,))
    again = decode(encode(nets.Gaussian(model.posterior.body, 5, 4), model), model)
    assert again.body is model.posterior.body


class Own(nn.Linear):
    """A network of the user's."""


class Noted(nn.Module):
    pass


UNKNOWN = [Own(2, 2), nn.Sequential(Own(2, 2)), Noted(), lambda: 0, torch.zeros(2), {1: 2}, Own]


@pytest.mark.parametrize("value", UNKNOWN)
def test_what_no_other_process_can_know_is_refused(value: Any) -> None:
    with pytest.raises(NoPlanError):
        encode({"value": value})


def test_a_network_that_was_changed_after_it_was_made_is_refused() -> None:
    network = nets.MLP(2, 2, (3,))
    network[1] = nn.ReLU()
    with pytest.raises(NoPlanError, match="changed"):
        encode(network)


@pytest.mark.parametrize(
    "plan",
    [
        {"$network": "os:system", "arguments": {}},
        {"$network": "torch.nn.modules.linear:math.sqrt", "arguments": {}},
        {"$network": "torch.nn.modules.linear:init", "arguments": {}},
        {"$network": "torch.nn.modules.module:Module", "arguments": {}},
        {"$network": "torch.nn.modules.loss:TripletMarginWithDistanceLoss", "arguments": {"distance_function": "exec"}},
        {"$network": "torch.nn.modules.planted:Planted", "arguments": {}},
        {"$network": "torch.nn.modules.linear:Linear.forward", "arguments": {}},
        {"$network": "ppgen.nets.layers:Nothing", "arguments": {}},
        {"$network": "ppgen.nets.layers:nn.Linear", "arguments": {}},
        {"$network": "ppgen.nets.planted:Planted", "arguments": {}},
        {"$network": "ppgen.models.vae:VAE", "arguments": {}},
        {"$network": 3, "arguments": {}},
        {"$network": ["torch.nn.modules.linear:Linear"], "arguments": {}},
        {"$class": None},
        {"$network": "ppgen.nets.nowhere:MLP", "arguments": {}},
        {"$class": "builtins:eval"},
        {"$model": "no.such.part"},
        {"$model": "weight"},
        {"$model": 3},
    ],
)
def test_only_networks_are_made(plan: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "planted.py").write_text("raise SystemExit('executed')")
    for package in (nets, nn.modules):
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    with pytest.raises(NoPlanError):
        decode(plan, nn.Linear(1, 1))


def test_finding_a_part_of_the_model_computes_nothing() -> None:
    class Guarded(nn.Module):
        @property
        def part(self) -> nn.Module:
            raise SystemExit("executed")

    with pytest.raises(NoPlanError, match="no part"):
        decode({"$model": "part"}, Guarded())
