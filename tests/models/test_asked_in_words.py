"""Captions as what a model is told: from a column of a data set to text in, pictures out."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch

import ppgen
from ppgen import nets, zoo
from ppgen.data import Dataset, attributes, load, tokens_of, words_of
from ppgen.errors import DataError, SettingError
from ppgen.reporting.conditions import find_conditions


@pytest.fixture(scope="module")
def captioned() -> Dataset:
    """A few glyphs, whose captions are y."""
    data = attributes(load("glyphs-few"), ["caption"])
    few = {split: {name: column[:64] for name, column in stored.items()} for split, stored in data.splits.items()}
    return dataclasses.replace(data, splits=few, spec={}, origin=None)


def test_text_stays_tokens_with_their_words():
    glyphs = load("glyphs-few")
    told = attributes(glyphs, ["caption"])
    assert torch.equal(told.splits["test"]["y"], glyphs.splits["test"]["caption"])
    assert torch.equal(told.splits["test"]["y_lengths"], glyphs.splits["test"]["caption_lengths"])
    assert torch.equal(told.splits["test"]["y_label"], glyphs.splits["test"]["y"])
    column = told.columns["y"]
    assert (column.kind, column.lengths) == ("sequence", "y_lengths")
    assert column.categories == glyphs.columns["caption"].categories
    assert load(**told.spec).fingerprint("train") == told.fingerprint("train")


def test_text_is_no_part_of_a_vector():
    with pytest.raises(SettingError, match="'caption' is text"):
        attributes(load("glyphs-few"), ["caption", "bold"])


@pytest.mark.parametrize(("recipe", "options"), [("cvae", {}), ("conditional-gan", {}), ("fvsbn", {"condition": "y"})])
def test_recipes_read_captions_and_are_asked_in_words(captioned: Dataset, recipe: str, options: dict[str, Any]):
    model, guide, objective = zoo.build(recipe, captioned, seed=0, **options)
    assert isinstance(model.context, nets.TextContext)
    fit = ppgen.fit(model, captioned, guide=guide, objective=objective, max_epochs=1, progress=False, device="cpu")
    texts = ["a large bold 5", "a small 3, leaning left", "a 7"]
    tokens, _ = tokens_of(captioned.columns["y"], texts)
    assert torch.equal(fit.sample(3, y=texts, seed=1).only, fit.sample(3, y=tokens, seed=1).only)
    assert torch.equal(fit.sample(3, y=texts[0], seed=1).only, fit.sample(3, y=[texts[0]] * 3, seed=1).only)
    assert not torch.equal(fit.sample(3, y=texts[0], seed=1).only, fit.sample(3, y=texts[1], seed=1).only)
    with pytest.raises(DataError, match="'dog'"):
        fit.sample(1, y="a large dog")
    test = fit.data.split("test")
    told = find_conditions(fit, test)
    assert told is not None
    assert len(told.labels) == 8
    rows = told.rows_of(test, 1)
    assert words_of(captioned.columns["y"], test["y"][rows]) == list(told.labels)


def test_of_tokens_the_probabilities_sum_to_one_for_each_caption():
    torch.manual_seed(0)
    model = ppgen.models.ConditionalTokens(nets.TokenLSTM(3, 3, context_dim=5), nets.TextContext(9, 5))
    every = torch.cartesian_prod(*[torch.arange(3)] * 3)
    totals = []
    for caption in ([3, 1], [4, 2]):
        told, padded = torch.tensor([caption]).expand(27, 2), torch.tensor([[*caption, 0]]).expand(27, 3)
        density = model.x(told).log_prob(every)
        assert torch.allclose(density, model.x(padded).log_prob(every), atol=1e-6)
        assert density.logsumexp(0).item() == pytest.approx(0.0, abs=1e-5)
        totals.append(density)
    assert not torch.allclose(totals[0], totals[1])
