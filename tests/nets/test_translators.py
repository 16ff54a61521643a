"""Networks from images to images: what a patch sees, and that details pass."""

from __future__ import annotations

import pytest
import torch

from ppgen import nets
from ppgen.errors import SettingError


def test_a_score_of_a_patch_sees_a_window_of_18_pixels() -> None:
    critic = nets.PatchCritic((1, 40, 40), hidden=(4, 4)).double()
    x = torch.randn(1, 1, 40, 40, dtype=torch.float64, requires_grad=True)
    scores = critic(x)
    assert scores.shape == (1, 10, 10)
    spans = []
    for row in (4, 5):
        (gradient,) = torch.autograd.grad(scores[0, row, 5], x, retain_graph=True)
        seen = gradient[0, 0].abs().sum(1).nonzero().flatten()
        spans.append((int(seen[0]), int(seen[-1])))
    assert spans[0][1] - spans[0][0] + 1 == 18
    assert spans[1][0] - spans[0][0] == 4


def test_what_is_given_is_judged_with_the_image() -> None:
    critic = nets.PatchCritic((1, 8, 8), given_channels=2, hidden=(4, 4))
    x, given = torch.randn(3, 1, 8, 8), torch.randn(3, 2, 8, 8)
    assert not torch.equal(critic(x, given), critic(x, given.flip(0)))


def test_a_unet_lets_a_single_pixel_pass() -> None:
    net = nets.UNet((1, 16, 16), 1, (4, 4)).double()
    x = torch.randn(1, 1, 16, 16, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(net(x)[0, 0, 7, 7], x)
    assert gradient[0, 0, 7, 7].abs() > 0


@pytest.mark.parametrize("kind", [nets.UNet, nets.ResidualTranslator, nets.AffineTranslator])
@pytest.mark.parametrize("size", [(28, 28), (9, 14), (8, 5)])
def test_translations_are_as_large_as_what_they_are_of(kind: type, size: tuple[int, int]) -> None:
    assert kind((2, *size), 3)(torch.zeros(2, 4, 2, *size)).shape == (2, 4, 3, *size)


@pytest.mark.parametrize("kind", [nets.UNet, nets.ResidualTranslator, nets.AffineTranslator])
def test_only_images_are_translated(kind: type) -> None:
    with pytest.raises(SettingError, match=f"{kind.__name__}: only images"):
        kind((64,), 3)


@pytest.mark.parametrize(("side", "window"), [(16, 8), (28, 18)])
def test_a_window_of_the_default_critic_is_smaller_than_the_image(side: int, window: int) -> None:
    critic = nets.PatchCritic((1, side, side))
    x = torch.rand(1, 1, side, side, requires_grad=True)
    scores = critic(x)
    middle = scores.shape[-1] // 2
    (slopes,) = torch.autograd.grad(scores[0, middle, middle], x)
    seen = slopes[0, 0].abs().sum(0).nonzero()
    assert int(seen.max() - seen.min()) + 1 <= window < side
