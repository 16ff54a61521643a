"""Penalties on the slope of a critic: their values and gradients by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ppgen.objectives.adversarial_game import Game
from ppgen.objectives.adversarial_losses import LOSSES
from ppgen.objectives.critic_penalties import gradient_penalty, r1_penalty, slopes_between


@pytest.mark.parametrize("length", [1.0, 0.0, 3.0])
def test_a_gradient_penalty_measures_how_far_a_slope_is_from_one(length: float) -> None:
    torch.manual_seed(0)
    slope = torch.randn(2, 3, dtype=torch.float64)
    slope *= length / slope.norm()
    real, fake = torch.randn(2, 7, 2, 3, dtype=torch.float64)
    slopes = slopes_between(lambda x: (x * slope).sum((1, 2)) + 5.0, real, fake)
    torch.testing.assert_close(gradient_penalty(slopes).item(), (length - 1) ** 2)
    torch.testing.assert_close(gradient_penalty(slopes, one_sided=True).item(), max(length - 1, 0.0) ** 2)


def test_a_gradient_penalty_looks_at_points_between_data_and_draws() -> None:
    torch.manual_seed(0)
    seen: list[Tensor] = []

    def judge(x: Tensor) -> Tensor:
        seen.append(x.detach())
        return x.sum(1)

    real, fake = torch.full((500, 2), 3.0), torch.full((500, 2), -1.0)
    slopes_between(judge, real, fake)
    (between,) = seen
    assert torch.equal(between[:, 0], between[:, 1])  # one share a pair: a straight line
    assert between.min() >= -1.0
    assert between.max() <= 3.0
    assert abs(between.mean().item() - 1.0) < 0.2
    assert not real.requires_grad


def test_r1_and_its_gradient_are_those_derived_by_hand() -> None:
    # c(x) = a x^2 / 2 + b x has slope a x + b: R1 = E (a x + b)^2 / 2, dR1/da = E (a x + b) x, dR1/db = E (a x + b).
    torch.manual_seed(0)
    x = torch.randn(50, 1, dtype=torch.float64)
    a, b = (torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (0.7, -0.4))
    value = r1_penalty(lambda x: (a * x.square() / 2 + b * x).sum(1), x)
    value.backward()
    slope = 0.7 * x - 0.4
    torch.testing.assert_close(value.detach(), slope.square().mean() / 2)
    torch.testing.assert_close(a.grad, (slope * x).mean())
    torch.testing.assert_close(b.grad, slope.mean())


@pytest.mark.parametrize("shape", [(), (3,), (2, 4, 4)], ids=str)
def test_events_of_any_shape_have_a_slope(shape: tuple[int, ...]) -> None:
    real, fake = torch.randn(2, 5, *shape)
    assert slopes_between(lambda x: x.reshape(5, -1).sum(1), real, fake).shape == (5,)
    expected = torch.tensor(real[0].numel() / 2)
    torch.testing.assert_close(r1_penalty(lambda x: x.reshape(5, -1).sum(1), real), expected)


def test_penalties_are_added_with_their_weights_and_recorded_without() -> None:
    real, fake = torch.zeros(4, 2), torch.ones(4, 2)
    game = Game(LOSSES["hinge"], gradient_penalty=10.0, r1=0.5)
    loss = game.critic(lambda x: 2.0 * x[:, 0], real, fake)
    plain = Game(LOSSES["hinge"]).critic(lambda x: 2.0 * x[:, 0], real, fake)
    assert loss.record["gradient_penalty"].item() == pytest.approx(1.0)
    assert loss.record["r1"].item() == pytest.approx(2.0)
    assert loss.value.item() == loss.record["critic_loss"].item() == pytest.approx(plain.value.item() + 10.0 + 1.0)
    assert loss.record["total_variation"] == plain.record["total_variation"]
