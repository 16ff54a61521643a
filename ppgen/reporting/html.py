"""The HTML page of a comparison: one file that needs nothing else, no script, no font, no request."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2
import markupsafe

from ppgen.evaluation import Comparison, PairedDifference, Scorecard, Standing, layout
from ppgen.evaluation.layout import Block, Cell, Row
from ppgen.evaluation.metric import QUESTIONS
from ppgen.fitted import Fit
from ppgen.reporting.fit_figures import FitFigures
from ppgen.reporting.illustration import Illustration
from ppgen.reporting.ranking import ranking
from ppgen.reporting.style import PAIRS, numeral
from ppgen.runs import versions

__all__ = ["Verdict", "count_in_words", "overview", "render", "verdicts_in_words"]

_IN_A_CLAUSE = {
    "density": "how probable is data never seen before",
    "sampling": "how real and how varied are the samples",
    "representation": "what does the code of a data point tell about it",
    "own": "what do the user's own functions say",
}
_OMITTED = {
    "learning_curve": "learning curve",
    "anatomy": "anatomy of the ELBO",
    "samples": "samples",
    "reconstructions": "reconstructions",
    "latent_space": "latent space",
}
_TRAINING = ("learning_curve", "anatomy")
# By the value that needs no word: what every fit does that was not told otherwise.
_SETTINGS: Mapping[str, Any] = {
    **dict.fromkeys(("seed", "max_epochs", "batch_size", "learning_rate")),
    "optimizer": "adam",
    "schedule": "constant",
    **dict.fromkeys(("average", "patience", "clip_norm", "device")),
}


def render(comparison: Comparison, fits: Mapping[str, Fit], figures: Mapping[str, FitFigures], *, title: str) -> str:
    """Write the page.

    Args:
        comparison: what was measured; models keep its order.
        fits: by name of their card, those at hand; a model without one has a section of facts only.
        figures: the figures of each fit.
        title: the heading.

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
    return environment.get_template("report.html.jinja").render(
        title=title,
        lede=_lede(cards, asked),
        number_of_questions=_number_of_questions(asked),
        # Our own text, with nothing of the user's in it; escaping would break its quotes.
        style=markupsafe.Markup(environment.get_template("report.css.jinja").render(colours=PAIRS)),
        version=versions()["ppgen"],
        overview=overview(blocks),
        ranking=_plate(ranking(comparison.cards), "ranking"),
        ranks=layout.grouped((standing.group, standing) for standing in standings if standing.group),
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
            _model(card, f"model-{index}", fits.get(card.name), figures.get(card.name, FitFigures({}, {})))
            for index, card in enumerate(cards, 1)
        ],
        settings=_settings(fits),
        provenance=_provenance(cards),
    )


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


def _plate(drawn: Illustration, prefix: str) -> dict[str, Any]:
    """An illustration as the template needs it."""
    width = round(float(drawn.figure.get_size_inches()[0]) * 96)  # CSS pixels an inch: text keeps its printed size
    return {"svg": markupsafe.Markup(drawn.svg(prefix)), "caption": drawn.caption, "width": width}


def _model(card: Scorecard, anchor: str, fit: Fit | None, drawn: FitFigures) -> dict[str, Any]:
    """The section of one model."""
    plates = {name: _plate(figure, f"{anchor}-{name}") for name, figure in drawn.figures.items()}
    omitted = layout.grouped((reason.rstrip("."), _OMITTED[name]) for name, reason in drawn.omitted.items())
    missing = {reason: " and ".join(names) for reason, names in omitted.items()}
    return {
        "name": card.name,
        "anchor": anchor,
        "declaration": "" if fit is None else str(fit.model),
        "facts": _facts(card, fit),
        "training": [plate for name, plate in plates.items() if name in _TRAINING],
        "pictures": [plate for name, plate in plates.items() if name not in _TRAINING],
        "omitted": [(names[:1].upper() + names[1:], reason) for reason, names in missing.items()],
    }


def _facts(card: Scorecard, fit: Fit | None) -> list[tuple[str, str]]:
    """What the model is and what it took, in a line."""
    facts = card.facts
    shown = {
        "Model": facts.get("model"),
        "Guide": facts.get("guide") or (None if fit is None else "none"),
        "Objective": facts.get("objective"),
        "Parameters": f"{facts['num_parameters']:,}".replace(",", "\u202f") if "num_parameters" in facts else None,
        "Epochs": facts.get("epochs"),
        "Training time": _duration(float(facts["seconds"])) if "seconds" in facts else None,
    }
    return [(label, str(value)) for label, value in shown.items() if value is not None]


def _duration(seconds: float) -> str:
    """Seconds as a person says them.

    Example:
        >>> _duration(8.26), _duration(125.0), _duration(7300.0)
        ('8.3 s', '2 min 5 s', '2 h 1 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{int(seconds // 60)} min {int(seconds % 60)} s"
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60)} min"


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


@dataclasses.dataclass(frozen=True)
class Verdict:
    """One statement about the order of models.

    Args:
        text: the sentence.
        interval: the interval that backs it.
        proven: whether an order is shown.
    """

    text: str
    interval: str = ""
    proven: bool = False


def verdicts_in_words(pairs: Sequence[PairedDifference], standings: Sequence[Standing]) -> list[Verdict]:
    """One sentence a pair: orders that are shown first, then what cannot be ranked and why.

    A model that cannot be compared with any other is spoken of once, not once a pair.

    Args:
        pairs: the paired differences of a comparison.
        standings: its ranking.
    """
    verdicts = [_sentence(pair) for pair in pairs if pair.difference is not None]
    verdicts.sort(key=lambda verdict: not verdict.proven)
    alone = {standing.name for standing in standings if not standing.group}
    verdicts += [
        Verdict(f"{pair.first} and {pair.second} {pair.verdict}")
        for pair in pairs
        if pair.difference is None and pair.first not in alone and pair.second not in alone
    ]
    verdicts += [Verdict(f"{one.name} cannot be ranked: {one.reason}") for one in standings if not one.group]
    return verdicts


def _sentence(pair: PairedDifference) -> Verdict:
    """A pair whose difference could be taken, told from the side of the higher one, so that it reads as a gain."""
    higher, other = pair.first, pair.second
    difference, low, high = pair.difference or 0.0, pair.low or 0.0, pair.high or 0.0
    if difference < 0.0:
        higher, other, difference, low, high = other, higher, -difference, -high, -low
    # Two figures of the standard error, a quarter of the interval, and never more than thousandths of a nat.
    decimals = max(0, min(3, 1 - math.floor(math.log10(max(high - low, 1e-9) / 4))))
    amount = numeral(difference, decimals)
    interval = f"[{numeral(low, decimals)}, {numeral(high, decimals)}]"
    if pair.winner is not None:
        text = f"{higher} assigns higher probability than {other}, by {amount} nats per data point"
        return Verdict(text, interval, proven=True)
    names = f"{higher} and {other}{',' if pair.bounds_only else ''}"
    return Verdict(f"{names} {pair.verdict}", f"{amount} nats {interval}")


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
