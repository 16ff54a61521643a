"""The section of one model on the page: what it is, what it took, its pictures, its sliders, its paper."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from typing import Any

import markupsafe

from ppgen.declare import without_latents
from ppgen.errors import PpgenError
from ppgen.evaluation import Scorecard, layout
from ppgen.evaluation.over_fits import fits_of
from ppgen.fitted import Fit
from ppgen.reporting.costs import duration
from ppgen.reporting.explorer import Explorer, explorer
from ppgen.reporting.fit_figures import MOST_CODES, FitFigures
from ppgen.reporting.game_notes import game_notes
from ppgen.reporting.hover import code_places
from ppgen.reporting.illustration import Illustration
from ppgen.reporting.papers import bibtex, paper_keywords
from ppgen.reporting.sheet import Sheet
from ppgen.reporting.strip import shuffled_test

__all__ = ["model_card", "plate"]

_OMITTED = {
    "learning_curve": "learning curve",
    "anatomy": "anatomy of the ELBO",
    "samples": "samples",
    "neighbours": "nearest training data",
    "traversal": "traversal",
    "interpolation": "interpolation",
    "reconstructions": "reconstructions",
    "extremes": "best and worst reconstructions",
    "latent_space": "latent space",
    "translations": "translations of test images",
    "generation": "samples while they are drawn",
    "surprise": "surprise of each position",
    "entropy": "entropy of each position",
    "receptive_field": "receptive field",
}
_TRAINING = ("learning_curve", "anatomy")


def plate(drawn: Illustration, prefix: str) -> dict[str, Any]:
    """An illustration as the template needs it.

    Args:
        drawn: the figure.
        prefix: of its identifiers.
    """
    width = round(float(drawn.figure.get_size_inches()[0]) * 96)  # CSS pixels an inch: text keeps its printed size
    return {"svg": markupsafe.Markup(drawn.svg(prefix)), "caption": drawn.caption, "width": width, "lens": None}


def model_card(
    card: Scorecard,
    anchor: str,
    fit: Fit | None,
    drawn: FitFigures,
    *,
    verdict: str,
    sheet: tuple[str, Sheet] | None,
    budget: int,
    seed: int,
) -> dict[str, Any]:
    """What the template shows of one model.

    Args:
        card: its numbers.
        anchor: where links lead.
        fit: itself, if it is at hand.
        drawn: its figures.
        verdict: a sentence about it, or nothing.
        sheet: the pictures of its test data, with the identifier that they have in the page.
        budget: pixels that its explorer may have.
        seed: of draws.
    """
    plates = {name: plate(figure, f"{anchor}-{name}") for name, figure in drawn.figures.items()}
    if fit is not None and sheet is not None:
        _add_lenses(plates, fit, drawn, sheet, seed)
    omitted = layout.grouped((reason.rstrip("."), _OMITTED[name]) for name, reason in drawn.omitted.items())
    missing = {reason: _enumerated(names) for reason, names in omitted.items()}
    return {
        "name": card.name,
        "anchor": anchor,
        "verdict": verdict,
        "declaration": "" if fit is None else str(fit.model),
        "facts": _facts(card, fit),
        "explorer": None if fit is None else _explorer(fit, budget, seed),
        "training": [shown for name, shown in plates.items() if name in _TRAINING],
        "pictures": [shown for name, shown in plates.items() if name not in _TRAINING],
        "omitted": [(names[:1].upper() + names[1:], reason) for reason, names in missing.items()],
        "paper": "" if fit is None else _paper(fit),
        "bibtex": "" if fit is None else bibtex(*paper_keywords(fit.model, fit.objective)),
    }


def _enumerated(names: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def _add_lenses(
    plates: dict[str, dict[str, Any]], fit: Fit, drawn: FitFigures, sheet: tuple[str, Sheet], seed: int
) -> None:
    """Let each figure of codes show the data point under the pointer."""
    names = [name for name in plates if name.startswith("latent_space")]
    if not names:
        return
    name_of_sheet, pictures = sheet
    chosen = {key: column[:MOST_CODES] for key, column in shuffled_test(fit, seed).items()}
    codes = fit.encode(without_latents(fit.model, chosen))
    for name, z in zip(names, codes.values(), strict=True):
        places = code_places(drawn.figures[name], z, pictures.count)
        if places:
            plates[name]["lens"] = {
                "sheet": name_of_sheet,
                "places": " ".join(map(str, places)),
                "height": pictures.height,
                "width": pictures.width,
            }


def _explorer(fit: Fit, budget: int, seed: int) -> Explorer | None:
    """The sliders of a fit, or nothing where there is nothing to move."""
    try:
        return explorer(fit, shuffled_test(fit, seed), budget=min(budget, 600_000), seed=seed)
    except PpgenError:  # the reason stands in the same section, beside the walks that are not there
        return None


def _facts(card: Scorecard, fit: Fit | None) -> list[tuple[str, str]]:
    """What the model is and what it took, in a line."""
    facts = card.facts
    shown = {
        "Model": facts.get("model"),
        "Guide": facts.get("guide") or (None if fit is None else "none"),
        "Objective": facts.get("objective"),
        "Parameters": f"{facts['num_parameters']:,}".replace(",", "\u202f") if "num_parameters" in facts else None,
        "Epochs": facts.get("epochs"),
        "Training time": duration(float(facts["seconds"])) if "seconds" in facts else None,
        "Training": None if fit is None else _training(fit),
        "Figures": None if fit is None or fits_of(card) == 1 else f"of one of {fits_of(card)} fits",
        "Alarm": facts.get("collapse"),
        "Notes": None if fit is None else " ".join(game_notes(fit.history, card)) or None,
    }
    return [(label, str(value)) for label, value in shown.items() if value is not None]


def _training(fit: Fit) -> str:
    """How it was trained, in a line."""
    settings = fit.settings
    named = [
        f"{label} {settings[key]:g}" if isinstance(settings[key], float) else f"{label} {settings[key]}"
        for key, label in (("batch_size", "batches of"), ("optimizer", "by"), ("learning_rate", "at"))
        if settings.get(key) is not None
    ]
    ended = {"early": "stopped early", "interrupted": "interrupted", "diverged": "diverged"}.get(fit.stopped, "")
    return ", ".join([*named, *([ended] if ended else [])])


def _paper(fit: Fit) -> str:
    """The reference that the documentation of the model's class names, on one line."""
    found = re.search(r"Reference: (.*?)(?:\n\s*\n|\Z)", inspect.getdoc(type(fit.model)) or "", re.DOTALL)
    return " ".join(found[1].split()) if found else ""
