from __future__ import annotations

from typing import Any

import pytest
import torch

import ppgen
from ppgen.data.scales import column_scales


def of(columns: Any, **settings: Any) -> Any:
    data = ppgen.data.from_tensors(columns, valid=0.1, test=0.1, **settings)
    return data, column_scales(data, data.keys)


def test_numbers_have_the_mean_and_spread_of_the_training_split_alone() -> None:
    x = torch.randn(200, 3) * torch.tensor([1.0, 100.0, 1e-4]) + torch.tensor([0.0, 1e4, 5.0])
    data, scales = of({"x": x, "t": torch.randn(200)})
    train = data.split("train")
    for name in ("x", "t"):
        values = train[name].double()
        assert torch.allclose(scales[name].mean, values.mean(0))
        assert torch.allclose(scales[name].spread, values.std(0, correction=0))
        assert scales[name].mean.shape == x.shape[1:] if name == "x" else scales[name].mean.shape == ()
    assert not torch.allclose(scales["x"].mean, x.double().mean(0), rtol=0, atol=1e-9)


def test_pieces_of_a_split_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = {"x": 1e6 + torch.randn(500, 2, dtype=torch.float64)}
    whole = of(columns)[1]["x"]
    monkeypatch.setattr("ppgen.data.scales._ROWS", 7)
    pieces = of(columns)[1]["x"]
    assert torch.allclose(pieces.mean, whole.mean, rtol=1e-14)
    assert torch.allclose(pieces.spread, whole.spread, rtol=1e-9)


def test_counts_are_scaled_by_their_logarithms() -> None:
    data, scales = of({"x": torch.poisson(torch.full((200, 2), 300.0))})
    logs = data.split("train")["x"].double().log1p()
    assert scales["x"].is_count
    assert torch.allclose(scales["x"].mean, logs.mean(0))
    assert torch.allclose(scales["x"].spread, logs.std(0, correction=0))


@pytest.mark.parametrize("share_of_zeros", [0.0, 0.3])
def test_numbers_that_reach_over_orders_of_magnitude_are_scaled_by_their_logarithms(share_of_zeros: float) -> None:
    x = (2.0 * torch.randn(300, 2)).exp() * (torch.rand(300, 2) >= share_of_zeros)
    data, plain = of({"x": x})
    train = data.split("train")["x"].double()
    scale = column_scales(data, ["x"], logarithms=True)["x"]
    assert plain["x"].offset is None
    assert scale.offset == train[train > 0].min()
    logs = (train + scale.offset).log()
    assert torch.allclose(scale.mean, logs.mean(0))
    assert torch.allclose(scale.spread, logs.std(0, correction=0))


@pytest.mark.parametrize(
    "x",
    [
        (0.5 * torch.linspace(-2.0, 2.0, 90)).exp().unsqueeze(1),
        torch.linspace(-9.0, 9.0, 90).sinh().unsqueeze(1),
        torch.full((90, 2), 5.5),
    ],
)
def test_numbers_of_one_order_or_of_both_signs_are_scaled_as_they_are(x: torch.Tensor) -> None:
    data, plain = of({"x": x})
    scale = column_scales(data, ["x"], logarithms=True)["x"]
    assert scale.offset is None
    assert torch.equal(scale.mean, plain["x"].mean)
    assert torch.equal(scale.spread, plain["x"].spread)


def test_a_constant_has_spread_one_whatever_its_size() -> None:
    for constant in (0.0, 0.1, 123456.7):
        x = torch.randn(90, 2)
        x[:, 1] = constant
        assert of({"x": x})[1]["x"].spread[1] == 1.0


def test_bits_images_and_classes_have_no_scale() -> None:
    rows = 60
    columns = {
        "x": torch.rand(rows, 1, 4, 4),
        "bits": (torch.rand(rows, 5) < 0.5).float(),
        "y": torch.arange(rows) % 3,
        "mask": torch.rand(rows, 5) < 0.5,
    }
    assert of(columns)[1] == {}


def test_steps_of_a_sequence_share_a_scale_and_padding_does_not_count() -> None:
    sequences = [100 + torch.randn(row % 5 + 2, 2) for row in range(60)]
    data, scales = of({"x": sequences})
    train = data.split("train")
    own = [x[:n] for x, n in zip(train["x"], train["x_lengths"], strict=True)]
    assert torch.allclose(scales["x"].mean, torch.cat(own).double().mean(0))
    assert torch.allclose(scales["x"].spread, torch.cat(own).double().std(0, correction=0))
