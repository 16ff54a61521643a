"""The HTML page of a comparison: one file that needs nothing else, no library, no font, no request."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import jinja2
import markupsafe

from ppgen.data.dataset import main_site
from ppgen.evaluation import Comparison, Scorecard, layout
from ppgen.evaluation.layout import Block, Cell, Row
from ppgen.evaluation.metric import QUESTIONS
from ppgen.fitted import Fit
from ppgen.reporting.costs import COLUMNS, cost_rows
from ppgen.reporting.fit_figures import MOST_CODES, FitFigures
from ppgen.reporting.grids import grids
from ppgen.reporting.hover import data_sheet
from ppgen.reporting.model_card import model_card, plate
from ppgen.reporting.ranking import ranking
from ppgen.reporting.sheet import Sheet
from ppgen.reporting.strip import shuffled_test, strips
from ppgen.reporting.style import PAIRS
from ppgen.reporting.verdicts import standing_in_words, verdicts_in_words
from ppgen.runs import versions

__all__ = ["count_in_words", "overview", "render"]

_IN_A_CLAUSE = {
    "density": "how probable is data never seen before",
    "sampling": "how real and how varied are the samples",
    "representation": "what does the code of a data point tell about it",
    "calibration": "is the posterior as sure as it should be",
    "own": "what do the user's own functions say",
}
_GRID = 72
_EXPLORERS = 3_600_000
"""Pixels that the explorers of a page may share: as PNG, in base64, at most about 3.5 MB of noise, and far less."""

# By the value that needs no word: what every fit does that was not told otherwise.
_SETTINGS: Mapping[str, Any] = {
    **dict.fromkeys(("seed", "max_epochs", "batch_size", "learning_rate")),
    "optimizer": "adam",
    "schedule": "constant",
    **dict.fromkeys(("average", "patience", "clip_norm", "device")),
}


def render(
    comparison: Comparison, fits: Mapping[str, Fit], figures: Mapping[str, FitFigures], *, title: str, seed: int = 0
) -> str:
    """Write the page.

    Args:
        comparison: what was measured; models keep its order.
        fits: by name of their card, those at hand; a model without one has a section of facts only.
        figures: the figures of each fit.
        title: the heading.
        seed: chooses the samples and test data of the strip, the explorers and the lens; that of the figures.

    Returns:
        HTML, with every name and number escaped.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("ppgen.reporting", "."),
        autoescape=True,
        trim_blocks=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters["prose"] = _prose
    cards = list(comparison.cards.values())
    blocks = layout.blocks(comparison.cards)
    standings = comparison.ranking()
    asked = list(dict.fromkeys(block.question for block in blocks))
    ranks = layout.grouped((standing.group, standing) for standing in standings if standing.group)
    said = {one.name: standing_in_words(one, len(ranks.get(one.group, ()))) for one in standings}
    sheets = _data_sheets(fits, seed)
    script = resources.files("ppgen.reporting").joinpath("report.js").read_text(encoding="utf-8")
    return environment.get_template("report.html.jinja").render(
        title=title,
        lede=_lede(cards, asked),
        number_of_questions=_number_of_questions(asked),
        # Our own text, with nothing of the user's in it; escaping would break its quotes.
        style=markupsafe.Markup(environment.get_template("report.css.jinja").render(colours=PAIRS)),
        version=versions()["ppgen"],
        overview=overview(blocks),
        script=markupsafe.Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii"),
        strips=strips(fits, seed=seed),
        sheets=list(sheets.values()),
        data_grids=_data_grids(fits, seed),
        costs={"headings": COLUMNS, "rows": cost_rows(cards)},
        ranking=plate(ranking(comparison.cards), "ranking"),
        narrow_ranking=plate(ranking(comparison.cards, narrow=True), "narrow-ranking"),
        ranks=ranks,
        verdicts=verdicts_in_words(comparison.pairs, standings),
        level=f"{100 * comparison.level:g} %",
        questions=[
            {
                "key": key,
                "anchor": key if key in QUESTIONS else f"question-{key}",  # of a user's own: models, reading ...
                "asks": QUESTIONS.get(key, ""),
                "tables": [block for block in blocks if block.question == key],
            }
            for key in asked
        ],
        models=[
            model_card(
                card,
                f"model-{index}",
                fits.get(card.name),
                figures.get(card.name, FitFigures({}, {})),
                verdict=said.get(card.name, ""),
                sheet=sheets.get(fits[card.name].data.fingerprint("test")) if card.name in fits else None,
                budget=_EXPLORERS // max(1, len(fits)),
                seed=seed,
            )
            for index, card in enumerate(cards, 1)
        ],
        settings=_settings(fits),
        provenance=_provenance(cards),
    )


