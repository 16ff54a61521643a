"""Trivial densities of data on levels and of counts: normalised, and equal to counting by hand."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import ppgen
from ppgen.evaluation.histogram_density import count_log_prob, histogram_log_prob, uniform_log_prob


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 5), st.integers(1, 7), st.integers(1, 3), st.integers(0, 99))
def test_the_densities_of_all_points_sum_to_one(levels: int, rows: int, dims: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    train = torch.randint(levels, (rows, dims), generator=generator) / (levels - 1)
    everything = torch.tensor(list(itertools.product(range(levels), repeat=dims))) / (levels - 1)
    assert histogram_log_prob(train, everything, levels, 1.0).exp().sum().item() == pytest.approx(1.0)
    assert uniform_log_prob(everything, levels).exp().sum().item() == pytest.approx(1.0)


def test_a_histogram_counts_each_pixel_by_itself() -> None:
    train = torch.tensor([[[0, 255]], [[0, 7]], [[3, 7]]]).float()
    test = torch.tensor([[[0, 7]], [[9, 255]]]).float()
    expected = [math.log(3 / 259 * 3 / 259), math.log(1 / 259 * 2 / 259)]
    assert histogram_log_prob(train, test, 256, 255.0).tolist() == pytest.approx(expected)
    counted = torch.tensor([[[True, False]], [[False, True]]])
    halves = [math.log(3 / 259), math.log(2 / 259)]
    assert histogram_log_prob(train, test, 256, 255.0, counted).tolist() == pytest.approx(halves)
    assert uniform_log_prob(test, 256, counted).tolist() == pytest.approx([-math.log(256)] * 2)
    assert histogram_log_prob(train / 255, test / 255, 256, 1.0).tolist() == pytest.approx(expected)


def test_counts_that_were_never_seen_have_a_probability() -> None:
    train = torch.tensor([[0.0], [0.0], [3.0]])
    # The mean with one imagined count of 1 is 1: g(k) = 2^-(k + 1).
    expected = [math.log((2 + 1 / 2) / 4), math.log((1 + 1 / 16) / 4), math.log(2.0**-11 / 4)]
    assert count_log_prob(train, torch.tensor([[0.0], [3.0], [10.0]])).tolist() == pytest.approx(expected)


def card_of(data: Any) -> Any:
    torch.manual_seed(0)
    built = ppgen.zoo.build("vae", data)
    fit = ppgen.fit(built.model, data, guide=built.guide, max_epochs=1, progress=False, device="cpu")
    return fit, ppgen.evaluate(fit, ["log_prob", "bits_per_dim"], num_particles=2, progress=False)


def test_pixels_of_eight_bits_have_a_histogram_and_eight_bits_for_a_floor() -> None:
    torch.manual_seed(0)
    dark = (255 * torch.rand(200, 1, 4, 4) ** 4).round().to(torch.uint8)
    fit, card = card_of(ppgen.data.from_tensors({"x": dark}))
    assert fit.measure == "8-bit"
    bits = card.baselines_of("bits_per_dim")
    assert bits["uniform over 256 levels"].value == pytest.approx(8.0)
    assert bits["factorised histogram"].value < 8.0
    x = {split: (fit.data.split(split)["x"] * 255).round().long() for split in ("train", "test")}
    by_hand = [
        sum(math.log((int((x["train"][(slice(None), *at)] == value).sum()) + 1) / (len(x["train"]) + 256))
            for at, value in ((at, row[at]) for at in itertools.product(range(1), range(4), range(4))))
        for row in x["test"]
    ]  # fmt: skip
    log_prob = card.baselines_of("log_prob")["factorised histogram"]
    assert log_prob.value == pytest.approx(sum(by_hand) / len(by_hand))
    assert (log_prob.kind, log_prob.measure, log_prob.of) == ("exact", "8-bit", "p(x)")


def test_levels_of_grey_and_counts_have_their_histograms() -> None:
    _, card = card_of(ppgen.data.load("digits", binarize=None))
    assert set(card.baselines_of("log_prob")) == {"factorised histogram", "uniform over 17 levels"}
    torch.manual_seed(0)
    _, card = card_of(ppgen.data.from_tensors({"x": torch.poisson(torch.full((200, 3), 4.0)).long()}))
    assert set(card.baselines_of("log_prob")) == {"factorised histogram"}
