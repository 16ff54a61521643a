"""Data beside what belongs to other data: the third kind that a critic of pairs may see."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import ppgen
from ppgen import models, nets, zoo
from ppgen.errors import SettingError
from ppgen.objectives import Adversarial
from ppgen.objectives.adversarial_losses import LOSSES


class Told(nn.Module):
    """One logit for each pair of x in {0, 1, 2} and y in {0, 1}."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.tensor([[0.1, 0.2], [0.3, -0.4], [0.5, 0.6]]))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.table[x.flatten().long(), y]


def critics_loss(mismatched: float, loss: str = "nonsaturating") -> tuple[Told, ppgen.Loss]:
    torch.manual_seed(0)
    model = models.ConditionalGAN((1,), 2, 1, (4,), output="sigmoid")
    batch = {"x": torch.tensor([[0.0], [1.0], [2.0]]), "y": torch.tensor([0, 1, 1])}
    objective = Adversarial(Told(), loss, mismatched=mismatched)
    state = objective.setup(model, None, batch)
    torch.manual_seed(1)
    turn = objective.loss(state, "critic", objective.step(state, batch, 3))
    critic = state.networks["critic"]
    assert isinstance(critic, Told)
    return critic, turn


@pytest.mark.parametrize("loss", ["nonsaturating", "minimax", "least-squares", "hinge"])
def test_each_row_is_shown_beside_what_the_row_before_was_told_unless_that_is_the_same(loss: str) -> None:
    critic, plain = critics_loss(0.0, loss)
    _, turn = critics_loss(0.5, loss)
    # Told 1, 0, 1: the last row is no mismatch.
    wrong = LOSSES[loss].of_draws(torch.stack([critic.table[0, 1], critic.table[1, 0]]))
    assert turn.value.item() == pytest.approx((plain.value + 0.5 * wrong.mean()).item(), abs=1e-6)
    assert "critic_mismatched" in turn.record
    assert "critic_mismatched" not in plain.record


def test_a_free_critic_counts_mismatched_pairs_as_draws() -> None:
    # p(x, y) of data, q of draws, m = p(x) p(y) of mismatched pairs: D = p / (p + q + w m).
    p = torch.tensor([[0.4, 0.0], [0.1, 0.1], [0.0, 0.4]], dtype=torch.float64)
    q = torch.tensor([[0.3, 0.1], [0.1, 0.1], [0.1, 0.3]], dtype=torch.float64)
    m, weight = p.sum(1, keepdim=True) * p.sum(0, keepdim=True), 0.5
    scores = torch.zeros(3, 2, dtype=torch.float64, requires_grad=True)
    loss = LOSSES["nonsaturating"]
    optimizer = torch.optim.LBFGS([scores], max_iter=200, line_search_fn="strong_wolfe")

    def value() -> Tensor:
        optimizer.zero_grad()
        found = (p * loss.of_data(scores) + (q + weight * m) * loss.of_draws(scores)).sum()
        found.backward()
        return found

    optimizer.step(value)
    torch.testing.assert_close(scores.sigmoid()[p > 0], (p / (p + q + weight * m))[p > 0], atol=1e-3, rtol=0)


def test_it_takes_something_to_be_told() -> None:
    with pytest.raises(SettingError, match="nothing that could be mismatched"):
        Adversarial(mismatched=0.5).check(models.GAN((1, 8, 8)), None)
    with pytest.raises(SettingError, match="mismatched"):
        Adversarial(mismatched=-1.0)


def test_recipes_use_it_where_they_are_told_words() -> None:
    captioned = ppgen.data.load("glyphs-few", steps=[("attributes", {"columns": ["caption"]})])
    assert zoo.build("conditional-gan", captioned).objective.settings()["mismatched"] == 0.5
    assert "mismatched" not in zoo.build("conditional-gan", "digits").objective.settings()
    assert isinstance(zoo.build("conditional-gan", captioned).objective.critic.context, nets.TextContext)
