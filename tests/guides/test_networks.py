from __future__ import annotations

import pytest
import torch
from torch import nn

from ppgen.data.scales import Scale
from ppgen.errors import DeclarationError
from ppgen.guides.evidence import EncoderInput
from ppgen.guides.networks import positive


@pytest.mark.parametrize(
    "example",
    [
        pytest.param({"x": torch.rand(3, 1, 8, 8)}, id="image"),
        pytest.param({"x": torch.rand(3, 3, 5, 7)}, id="odd image"),
        pytest.param({"x": torch.rand(3, 20)}, id="vector"),
        pytest.param({"x": torch.rand(3)}, id="number"),
        pytest.param({"x": torch.tensor([2, 0, 1])}, id="label"),
        pytest.param({"x": torch.randint(9, (3, 4))}, id="counts"),
        pytest.param({"x": torch.rand(3, 4) > 0.5}, id="booleans"),
        pytest.param({"x": torch.tensor([True, False, True])}, id="mask"),
        pytest.param({"x": torch.rand(3, 20), "y": torch.tensor([2, 0, 1]), "t": torch.rand(3)}, id="several"),
    ],
)
def test_every_shape_is_read_into_one_row_a_datum(example: dict[str, torch.Tensor]) -> None:
    reader = EncoderInput(example, width=16)
    features = reader(example)
    assert features.shape == (3, reader.num_features) == (3, 16)
    features.sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in reader.parameters())


def test_padding_stays_zero_when_numbers_are_standardised() -> None:
    seen = []
    x, lengths = 1000.0 + torch.randn(3, 5, 2), torch.tensor([5, 2, 3])
    x = torch.where((torch.arange(5) < lengths[:, None])[..., None], x, 0.0)
    reader = EncoderInput({"x": x, "x_lengths": lengths}, width=4)
    reader.standardise({"x": Scale(torch.full((2,), 1000.0), torch.ones(2), is_count=False)})
    reader.readers["x"].register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    reader({"x": x, "x_lengths": lengths})
    assert torch.equal(seen[0] == 0, x == 0)
    assert seen[0].abs().max() < 10


def test_every_input_is_read() -> None:
    example = {"x": torch.rand(4, 20), "y": torch.tensor([2, 0, 1, 1])}
    reader = EncoderInput(example)
    before = reader(example)
    assert not torch.equal(before[0], reader(example | {"x": torch.rand(4, 20)})[0])
    assert not torch.equal(before[0], reader(example | {"y": torch.tensor([0, 0, 1, 1])})[0])


def test_an_encoder_of_ones_own() -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Sequential(nn.Linear(21, 5), nn.BatchNorm1d(5))

        def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            return self.net(torch.cat([x, y.unsqueeze(1).float()], 1))

    example = {"x": torch.rand(4, 20), "y": torch.tensor([2, 0, 1, 1])}
    encoder = Both()
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    reader = EncoderInput(example, encoder=encoder)
    assert reader.num_features == 5
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())
    assert torch.equal(reader(example), encoder(**example))
    alone = EncoderInput({"x": example["x"]}, encoder=nn.Linear(20, 3))
    assert alone.num_features == 3


@pytest.mark.parametrize("encoder", [nn.Conv2d(1, 2, 3), nn.Flatten(0), nn.LSTM(8, 4)])
def test_an_encoder_that_gives_no_features_is_refused(encoder: nn.Module) -> None:
    x = torch.rand(3, 8, 8) if isinstance(encoder, nn.LSTM) else torch.rand(3, 1, 8, 8)
    with pytest.raises(DeclarationError, match=r"\[3, features\]"):
        EncoderInput({"x": x}, encoder=encoder)


def test_nothing_to_condition_on() -> None:
    with pytest.raises(DeclarationError, match="nothing to condition on"):
        EncoderInput({})


def test_what_a_batch_lacks_is_named() -> None:
    reader = EncoderInput({"x": torch.rand(3, 20), "y": torch.tensor([2, 0, 1])})
    with pytest.raises(DeclarationError, match="lacks 'y'"):
        reader({"x": torch.rand(3, 20)})


def test_scales_are_positive_and_one_at_zero() -> None:
    raw = torch.tensor([-200.0, -5.0, 0.0, 50.0])
    assert (positive(raw) > 0).all()
    assert positive(raw)[2].item() == pytest.approx(1.0, abs=1e-5)
    assert positive(raw)[3].item() == pytest.approx(50.54, abs=0.01)
