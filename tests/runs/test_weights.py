from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from ppgen.errors import CheckpointError
from ppgen.runs import weights


class Tied(nn.Module):
    """A parameter under two names, a buffer, and a constrained weight."""

    def __init__(self, size: int = 3) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(size, size), nn.Linear(size, size)
        self.second.weight = self.first.weight
        self.norm = nn.BatchNorm1d(size)
        parametrize.register_parametrization(self.second, "bias", nn.Softplus(), unsafe=True)


def test_every_tensor_once(tmp_path: Path) -> None:
    modules = {"model": Tied(), "guide": nn.Linear(2, 2)}
    collected = weights.collect(modules)
    assert "model.first.weight" in collected
    assert "model.second.weight" not in collected
    assert {"model.norm.running_mean", "model.norm.num_batches_tracked", "guide.bias"} <= set(collected)
    shared = {"model": modules["model"], "guide": modules["model"]}
    assert all(name.startswith("model.") for name in weights.collect(shared))


def test_a_round_trip_is_exact_and_keeps_ties(tmp_path: Path) -> None:
    torch.manual_seed(0)
    first, second = {"model": Tied()}, {"model": Tied()}
    first["model"].norm.running_mean.normal_()
    digest = weights.write(first, tmp_path / "model.safetensors")
    weights.apply(second, weights.read(tmp_path / "model.safetensors", digest), "here")
    state = first["model"].state_dict()
    assert all(torch.equal(value, state[name]) for name, value in second["model"].state_dict().items())
    assert second["model"].second.weight is second["model"].first.weight


def test_applied_weights_are_copies() -> None:
    """An optimizer's references to the parameters stay valid."""
    module = nn.Linear(2, 2)
    parameter, saved = module.weight, {"m.weight": torch.ones(2, 2), "m.bias": torch.zeros(2)}
    weights.apply({"m": module}, saved, "here")
    assert module.weight is parameter
    saved["m.weight"].fill_(7.0)
    assert (module.weight == 1).all()


def test_other_modules_are_refused_by_name_and_shape(tmp_path: Path) -> None:
    saved = weights.collect({"model": Tied()})
    with pytest.raises(CheckpointError, match=r"(?s)model\.bias.*no such tensor"):
        weights.apply({"model": nn.Linear(3, 3)}, saved, "runs/a")
    with pytest.raises(CheckpointError, match=r"(?s)first.bias differs.*\[4\].*\[3\]"):
        weights.apply({"model": Tied(4)}, saved, "runs/a")


@pytest.mark.parametrize("position", [0, 8, 60, -1])
def test_one_bit_is_one_bit_too_many(tmp_path: Path, position: int) -> None:
    path = tmp_path / "model.safetensors"
    digest = weights.write({"model": Tied()}, path)
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"model.safetensors: the weights are damaged"):
        weights.read(path, digest)


@pytest.mark.parametrize("content", [b"", b"weights", b"\xff" * 100])
def test_what_is_no_safetensors_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="damaged"):
        weights.read(path)
    path.unlink()
    with pytest.raises(CheckpointError, match="no weights here"):
        weights.read(path)
