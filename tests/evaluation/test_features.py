from __future__ import annotations

from pathlib import Path

import pytest
import torch

import ppgen.data
from ppgen.evaluation import features
from ppgen.evaluation.features import cache_folder, feature_network


@pytest.fixture(scope="module")
def toy() -> ppgen.data.Dataset:
    return ppgen.data.from_tensors({"x": torch.randn(120, 3), "y": torch.arange(120) % 2}, name="toy")


def test_it_is_trained_once_and_then_read(
    toy: ppgen.data.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = feature_network(toy, cache=tmp_path)
    (file,) = tmp_path.iterdir()
    assert file.suffix == ".safetensors"

    def never(*arguments: object) -> None:
        raise AssertionError("the cache was not used")

    monkeypatch.setattr(features, "train_features", never)
    again = feature_network(toy, cache=tmp_path)
    assert again.hash == first.hash
    x = toy.split("test")["x"]
    assert torch.equal(again.features(x), first.features(x))


def test_other_data_or_seed_mean_another_network(toy: ppgen.data.Dataset, tmp_path: Path) -> None:
    other = ppgen.data.from_tensors({"x": torch.randn(120, 3) + 1.0, "y": torch.arange(120) % 2}, name="toy")
    hashes = {feature_network(data, seed=seed, cache=tmp_path).hash for data, seed in ((toy, 0), (toy, 1), (other, 0))}
    assert len(hashes) == 3
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("damage", [b"", b"nonsense", None])
def test_a_damaged_file_is_replaced(toy: ppgen.data.Dataset, tmp_path: Path, damage: bytes | None) -> None:
    first = feature_network(toy, cache=tmp_path)
    (file,) = tmp_path.iterdir()
    content = bytearray(file.read_bytes())
    content[-3] ^= 0x40  # one bit of one weight, which safetensors does not notice
    file.write_bytes(bytes(content) if damage is None else damage)
    assert feature_network(toy, cache=tmp_path).hash == first.hash
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_a_folder_that_cannot_be_written_costs_a_warning_only(toy: ppgen.data.Dataset, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.warns(UserWarning, match="could not be kept"):
        network = feature_network(toy, cache=blocked)
    assert len(network.hash) == 64


def test_the_cache_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PPGEN_CACHE", "/elsewhere")
    assert cache_folder() == Path("/elsewhere")
    monkeypatch.delenv("PPGEN_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/there")
    assert cache_folder() == Path("/there/ppgen")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "ppgen"
