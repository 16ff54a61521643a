"""The report as one HTML page that needs nothing else: no script, no font, no request."""

from __future__ import annotations

import importlib.resources
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ppgen.evaluation import layout
from ppgen.reporting.fit_figures import FitFigures
from ppgen.reporting.illustration import Illustration
from ppgen.reporting.ranking import ranking
from ppgen.reporting.style import PAIRS
from ppgen.reporting.tables import ASKED, overview, ranks_in_words, tabulate, verdicts_in_words
from ppgen.runs.run_folder import versions

if TYPE_CHECKING:
    from ppgen.evaluation import Comparison, Scorecard
    from ppgen.fitted import Fit

__all__ = ["count_in_words", "render"]

_OMITTED = {
    "learning_curve": "learning curve",
    "anatomy": "anatomy of the ELBO",
    "samples": "samples",
    "reconstructions": "reconstructions",
    "latent_space": "latent space",
}
_TRAINING = ("learning_curve", "anatomy")
_SETTINGS = ("seed", "max_epochs", "batch_size", "learning_rate", "patience", "clip_norm", "device")


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
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_template),
        autoescape=True,
        trim_blocks=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters["prose"] = _prose
    cards = list(comparison.cards.values())
    blocks = layout.blocks(comparison.cards)
    standings = comparison.ranking()
    style = environment.get_template("report.css.jinja").render(colours=PAIRS)
    return environment.get_template("report.html.jinja").render(
        title=title,
        lede=_lede(cards),
        # Our own text, with nothing of the user's in it; escaping would break its quotes.
        style=_safe(style),
        version=versions()["ppgen"],
        overview=overview(blocks),
        ranking=_plate(ranking(comparison.cards), "ranking"),
        ranks=ranks_in_words(standings),
        verdicts=verdicts_in_words(comparison.pairs, standings),
        level=f"{100 * comparison.level:g} %",
        questions=[
            {"key": key, "title": key.capitalize(), "asks": asks, "tables": tabulate(blocks, key)}
            for key, asks in ASKED.items()
        ],
        models=[
            _model(card, index, fits.get(card.name), figures.get(card.name)) for index, card in enumerate(cards, 1)
        ],
        settings=_settings(fits),
        provenance=_provenance(cards),
    )


def _template(name: str) -> str:
    return (importlib.resources.files("ppgen.reporting") / name).read_text(encoding="utf-8")


def _safe(text: str) -> Any:
    import markupsafe

    return markupsafe.Markup(text)


def _prose(text: str) -> Any:
    """Text with `code` between backticks, as in the texts of our errors."""
    import markupsafe

    return markupsafe.Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(markupsafe.escape(text))))


def _lede(cards: Sequence[Scorecard]) -> str:
    """What was compared on what data, in one paragraph."""
    data = [_data_in_words(text) for text in dict.fromkeys(card.data for card in cards)]
    models = f"{count_in_words(len(cards))} generative {'model' if len(cards) == 1 else 'models'}"
    return (
        f"{models} of {' and '.join(data)}, and three questions: how probable is data never seen before, how real and "
        "how varied are the samples, and what does the code of a data point tell about it? Where a model cannot "
        "answer, this page says so, and why."
    )


def _data_in_words(text: str) -> str:
    """``"digits, test split, 360 data points"`` as it stands in a sentence."""
    name, _, rest = text.partition(", ")
    return f"{name} ({rest})" if rest else name


def count_in_words(number: int) -> str:
    """A number that begins a sentence."""
    words = ["Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten", "Eleven", "Twelve"]
    return words[number] if number < len(words) else str(number)


def _plate(drawn: Illustration, prefix: str) -> dict[str, Any]:
    """An illustration as the template needs it."""
    width = round(float(drawn.figure.get_size_inches()[0]) * 96)  # CSS pixels an inch: text keeps its printed size
    return {"svg": _safe(drawn.svg(prefix)), "caption": drawn.caption, "width": width}


def _model(card: Scorecard, index: int, fit: Fit | None, fit_figures: FitFigures | None) -> dict[str, Any]:
    """The section of one model."""
    anchor = f"model-{index}"
    figures = {} if fit_figures is None else fit_figures.figures
    plates = {name: _plate(drawn, f"{anchor}-{name}") for name, drawn in figures.items()}
    omitted = {} if fit_figures is None else fit_figures.omitted
    return {
        "name": card.name,
        "anchor": anchor,
        "declaration": "" if fit is None else str(fit.model),
        "facts": _facts(card, fit),
        "training": [plate for name, plate in plates.items() if name in _TRAINING],
        "pictures": [plate for name, plate in plates.items() if name not in _TRAINING],
        "omitted": _by_reason(omitted),
    }


def _by_reason(omitted: Mapping[str, str]) -> list[tuple[str, str]]:
    """Missing figures in words, those that are missing for one reason together."""
    names: dict[str, list[str]] = {}
    for name, reason in omitted.items():
        names.setdefault(reason.rstrip("."), []).append(_OMITTED[name])
    return [(_sentence_case(" and ".join(missing)), reason) for reason, missing in names.items()]


def _sentence_case(text: str) -> str:
    return text[:1].upper() + text[1:]


def _facts(card: Scorecard, fit: Fit | None) -> list[tuple[str, str]]:
    """What the model is and what it took, in a line."""
    facts = dict(card.facts)
    guide = facts.get("guide")
    shown = {
        "Model": facts.get("model"),
        "Guide": guide if guide else None if fit is None else "none",
        "Objective": facts.get("objective"),
        "Parameters": _grouped(facts["num_parameters"]) if "num_parameters" in facts else None,
        "Epochs": facts.get("epochs"),
        "Training time": _duration(float(facts["seconds"])) if "seconds" in facts else None,
    }
    return [(label, str(value)) for label, value in shown.items() if value is not None]


def _grouped(number: Any) -> str:
    return f"{int(number):,}".replace(",", "\u202f")


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
    """The settings of each fit, those that at least one has."""
    met = [key for key in _SETTINGS if any(fit.settings.get(key) is not None for fit in fits.values())]
    rows = [(name, [_plain(fit.settings.get(key)) for key in met]) for name, fit in fits.items()] if met else []
    return {"headings": [key.replace("_", " ") for key in met], "rows": rows}


def _plain(value: Any) -> str:
    return "–" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _provenance(cards: Sequence[Scorecard]) -> list[tuple[str, str]]:
    """Hashes, and the versions that the page was written with."""
    rows = []
    for label, found in (
        ("Test data", [f"{card.data}: {card.fingerprint}" for card in cards]),
        (
            "Feature network",
            [str(card.facts["feature_network"]) for card in cards if card.facts.get("feature_network")],
        ),
        ("Evaluation seed", [str(card.facts["evaluation_seed"]) for card in cards if "evaluation_seed" in card.facts]),
    ):
        rows += [(label, text) for text in dict.fromkeys(found)]
    return rows + list(versions().items())
