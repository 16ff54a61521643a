from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ppgen.estimate import Estimate
from ppgen.reporting.groups import baselines_of, by_measure, density_of, measure_of


def names(groups: list[list[Any]]) -> list[list[str]]:
    return [[card.name for card in group] for group in groups]


def test_data_and_measure_keep_densities_apart(make_card: Callable[..., Any]) -> None:
    continuous = {"log_prob": Estimate(90.0, 1.0, "lower bound", "nats", measure="continuous")}
    cards = [
        make_card("gan"),
        make_card("vae", -20.0),
        make_card("gaussian", density=continuous),
        make_card("elsewhere", -20.0, fingerprint="beef"),
        make_card("pixelcnn", -18.0, "exact"),
    ]
    assert names(by_measure(cards)) == [["gan", "vae", "pixelcnn"], ["gaussian"], ["elsewhere"]]
    assert [measure_of(group) for group in by_measure(cards)] == ["binary", "continuous", "binary"]


def test_models_without_any_density_are_one_group(make_card: Callable[..., Any]) -> None:
    assert names(by_measure([make_card("gan"), make_card("other")])) == [["gan", "other"]]


def test_baselines_and_density_are_read_from_the_card(make_card: Callable[..., Any]) -> None:
    cards = [make_card("gan"), make_card("cvae", -20.0, facts={"density_of": "p(x | y)"})]
    assert list(baselines_of(cards, "log_prob")) == ["factorised Bernoulli"]
    assert [density_of(card) for card in cards] == ["p(x)", "p(x | y)"]
