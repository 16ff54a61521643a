"""The report: a comparison as a page to read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ppgen.errors import SettingError
from ppgen.reporting.fit_figures import fit_figures
from ppgen.reporting.html import count_in_words, render

if TYPE_CHECKING:
    from ppgen.evaluation import Comparison, Scorecard
    from ppgen.fitted import Fit

__all__ = ["report"]


def report(
    comparison: Comparison | Mapping[str, Any],
    out: str | os.PathLike[str] = "report.html",
    *,
    fits: Mapping[str, Fit] | None = None,
    title: str | None = None,
    seed: int = 0,
) -> Path:
    """Write a comparison as one self-contained HTML page.

    The page holds the table of numbers with what each is, the ranking, the verdicts in words, and for each fit at
    hand what it is, how it learned, samples, reconstructions and codes.

    Args:
        comparison: what :func:`ppgen.compare` returns, or what it takes: fits, scorecards or run folders by name. Fits
            are then evaluated with the default settings, which may take a while.
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
    """
    path = Path(out)
    if path.is_dir():
        raise SettingError(
            f"report: {path} is a folder",
            expected="a file name",
            got=str(path),
            fix=f"out={str(path / 'report.html')!r}",
        )
    known = dict(fits or {})
    if isinstance(comparison, Mapping):
        known = {**_fits_among(comparison), **known}
        comparison = _compared(comparison)
    if not hasattr(comparison, "cards"):
        raise SettingError(
            "report: nothing that can be reported",
            expected="a Comparison, or a mapping from names to fits, scorecards or run folders",
            got=type(comparison).__name__,
            fix='ppgen.report({"vae": fit})',
        )
    cards = list(comparison.cards.values())
    if surplus := [name for name in known if name not in comparison.cards]:
        raise SettingError(
            f"report: {surplus[0]!r} is not in the comparison",
            expected=", ".join(comparison.cards),
            got=", ".join(known),
            fix="give fits the names that they have in ppgen.compare({...})",
        )
    figures = {name: fit_figures(fit, seed=seed) for name, fit in known.items()}
    page = render(comparison, known, figures, title=title or _title(cards))
    _write_atomically(path, page)
    return path


def _compared(given: Mapping[str, Any]) -> Comparison:
    from ppgen.evaluation import compare

    return compare(given)


def _fits_among(given: Mapping[str, Any]) -> dict[str, Fit]:
    """The fits in a mapping; scorecards and folders only bring numbers."""
    return {name: value for name, value in given.items() if hasattr(value, "history") and hasattr(value, "model")}


def _title(cards: list[Scorecard]) -> str:
    data = list(dict.fromkeys(card.data.split(",")[0] for card in cards))
    what = cards[0].name if len(cards) == 1 else f"{count_in_words(len(cards))} generative models"
    return f"{what} of {' and '.join(data)}"


def _write_atomically(path: Path, text: str) -> None:
    """Write beside the target and rename: a reader never meets half a page."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not tempfile: its files may be read by their owner only, and the page would inherit that.
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8", newline="\n")
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
