"""Models of tokens: what a fit says of sequences with lengths, and what a recipe refuses."""

from __future__ import annotations

import math

import pytest
import torch

import ppgen
from ppgen import models, zoo
from ppgen.errors import SettingError

MODELS = {
    "TokenTransformer": lambda: models.TokenTransformer(6, 3, 16, 1, 2),
    "TokenLSTM": lambda: models.TokenLSTM(6, 3, 16),
}


def counting(rows: int) -> dict[str, torch.Tensor]:
    """0 1 2 0 1 2 .. from any start, cut off anywhere, with zeros behind the end."""
    generator = torch.Generator().manual_seed(0)
    start = torch.randint(3, (rows, 1), generator=generator)
    lengths = torch.randint(1, 7, (rows,), generator=generator)
    tokens = (start + torch.arange(6)) % 3
    return {"x": tokens.masked_fill(torch.arange(6) >= lengths.unsqueeze(1), 0), "x_lengths": lengths}


@pytest.mark.parametrize("name", MODELS)
def test_a_sequence_that_is_sure_after_its_first_token_costs_one_choice_of_three(name):
    # The density of every length is that of the first token, 1/3: padding costs nothing and teaches nothing.
    torch.manual_seed(0)
    fit = ppgen.fit(MODELS[name](), counting(600), max_epochs=30, learning_rate=1e-2, progress=False)
    rows = fit.data.split("test")
    log_prob = fit.log_prob_per_datum(rows, 1)
    assert log_prob.mean().item() == pytest.approx(-math.log(3), abs=0.1)
    drawn = fit.sample(len(rows["x"]), x_lengths=rows["x_lengths"])["x"]
    is_own = torch.arange(6) < rows["x_lengths"].unsqueeze(1)
    assert (drawn[~is_own] == 0).all()
    follows = (drawn[:, 1:] == (drawn[:, :-1] + 1) % 3)[is_own[:, 1:]]
    assert follows.float().mean() > 0.9
    junk = {**rows, "x": rows["x"].masked_fill(~is_own, 2.0)}
    assert torch.equal(fit.log_prob_per_datum(junk, 1), log_prob)


@pytest.mark.parametrize("name", ["token-transformer", "token-lstm"])
@pytest.mark.parametrize("x", [torch.rand(40, 6), -torch.ones(40, 6), torch.rand(40, 1, 8, 8).round()])
def test_a_recipe_of_tokens_refuses_what_holds_none(name, x):
    with pytest.raises(SettingError, match="no sequences of tokens"):
        zoo.build(name, {"x": x})


def test_a_recipe_counts_the_tokens_of_its_data():
    assert zoo.build("token-lstm", counting(60)).model.constructor_arguments["num_tokens"] == 3
    texts = zoo.dataset("token-lstm")
    assert zoo.build("token-lstm", texts).model.constructor_arguments["num_tokens"] == len(
        texts.columns["x"].categories
    )
