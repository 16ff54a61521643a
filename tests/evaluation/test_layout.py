from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from ppgen.estimate import Estimate
from ppgen.evaluation import Answer, Column, DataSplit, Scorecard, compare
from ppgen.evaluation.layout import Block, blocks
from ppgen.evaluation.remarks import remarks
from tests.oracles.cards import card_of

Maker = Callable[..., Scorecard]
TOY = DataSplit("toy", 50)
VALUES = np.linspace(-20.0, -10.0, 50)


def only(found: list[Block], question: str) -> Block:
    (block,) = [block for block in found if block.question == question]
    return block


def test_a_block_for_each_question(make_card: Maker) -> None:
    found = blocks({"a": make_card("a", VALUES)})
    assert tuple(block.question for block in found) == ("density", "sampling", "representation")


def test_measures_and_data_sets_never_share_a_column(make_card: Maker) -> None:
    cards = {
        "a": make_card("a", VALUES),
        "b": make_card("b", VALUES, measure="continuous"),
        "c": make_card("c", VALUES, fingerprint="beef"),
        "gan": make_card("gan", None),
    }
    density = [block for block in blocks(cards) if block.question == "density"]
    assert [[row.name for row in block.rows] for block in density] == [["a", "gan"], ["b"], ["c"]]
    assert "binary measure" in density[0].title
    assert "continuous measure" in density[1].title
    sampling = [block for block in blocks(cards) if block.question == "sampling"]
    assert len(sampling) == 2  # by data alone


def test_bounds_are_marked_and_refusals_numbered(make_card: Maker) -> None:
    cards = {
        "exact": make_card("exact", VALUES),
        "low": make_card("low", VALUES, "lower bound"),
        "up": make_card("up", VALUES, "upper bound"),
        "gan": make_card("gan", None),
        "other gan": make_card("other gan", None),
    }
    block = only(blocks(cards), "density")
    cells = [row.cells[0] for row in block.rows]
    assert [cell.mark for cell in cells] == ["", "≥", "≤", "", ""]
    assert [cell.note for cell in cells] == [None, None, None, 1, 1]
    assert cells[3].value == "—"
    assert block.refusals == ["implicit model"]
    assert [row.refusal for row in block.rows] == ["", "", "", "implicit model", "implicit model"]
    assert block.refusals_of_cells == {}  # said in the rows, not again below
    assert block.error_widths == [4]


def test_a_missing_metric_of_a_model_with_others_keeps_its_footnote() -> None:
    units, told = {"active_units": Estimate(7.0)}, {"linear_probe": "the guide reads y"}
    cards = {
        "vae": card_of("vae", TOY, "f00d", representation={**units, "linear_probe": Estimate(0.9)}),
        "cvae": card_of("cvae", TOY, "f00d", representation=units, refusals=told),
    }
    block = only(blocks(cards), "representation")
    assert block.refusals_of_cells == {1: "the guide reads y"}
    assert [cell.note for cell in block.rows[1].cells] == [1, None]
    assert block.rows[1].refusal == ""


def test_columns_share_their_decimals_and_zero_is_never_negative() -> None:
    def card(name: str, value: float, error: float | None) -> Scorecard:
        return card_of(name, TOY, "f00d", sampling={"kid": Estimate(value, error, per="")})

    block = only(
        blocks({"a": card("a", -0.0004, 0.023), "b": card("b", 1.5, 0.019), "c": card("c", 2.0, 0.0)}), "sampling"
    )
    assert [(row.cells[0].value, row.cells[0].error) for row in block.rows] == [
        ("0.000", "0.023"), ("1.500", "0.019"), ("2.000", ""),
    ]  # fmt: skip


def test_an_interval_stands_by_its_ends() -> None:
    between = {"log_prob": Estimate(-82.9, kind="interval", low=-83.14, high=-82.72, unit="nats")}
    block = only(blocks({"a": card_of("a", TOY, "f00d", density=between)}), "density")
    cell = block.rows[0].cells[0]
    assert (cell.value, cell.error, cell.mark, cell.is_number) == ("[-83.2, -82.7]", "", "", True)


def test_what_describes_itself_otherwise_is_another_column() -> None:
    cards = {
        name: Scorecard(name, TOY, "f00d", (Answer(Column("ink", title=title), Estimate(2.0, 0.1)),))
        for name, title in {"a": "ink", "b": "ink", "c": "share of ink"}.items()
    }
    block = only(blocks(cards), "own")
    assert [column.title for column in block.columns] == ["ink", "share of ink"]
    assert [[cell.value for cell in row.cells] for row in block.rows] == [["2.00", ""], ["2.00", ""], ["", "2.00"]]


def test_counts_are_whole_numbers_of_how_many() -> None:
    units = {"active_units": Estimate(7.0, 0.53, kind="biased", unit="of 16")}
    block = only(blocks({"a": card_of("a", TOY, "f00d", representation=units)}), "representation")
    cell = block.rows[0].cells[0]
    assert (cell.value, cell.error, cell.after) == ("7", "0.5", "of 16")


def test_baselines_come_last_and_once() -> None:
    card = card_of(
        "a", TOY, "f00d", sampling={"kid": Estimate(0.1, 0.01)}, baselines={"kid real/real": Estimate(0.0, 0.01)}
    )
    block = only(blocks({"a": card, "b": dataclasses.replace(card, name="b")}), "sampling")
    assert [(row.name, row.baseline) for row in block.rows] == [
        ("a", False), ("b", False), ("real training data", True),
    ]  # fmt: skip


def test_notes_say_what_each_number_is(make_card: Maker) -> None:
    cards = {
        "vae": make_card("vae", VALUES, "lower bound", of="p(x)"),
        "flow": make_card("flow", VALUES, of="p(x)"),
        "cvae": make_card("cvae", VALUES, "lower bound", of="p(x | y)"),
    }
    notes = only(blocks(cards), "density").notes
    assert "log p: lower bound, by hand (vae, cvae); exact, by hand (flow)" in notes
    assert "log p(x): vae, flow" in notes
    assert "log p(x | y): cvae" in notes


@pytest.mark.parametrize(("hashes", "warned"), [(("aaaa", "aaaa"), False), (("aaaa", "bbbb"), True)])
def test_other_features_are_pointed_out(hashes: tuple[str, str], warned: bool) -> None:
    cards = {
        name: card_of(name, TOY, "f00d", sampling={"kid": Estimate(0.1)}, facts={"feature_network": network})
        for name, network in zip("ab", hashes, strict=True)
    }
    notes = only(blocks(cards), "sampling").notes
    assert any("features of network aaaa" in note for note in notes)
    assert ("numbers in the features of different networks do not compare" in notes) == warned


def test_a_question_that_nobody_answers_keeps_its_reasons(make_card: Maker) -> None:
    block = only(blocks({"gan": make_card("gan", None)}), "density")
    assert block.columns == []
    assert block.refusals_of_cells == {1: "gan: implicit model"}


def test_remarks_hold_ranks_reasons_and_differences(make_card: Maker) -> None:
    cards = {"a": make_card("a", VALUES), "b": make_card("b", VALUES + 1.0), "gan": make_card("gan", None)}
    comparison = compare(cards)
    ranks, without, differences = remarks(comparison.ranking(), comparison.pairs, 0.95)
    assert ranks.lines == ["1: b", "2: a"]
    assert without.lines == ["gan: implicit model"]
    assert differences.lines == ["a − b: -1.00 [-1.00, -1.00] nats/datum: b is higher"]
    assert "95 %" in differences.title
