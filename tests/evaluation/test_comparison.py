from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ppgen.errors import CheckpointError, SettingError
from ppgen.evaluation import Comparison, Scorecard, compare

Maker = Callable[..., Scorecard]


def test_fits_cards_and_folders_stand_side_by_side(
    make_card: Maker, fake_fit: Callable[..., Any], tmp_path: Path
) -> None:
    card = make_card("some name", np.linspace(-20, -10, 50))
    card.save(tmp_path / "run")
    refused = dict.fromkeys(("density", "sampling", "representation"), "no")
    comparison = compare(
        {"card": card, "folder": tmp_path / "run", "text": str(tmp_path / "run"), "fit": fake_fit(refused=refused)},
        progress=False,
    )
    assert {name: card.name for name, card in comparison.cards.items()} == {
        "card": "card", "folder": "folder", "text": "text", "fit": "fit",
    }  # fmt: skip
    assert card.name == "some name"
    assert comparison.cards["fit"].refusals == refused
    assert len(comparison.pairs) == 6
    assert comparison.pairs is comparison.pairs  # bootstrapped once


@pytest.mark.parametrize("entries", [{}, [1, 2], {"a": 3}])
def test_what_is_no_fit_is_refused(entries: Any) -> None:
    with pytest.raises(SettingError, match="compare: "):
        compare(entries)


def test_a_level_that_is_no_coverage_is_refused_at_once(make_card: Maker) -> None:
    with pytest.raises(SettingError, match="level"):
        compare({"a": make_card("a", np.linspace(-2, -1, 50))}, level=95)


def test_a_folder_without_scores(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no scores"):
        compare({"a": tmp_path})


def test_level_and_print(make_card: Maker) -> None:
    rng = np.random.default_rng(0)
    cards = {name: make_card(name, rng.normal(size=100)) for name in ("a", "b")}
    narrow, wide = compare(cards, level=0.5), compare(cards, level=0.99)
    assert float(narrow.pairs[0].high or 0) - float(narrow.pairs[0].low or 0) < (
        float(wide.pairs[0].high or 0) - float(wide.pairs[0].low or 0)
    )
    assert isinstance(wide, Comparison)
    assert str(wide) == wide.to_text()
    assert "bootstrap intervals of 99 %" in wide.to_markdown()


def test_csv_goes_to_a_file_too(make_card: Maker, tmp_path: Path) -> None:
    comparison = compare({"a": make_card("a", np.linspace(-2, -1, 50))})
    text = comparison.to_csv(tmp_path / "table.csv")
    assert (tmp_path / "table.csv").read_text(encoding="utf-8") == text
    assert text.startswith("model,baseline,question,metric,value,standard_error,kind")
