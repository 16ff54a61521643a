from __future__ import annotations

from typing import Any

import pytest

from ppgen.errors import Unanswerable
from ppgen.reporting import learning_curves


def rows(**values: list[float]) -> list[dict[str, Any]]:
    """``rows(train_elbo=[...], valid_elbo=[...])`` as a history."""
    length = len(next(iter(values.values())))
    history: list[dict[str, Any]] = [{"epoch": epoch + 1, "train": {}, "valid": {}} for epoch in range(length)]
    for key, numbers in values.items():
        split, _, name = key.partition("_")
        for row, number in zip(history, numbers, strict=True):
            row[split][name] = number
    return history


def curves(illustration: Any, panel: int = 0) -> dict[str, tuple[list[float], list[float]]]:
    return {line.get_label(): tuple(map(list, line.get_data())) for line in illustration.figure.axes[panel].lines}


def test_the_curves_are_the_history() -> None:
    drawn = learning_curves(
        rows(train_elbo=[-30.0, -25.0, -24.0], valid_elbo=[-31.0, -26.0, -25.5], train_loss=[1, 2, 3])
    )
    assert curves(drawn) == {"train": ([1, 2, 3], [-30, -25, -24]), "valid": ([1, 2, 3], [-31, -26, -25.5])}
    assert drawn.caption == "After 3 epochs the ELBO is −24.0 on training data and −25.5 on validation data."


@pytest.mark.parametrize(
    ("key", "title"),
    [("elbo", "ELBO"), ("log_prob", "Log-likelihood"), ("log_joint", "Log joint density"), ("loss", "Loss")],
)
def test_the_quantity_is_named_for_what_it_is(key: str, title: str) -> None:
    drawn = learning_curves(rows(**{f"train_{key}": [1.0, 2.0]}))
    assert drawn.figure.axes[0].get_title(loc="left") == title


def test_the_true_elbo_goes_before_the_loss_that_was_trained() -> None:
    assert curves(learning_curves(rows(train_loss=[5.0], train_elbo=[-4.0]))) == {"train": ([1], [-4.0])}


def test_adversarial_training_shows_both_players_and_a_warning() -> None:
    drawn = learning_curves(
        rows(train_critic_loss=[1.0, 0.5], train_generator_loss=[0.7, 2.0], train_critic_real=[0, 0])
    )
    assert curves(drawn) == {"critic": ([1, 2], [1.0, 0.5]), "generator": ([1, 2], [0.7, 2.0])}
    assert "not progress" in drawn.caption


def test_rows_without_a_number_are_skipped() -> None:
    history = rows(train_elbo=[-3.0, -2.0, -1.0])
    history[1]["train"] = {}
    assert curves(learning_curves(history)) == {"train": ([1, 3], [-3, -1])}


def test_several_models_are_small_multiples_with_their_own_scales() -> None:
    histories = {name: rows(train_elbo=[float(place), place + 1.0]) for place, name in enumerate("abcd")}
    drawn = learning_curves(histories)
    panels = [axes for axes in drawn.figure.axes if axes.axison]
    assert [axes.get_title(loc="left") for axes in panels] == list("abcd")
    assert len(drawn.figure.axes) == 6  # two lines of three, the empty ones switched off


def test_one_epoch_is_a_visible_point() -> None:
    drawn = learning_curves(rows(train_elbo=[-3.0]))
    assert drawn.figure.axes[0].lines[0].get_marker() == "o"


@pytest.mark.parametrize("history", [[], {}, {"vae": []}])
def test_nothing_to_draw_is_said(history: Any) -> None:
    with pytest.raises(Unanswerable, match="no whole epoch"):
        learning_curves(history)


def test_a_history_without_numbers_says_so() -> None:
    assert "nothing was recorded" in learning_curves([{"epoch": 1, "train": {}}]).alt
