"""The games of adversarial training: where a critic that is free ends up, and what its loss says there."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from ppgen.objectives.adversarial_game import Game
from ppgen.objectives.adversarial_losses import LOSSES

P, Q = torch.tensor([6, 1, 3, 0, 2]), torch.tensor([1, 4, 3, 3, 1])  # out of 12, on five points


def as_draws(counts: Tensor) -> Tensor:
    """A sample whose frequencies are exactly these."""
    return torch.arange(len(counts)).repeat_interleave(counts)


def best_critic(loss: str, real: Tensor, fake: Tensor) -> Tensor:
    """A score for each of five points, at the minimum of the critic's loss."""
    scores = torch.zeros(5, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([scores], lr=0.1)
    for step in range(400):
        optimizer.param_groups[0]["lr"] = 0.1 * (1 - step / 400)
        optimizer.zero_grad()
        LOSSES[loss].critic(scores[real], scores[fake]).backward()
        optimizer.step()
    return scores.detach()


def jensen_shannon(p: Tensor, q: Tensor) -> Tensor:
    middle = (p + q) / 2
    return (torch.xlogy(p, p / middle) + torch.xlogy(q, q / middle)).sum() / 2


OPTIMA: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "nonsaturating": jensen_shannon,
    "minimax": jensen_shannon,
    "least-squares": lambda p, q: ((p - q) ** 2 / (p + q)).sum(),
    "hinge": lambda p, q: (p - q).abs().sum() / 2,
}


@pytest.mark.parametrize("loss", OPTIMA)
def test_a_free_critic_ends_at_its_known_optimum_and_its_loss_is_a_divergence(loss: str) -> None:
    p, q = P.double() / P.sum(), Q.double() / Q.sum()
    scores = best_critic(loss, as_draws(P), as_draws(Q))
    share = p / (p + q)
    expected = (share - 0.5).sign() if loss == "hinge" else share
    # The logit of zero is not reached; of a hinge, a tie has no side, and beyond the margin nothing is pushed on.
    where = (p > 0) & (p != q) if loss == "hinge" else p > 0
    torch.testing.assert_close(LOSSES[loss].verdict(scores)[where], expected[where], atol=0.01, rtol=0)
    found = LOSSES[loss].divergence(LOSSES[loss].critic(scores[as_draws(P)], scores[as_draws(Q)]))
    torch.testing.assert_close(found, OPTIMA[loss](p, q), atol=0.005, rtol=0)
    assert found <= OPTIMA[loss](p, q) + 1e-9  # from below


@pytest.mark.parametrize("loss", LOSSES)
def test_where_both_are_one_no_critic_sees_a_divergence(loss: str) -> None:
    scores = {"least-squares": 0.5}.get(loss, 0.0) * torch.ones(7)
    assert LOSSES[loss].divergence(LOSSES[loss].critic(scores, scores)).item() == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("loss", OPTIMA)
def test_draws_and_data_that_never_meet_are_as_far_apart_as_can_be(loss: str) -> None:
    sure = {"least-squares": (1.0, 0.0), "hinge": (1.0, -1.0)}.get(loss, (200.0, -200.0))
    on_real, on_fake = (torch.full((7,), score) for score in sure)
    farthest = {"least-squares": 2.0, "hinge": 1.0}.get(loss, math.log(2.0))
    assert LOSSES[loss].divergence(LOSSES[loss].critic(on_real, on_fake)).item() == pytest.approx(farthest)


def test_the_minimax_value_at_equality_is_minus_log_4() -> None:
    scores = best_critic("minimax", as_draws(P), as_draws(P))
    on_both = scores[as_draws(P)]
    assert -LOSSES["minimax"].critic(on_both, on_both).item() == pytest.approx(-math.log(4.0))
    # The generator's loss is the part of that value which it has a say in.
    assert LOSSES["minimax"].generator(on_both).item() == pytest.approx(-math.log(2.0))


def test_a_winning_critic_takes_the_gradient_from_the_minimax_generator_alone() -> None:
    def slope(loss: str) -> float:
        on_fake = torch.full((4,), -20.0, requires_grad=True)
        LOSSES[loss].generator(on_fake).backward()
        return float(on_fake.grad.abs().sum()) if on_fake.grad is not None else 0.0

    slopes = {loss: slope(loss) for loss in LOSSES}
    assert slopes.pop("minimax") < 1e-8
    assert all(each > 0.9 for each in slopes.values())


@pytest.mark.parametrize("loss", LOSSES)
def test_every_generator_wants_higher_scores_and_every_critic_a_wider_gap(loss: str) -> None:
    on_real, on_fake = (torch.tensor([0.1, 0.3]).requires_grad_() for _ in range(2))
    LOSSES[loss].critic(on_real, on_fake).backward()
    assert on_real.grad is not None
    assert on_fake.grad is not None
    assert (on_real.grad < 0).all()
    assert (on_fake.grad > 0).all()
    draws = torch.tensor([0.1, 0.3]).requires_grad_()
    LOSSES[loss].generator(draws).backward()
    assert draws.grad is not None
    assert (draws.grad < 0).all()


@pytest.mark.parametrize("loss", LOSSES)
def test_scores_may_be_one_a_patch(loss: str) -> None:
    torch.manual_seed(0)
    real, fake = torch.randn(3, 2, 4), torch.randn(3, 2, 4)
    patches, flat = (
        Game(LOSSES[loss]).critic(lambda x: x, a, b) for a, b in ((real, fake), (real.flatten(), fake.flatten()))
    )
    torch.testing.assert_close(patches.value, flat.value)
    assert patches.record.keys() == flat.record.keys()


def test_the_record_says_how_many_are_told_apart() -> None:
    real, fake = torch.tensor([3.0, 1.0, -1.0, 2.0]), torch.tensor([-2.0, 0.7, -1.0, -5.0])
    record = Game(LOSSES["hinge"]).critic(lambda x: x, real, fake).record
    assert record["accuracy_real"].item() == record["accuracy_fake"].item() == 0.75
    moved = Game(LOSSES["wasserstein"]).critic(lambda x: x + 100.0, real, fake).record
    assert moved["accuracy_real"].item() == moved["accuracy_fake"].item() == 0.75
    assert moved["wasserstein_1"].item() == pytest.approx((real.mean() - fake.mean()).item(), abs=1e-4)
    labelled = Game(LOSSES["least-squares"]).critic(lambda x: x, real, fake).record
    assert labelled["accuracy_fake"].item() == 0.75
