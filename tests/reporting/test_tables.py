"""The tables of a comparison as the page shows them, and its ranks and differences as sentences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ppgen.estimate import Estimate
from ppgen.evaluation import Comparison, PairedDifference, layout
from ppgen.reporting.tables import overview, ranks_in_words, tabulate, verdicts_in_words


def test_a_shown_order_is_a_sentence_with_its_interval() -> None:
    pair = PairedDifference("bernoulli", "pixelcnn", -4.1, -4.4, -3.8, "pixelcnn is higher", "pixelcnn")
    (verdict,) = verdicts_in_words([pair], [])
    assert verdict.proven
    assert verdict.text == "pixelcnn assigns higher probability than bernoulli, by 4.10 nats per data point"
    assert verdict.interval == "[3.80, 4.40]"


def test_what_is_not_shown_keeps_the_words_of_the_comparison() -> None:
    bounds = PairedDifference("a", "b", 1.0, 0.9, 1.1, "bounds only: a's lower bound lies above b's lower bound")
    open_ = PairedDifference("a", "c", 0.1, -0.1, 0.3, "cannot be ranked: the interval includes 0")
    first, second = verdicts_in_words([bounds, open_], [])
    assert first.text == "a and b, bounds only: a's lower bound lies above b's lower bound"
    assert first.interval == "1.000 nats [0.900, 1.100]"
    assert second.text == "a and c cannot be ranked: the interval includes 0"
    assert not first.proven
    assert not second.proven


def test_shown_orders_come_first_and_silent_models_are_named_once(comparison: Comparison) -> None:
    verdicts = verdicts_in_words(comparison.pairs, comparison.ranking())
    assert [verdict.proven for verdict in verdicts] == sorted((v.proven for v in verdicts), reverse=True)
    about_gan = [verdict.text for verdict in verdicts if "gan" in verdict.text]
    assert about_gan == ["gan cannot be ranked: no density: implicit model"]


def test_ranks_are_grouped_by_what_is_ranked(comparison: Comparison) -> None:
    ((group, places),) = ranks_in_words(comparison.ranking())
    assert "log p(x) of digits" in group
    assert {name for _, name in places} == {"pixelcnn", "vae", "beta-vae"}


def test_an_interval_of_no_width_is_printed() -> None:
    pair = PairedDifference("a", "b", 2.0, 2.0, 2.0, "a is higher", "a")
    assert verdicts_in_words([pair], [])[0].interval == "[2.000, 2.000]"


def test_each_question_has_its_table_with_baselines_last(comparison: Comparison) -> None:
    (density,) = tabulate(layout.blocks(comparison.cards), "density")
    assert [row.name for row in density.rows] == ["pixelcnn", "vae", "beta-vae", "gan", "factorised Bernoulli"]
    assert [row.baseline for row in density.rows] == [False] * 4 + [True]
    assert [row.cells[0].value for row in density.rows if not row.refusal] == ["-21.00", "-19.80", "-22.40", "-28.00"]
    assert density.widths == [4]


def test_a_model_without_numbers_has_its_reason(comparison: Comparison) -> None:
    (density,) = tabulate(layout.blocks(comparison.cards), "density")
    assert [row.refusal for row in density.rows] == ["", "", "", "no density: implicit model", ""]
    assert density.refusals == {}  # said in the row, not again below


def test_a_missing_metric_has_a_footnote(make_card: Callable[..., Any]) -> None:
    error = Estimate(0.1, 0.01, better="lower")
    probe = Estimate(0.9, 0.01, unit="accuracy", better="higher")
    cards = {
        "vae": make_card(
            "vae", -20.0, representation={"linear_probe": probe, "reconstruction_error": error}, refusals={}
        ),
        "cvae": make_card(
            "cvae",
            -20.0,
            representation={"reconstruction_error": error},
            refusals={"linear_probe": "the guide reads y, which its code could simply repeat"},
        ),
    }
    (table,) = tabulate(layout.blocks(cards), "representation")
    assert table.refusals == {1: "the guide reads y, which its code could simply repeat"}
    assert [cell.note for cell in table.rows[1].cells] == [1, None]


def test_a_question_that_nobody_answers_keeps_the_reasons(comparison: Comparison) -> None:
    (table,) = tabulate(layout.blocks(comparison.cards), "representation")
    assert not table.columns
    assert "pixelcnn: no representation" in next(iter(table.refusals.values()))


def test_the_overview_gathers_one_row_a_model(comparison: Comparison) -> None:
    (table,) = overview(layout.blocks(comparison.cards))
    assert [metric.key for metric in table.columns] == ["log_prob", "kid"]
    assert [row.name for row in table.rows] == ["pixelcnn", "vae", "beta-vae", "gan"]
    assert [bool(row.cells[0].value) for row in table.rows] == [True, True, True, False]


def test_the_overview_says_which_density_is_which(make_card: Callable[..., Any]) -> None:
    cards = {
        "vae": make_card("vae", -20.0),
        "cvae": make_card("cvae", -18.0, facts={"density_of": "p(x | y)"}),
    }
    (table,) = overview(layout.blocks(cards))
    assert "log p(x | y): cvae" in table.notes


def test_the_overview_keeps_data_apart(make_card: Callable[..., Any]) -> None:
    cards = {"vae": make_card("vae", -20.0), "other": make_card("other", -90.0, fingerprint="beef")}
    assert [[row.name for row in table.rows] for table in overview(layout.blocks(cards))] == [["vae"], ["other"]]
