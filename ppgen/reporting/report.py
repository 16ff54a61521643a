"""The report of a comparison, written as one page."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ppgen.checked import checked
from ppgen.errors import SettingError
from ppgen.evaluation import Comparison, Scorecard, compare
from ppgen.files import replace
from ppgen.fitted import Fit
from ppgen.reporting.fit_figures import fit_figures
from ppgen.reporting.html import count_in_words, render

__all__ = ["report"]


@checked
def report(
    comparison: Comparison | Mapping[str, Any],
    out: str | os.PathLike[str] = "report.html",
    *,
    fits: Mapping[str, Fit] | None = None,
    title: str | None = None,
    seed: int = 0,
) -> Path:
    """Write a comparison as one self-contained HTML page.

    The page begins with a strip of samples of each model, then holds the table of numbers with what each is, the
    ranking, the costs, the verdicts in words, and for each fit at hand what it is, how it learned, samples beside
    their nearest training data, walks, reconstructions and codes; with sliders over latent dimensions, whose pictures
    are decoded now, so that the page asks nothing of anyone.

    Args:
        comparison: what :func:`ppgen.compare` returns, or what it takes: fits, scorecards or run folders by name, or
            lists of fits that differ in their seed, of which the first is drawn. Fits are then evaluated with the
            default settings, which may take a while.
        out: the file to write; folders above it are made.
        fits: the fits behind a comparison, by the names that they have there; without one a model's section has
            numbers but no figures. Fits that ``comparison`` holds are found without this.
        title: the page's heading.
        seed: chooses the test data and samples that the figures show.

    Returns:
        The file, complete or not there at all.

    Raises:
        SettingError: if ``out`` is a folder, or ``comparison`` is nothing that can be compared, or a name in ``fits``
            is not in the comparison.
        CheckpointError: if the disk refuses the page; one that was there before stays.
    """
    path = Path(out)
    if path.is_dir():
        raise SettingError(
            f"report: {path} is a folder",
            expected="a file name",
            got=str(path),
            fix=f"out={str(path / 'report.html')!r}",
            code="S101",
        )
    known = dict(fits or {})
    if isinstance(comparison, Mapping):
        known = {name: fit for name, entry in comparison.items() if (fit := _shown(entry)) is not None} | known
        comparison = compare(comparison)
    if not isinstance(comparison, Comparison):
        raise SettingError(
            "report: nothing that can be reported",
            expected="a Comparison, or a mapping from names to fits, scorecards or run folders",
            got=type(comparison).__name__,
            fix='ppgen.report({"vae": fit})',
            code="S102",
        )
    if surplus := [name for name in known if name not in comparison.cards]:
        raise SettingError(
            f"report: {surplus[0]!r} is not in the comparison",
            expected=", ".join(comparison.cards),
            got=", ".join(known),
            fix="give fits the names that they have in ppgen.compare({...})",
            code="S103",
        )
    figures = {name: fit_figures(fit, seed=seed, beside_data=False) for name, fit in known.items()}
    page = render(comparison, known, figures, title=title or _title(list(comparison.cards.values())), seed=seed)
    replace(path, lambda part: part.write_text(page, encoding="utf-8", newline="\n"))
    return path


def _shown(entry: Any) -> Fit | None:
    """The fit of an entry whose figures are drawn, if it is at hand: the first of several."""
    if isinstance(entry, (list, tuple)):
        return _shown(entry[0]) if entry else None
    return entry if isinstance(entry, Fit) else None


def _title(cards: list[Scorecard]) -> str:
    what = cards[0].name if len(cards) == 1 else f"{count_in_words(len(cards))} generative models"
    return f"{what} of {' and '.join(dict.fromkeys(card.data.name for card in cards))}"