def _data_grids(fits: Mapping[str, Fit], seed: int) -> list[dict[str, Any]]:
    """The test data that all models are held against, once a data set."""
    drawn: dict[str, dict[str, Any]] = {}
    for fit in fits.values():
        key = fit.data.fingerprint("test")
        if key not in drawn and fit.data.size("test"):
            test = shuffled_test(fit, seed)
            grid = grids({f"{fit.data.name}: test data": test[main_site(test)][:_GRID]}, columns=12)
            caption = "Test data that no model saw in training: what samples should look like."
            drawn[key] = plate(dataclasses.replace(grid, caption=caption), f"data-grid-{len(drawn) + 1}")
    return list(drawn.values())


def _data_sheets(fits: Mapping[str, Fit], seed: int) -> dict[str, tuple[str, Sheet]]:
    """The test data that the lens shows, once a data set, by their fingerprint: an identifier and the pictures."""
    found: dict[str, tuple[str, Sheet]] = {}
    for fit in fits.values():
        key = fit.data.fingerprint("test")
        if key not in found and (sheet := data_sheet(fit, shuffled_test(fit, seed), MOST_CODES)) is not None:
            found[key] = (f"data-{len(found) + 1}", sheet)
    return found


def _prose(text: str) -> markupsafe.Markup:
    """Text with `code` between backticks, as in the texts of our errors."""
    return markupsafe.Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(markupsafe.escape(text))))


def _lede(cards: Sequence[Scorecard], asked: Sequence[str]) -> str:
    """What was compared on what data, and what was asked, in one paragraph."""
    data = [f"{data.name} ({data.part})" for data in dict.fromkeys(card.data for card in cards)]
    models = f"{count_in_words(len(cards))} generative {'model' if len(cards) == 1 else 'models'}"
    clauses = [_IN_A_CLAUSE.get(question, f"what can be said of its {question}") for question in asked]
    listed = f"{', '.join(clauses[:-1])}, and {clauses[-1]}" if len(clauses) > 1 else "".join(clauses)
    return (
        f"{models} of {' and '.join(data)}, and {_number_of_questions(asked)}: {listed}? Where a model cannot answer, "
        "this page says so, and why."
    )


def _number_of_questions(asked: Sequence[str]) -> str:
    return f"{count_in_words(len(asked)).lower()} question{'s' if len(asked) != 1 else ''}"


def count_in_words(number: int) -> str:
    """A number that begins a sentence."""
    words = ["Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten", "Eleven", "Twelve"]
    return words[number] if number < len(words) else str(number)


def _settings(fits: Mapping[str, Fit]) -> dict[str, Any]:
    """The settings of each fit, those of which at least one fit has something to say."""
    met = [
        key
        for key, silent in _SETTINGS.items()
        if any(fit.settings.get(key) not in (None, silent) for fit in fits.values())
    ]
    rows = [(name, [_plain(fit.settings.get(key)) for key in met]) for name, fit in fits.items()] if met else []
    return {"headings": [key.replace("_", " ") for key in met], "rows": rows}


def _plain(value: Any) -> str:
    return "–" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _provenance(cards: Sequence[Scorecard]) -> list[tuple[str, str]]:
    """Hashes, and the versions that the page was written with."""
    stated = [
        *(("Test data", f"{card.data}: {card.fingerprint}") for card in cards),
        *(("Feature network", str(card.facts.get("feature_network") or "")) for card in cards),
        *(("Evaluation seed", str(card.facts.get("evaluation_seed", ""))) for card in cards),
    ]
    return [(label, text) for label, text in dict.fromkeys(stated) if text] + list(versions().items())


def overview(blocks: Sequence[Block]) -> list[Block]:
    """The metrics that are headlines: the table that a reader sees first, without baselines.

    Densities of different data or measure stay in tables of their own.

    Args:
        blocks: the tables of all questions.
    """
    rows = [(block, row) for block in blocks for row in block.rows if not row.baseline]
    numbers = {
        (row.name, column): cell
        for block, row in rows
        for column, cell in zip(block.columns, row.cells, strict=True)
        if cell.is_number
    }
    headlines = dict.fromkeys(column for block in blocks for column in block.columns if column.headline)
    tables = []
    for block in blocks:
        if block.question == blocks[0].question:  # density, where anybody was asked for one
            names = [row.name for row in block.rows if not row.baseline]
            columns = [column for column in headlines if any((name, column) in numbers for name in names)]
            gathered = [Row(name, [numbers.get((name, column), Cell()) for column in columns]) for name in names]
            tables.append(dataclasses.replace(block, columns=columns, rows=gathered, provenance=(), refusals=()))
    return tables
