from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

from ppgen.errors import SettingError
from ppgen.estimate import Estimate
from ppgen.evaluation import Comparison, DataSplit, Scorecard, compare
from ppgen.evaluation.compare import tidy
from tests.oracles.cards import card_of

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
    assert {question for question, _ in comparison.cards["fit"].refusals} == {*refused, "calibration"}
    assert len(comparison.pairs) == 6
    assert comparison.pairs is comparison.pairs  # computed once


@pytest.mark.parametrize("entries", [{}, [1, 2], {"a": 3}])
def test_what_is_no_fit_is_refused(entries: Any) -> None:
    with pytest.raises(SettingError, match="compare: "):
        compare(entries)


def test_a_level_that_is_no_coverage_is_refused_at_once(make_card: Maker) -> None:
    with pytest.raises(SettingError, match="level"):
        compare({"a": make_card("a", np.linspace(-2, -1, 50))}, level=95)


def test_level_and_print(make_card: Maker) -> None:
    rng = np.random.default_rng(0)
    cards = {name: make_card(name, rng.normal(size=100)) for name in ("a", "b")}
    narrow, wide = compare(cards, level=0.5), compare(cards, level=0.99)
    assert float(narrow.pairs[0].high or 0) - float(narrow.pairs[0].low or 0) < (
        float(wide.pairs[0].high or 0) - float(wide.pairs[0].low or 0)
    )
    assert isinstance(wide, Comparison)
    assert str(wide) == wide.to_text()
    assert "intervals of 99 %" in wide.to_markdown()


def test_csv_goes_to_a_file_too(make_card: Maker, tmp_path: Path) -> None:
    comparison = compare({"a": make_card("a", np.linspace(-2, -1, 50))})
    text = comparison.to_csv(tmp_path / "table.csv")
    assert (tmp_path / "table.csv").read_text(encoding="utf-8") == text
    assert text.startswith("model,baseline,question,metric,value,standard_error,kind")


@pytest.fixture
def cards(make_card: Callable[..., Scorecard]) -> dict[str, Scorecard]:
    vae = make_card("vae", np.linspace(-20.0, -10.0, 50), "lower bound")
    gan = card_of(
        "gan", vae.data, vae.fingerprint, sampling={"kid": Estimate(-0.01, None), "density": Estimate(0.9, 0.1)},
        baselines={"kid real/real": Estimate(0.0, 0.01)}, refusals={"density": "implicit"},
    )  # fmt: skip
    return {"vae": vae, "gan": gan}


def test_wide_keeps_numbers_and_what_they_are(cards: dict[str, Scorecard]) -> None:
    frame = Comparison(cards).frame()
    assert list(frame.index) == ["vae", "gan"]
    assert frame.columns.names == ["metric", "field"]
    assert frame["log_prob"].columns.tolist() == ["value", "se", "kind"]
    assert frame.loc["vae", ("log_prob", "value")] == -15.0
    assert frame.loc["vae", ("log_prob", "kind")] == "lower bound"
    assert frame.loc["gan", ("kid", "value")] == -0.01
    assert frame.loc["gan"].isna()["log_prob"].all()
    assert np.isnan(frame.loc["gan", ("kid", "se")])
    assert frame["log_prob", "value"].dtype == frame["kid", "se"].dtype == "float64"
    assert isinstance(frame["kid", "kind"].dtype, pandas.StringDtype)


def test_wide_of_nothing_measured() -> None:
    frame = Comparison({"a": card_of("a", DataSplit("toy", 50), "f00d")}).frame()
    assert frame.shape == (1, 0)


def test_tidy_has_a_row_for_every_number_baseline_and_refusal(cards: dict[str, Scorecard]) -> None:
    frame = tidy(cards)
    assert len(frame) == 1 + 2 + 1 + 4  # vae; gan's two numbers, one floor, and four refused metrics
    assert set(frame.query("model == 'gan' and question == 'density'").reason) == {"implicit"}
    floor = frame.query("baseline == 'real/real'").iloc[0]
    assert (floor.metric, floor.value) == ("kid", 0.0)
    assert frame.query("metric == 'log_prob' and model == 'vae'").iloc[0].measure == "binary"
    assert set(frame.fingerprint) == {"f00d"}


def test_no_cell_of_a_csv_is_a_formula(make_card: Maker) -> None:
    name = '=HYPERLINK("http://x")'
    text = compare({name: make_card("a", np.linspace(-20, -10, 50))}, progress=False).to_csv()
    rows = pandas.read_csv(io.StringIO(text))
    assert set(rows["model"]) == {f"'{name}"}
    assert rows["value"].min() < 0  # a number below 0 stays one
