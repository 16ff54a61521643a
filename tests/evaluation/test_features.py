from __future__ import annotations

from pathlib import Path

import pytest
import torch

import ppgen.data
from ppgen.data import Dataset
from ppgen.evaluation import features
from ppgen.evaluation.features import FeatureNetwork, feature_network, train_features


def test_the_same_arguments_give_the_same_weights_and_the_world_stays_as_it_was() -> None:
    x, y = torch.rand(200, 1, 4, 4), torch.arange(200) % 3
    state = torch.get_rng_state()
    torch.set_num_threads(2)
    try:
        first = train_features(x, {"y": y}, {"y": 3}, seed=0)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)
    assert torch.equal(torch.get_rng_state(), state)
    torch.randn(5)
    assert train_features(x, {"y": y}, {"y": 3}, seed=0).hash == first.hash
    assert train_features(x, {"y": y}, {"y": 3}, seed=1).hash != first.hash
    assert not first.training
    assert not any(parameter.requires_grad for parameter in first.parameters())


def test_features_are_standardised_over_the_training_data(digits: Dataset) -> None:
    train = digits.split("train")
    network = train_features(train["x"], {"y": train["y"]}, {"y": 10}, seed=0)
    features = network.features(train["x"], batch_size=100)
    assert features.shape == (1077, 64)
    torch.testing.assert_close(features.mean(0), torch.zeros(64), atol=1e-4, rtol=0.0)
    torch.testing.assert_close(features.std(0), torch.ones(64), atol=1e-3, rtol=0.0)
    test = digits.split("test")
    guessed = network.classes(test["x"], "y", batch_size=100)
    assert (guessed == test["y"]).float().mean() > 0.8  # raw pixels reach 0.84 by logistic regression


def test_vectors_without_labels_keep_their_own_standardised_coordinates() -> None:
    x = 5.0 * torch.randn(300, 4) + 2.0
    x[:, 3] = 7.0  # constant
    network = train_features(x, {}, {}, seed=0)
    expected = (x[:, :3] - x[:, :3].mean(0)) / x[:, :3].std(0)
    torch.testing.assert_close(network.features(x)[:, :3], expected, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(network.features(x)[:, 3], torch.zeros(300), atol=1e-5, rtol=0.0)
    assert list(network.parameters()) == []


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 5, 9)])
def test_images_without_labels_learn_which_way_they_are_turned(shape: tuple[int, int, int]) -> None:
    x = torch.zeros(400, *shape)
    x[:, :, 0, : shape[2] // 2] = 1.0  # a bar at the top left
    x += 0.1 * torch.randn_like(x)
    network = train_features(x, {}, {}, seed=0)
    guess = network.classes(x, "turn")
    assert (guess == 0).float().mean() > 0.95
    turned = x.rot90(2, (-2, -1))
    assert (network.classes(turned, "turn") != 0).float().mean() > 0.95


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (1, 64, 64), (1, 4, 4), (7,), (5, 3)])
def test_every_event_shape_has_features(shape: tuple[int, ...]) -> None:
    network = FeatureNetwork(shape, {"y": 4})
    assert network(torch.rand(2, *shape)).shape == (2, 64)


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
    before = torch.get_rng_state()
    again = feature_network(toy, cache=tmp_path)
    assert torch.equal(torch.get_rng_state(), before)
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
