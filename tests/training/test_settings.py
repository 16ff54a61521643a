"""Settings of a fit: refused by name, and dealt to the players."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import ppgen
from ppgen.errors import SettingError
from ppgen.objectives import Player
from ppgen.training.settings import Course, check_patience

MODEL = ppgen.models.FactorAnalysis(2, 1)
BAD = [
    ("max_epochs", 0), ("max_epochs", 2.0), ("max_epochs", True), ("batch_size", -1), ("patience", 0),
    ("max_epochs", 2**40), ("patience", "never"),
    ("learning_rate", 0.0), ("learning_rate", float("nan")), ("learning_rate", True), ("learning_rate", "fast"),
    ("clip_norm", -1.0), ("clip_norm", float("inf")), ("seed", 1.5), ("seed", None), ("schedule", "linear"),
    ("learning_rate", {"critic": 0.0}), ("optimizer", "adamm"), ("optimizer", 3), ("optimizer", "lbfgs"),
    ("average", 1.0), ("average", -0.1), ("average", {"generator": 2.0}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_bad_setting_is_named(name: str, value: Any) -> None:
    with pytest.raises(SettingError, match=f"fit: .*{name}") as caught:
        ppgen.fit(MODEL, torch.zeros(20, 2), progress=False, **{name: value})
    assert caught.value.fix


@pytest.mark.parametrize(
    ("name", "worth_trying"), [("max_epochs", 20), ("patience", 20), ("batch_size", 128), ("seed", 0)]
)
def test_what_an_error_suggests_is_worth_trying(name: str, worth_trying: int) -> None:
    with pytest.raises(SettingError, match=f"fit: {name} is out of range") as caught:
        ppgen.fit(MODEL, torch.zeros(20, 2), progress=False, **{name: -1})
    assert caught.value.fix == f"{name}={worth_trying}"


def test_patience_needs_a_loss_to_wait_for() -> None:
    x = torch.zeros(20, 2)
    whole, bare = ppgen.data.from_tensors(x + torch.rand(20, 2)), ppgen.data.from_tensors(x, valid=0.0)
    one, two = [Player("elbo", [])], [Player("critic", []), Player("generator", [])]
    check_patience(3, whole, one)
    check_patience(None, bare, two)
    for dataset, players in ((bare, one), (whole, two)):
        with pytest.raises(SettingError, match="patience"):
            check_patience(3, dataset, players)


@pytest.mark.parametrize("value", [float("nan"), -0.1, None, "half"])
def test_a_schedule_gives_finite_factors(value: Any) -> None:
    with pytest.raises(SettingError, match="schedule"):
        Course(lambda done: value)
    late = Course(lambda done: value if done == 0.55 else 1.0)
    with pytest.raises(SettingError, match="fit: schedule is out of range"):
        late(0.55)


def test_a_schedule_of_ones_own_and_a_named_one() -> None:
    assert Course(lambda done: 1 - done)(0.25) == 0.75
    assert Course("cosine")(0.5) == pytest.approx(0.5)
