"""A figure together with the words that a reader and a screen reader need."""

from __future__ import annotations

import dataclasses
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ppgen.reporting.inline_svg import inline_svg
from ppgen.reporting.style import PAIRS, house_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Illustration"]

_VARIABLES = {light: name for name, (light, _) in PAIRS.items()}


@dataclasses.dataclass(frozen=True, eq=False)
class Illustration:
    """A drawn figure, what it shows in one sentence, and what to look for.

    Args:
        figure: a matplotlib figure, free of ``pyplot``; yours to change before saving.
        alt: what it shows, for someone who cannot see it.
        caption: what to look for, for someone who can.

    Example:
        >>> from ppgen.reporting import learning_curves
        >>> history = [{"epoch": epoch, "train": {"elbo": -30.0 + epoch}} for epoch in range(1, 6)]
        >>> learning_curves(history).alt
        'Learning curve: after 5 epochs the ELBO is −25.0 on training data.'
    """

    figure: Figure
    alt: str
    caption: str

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the figure to ``path``; the suffix says how (``.png``, ``.pdf``, ``.svg``)."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        # Without a date in the file, the same fit gives the same bytes.
        dates = {".svg": "Date", ".pdf": "CreationDate"}
        metadata = {dates[path.suffix]: None} if path.suffix in dates else None
        self._export(path, metadata=metadata, bbox_inches="tight", pad_inches=0.12)
        return path

    def png(self) -> bytes:
        """The figure as PNG."""
        buffer = io.BytesIO()
        self._export(buffer, format="png", bbox_inches="tight", pad_inches=0.12)
        return buffer.getvalue()

    def svg(self, prefix: str) -> str:
        """The figure as an ``<svg>`` element to stand inside an HTML page, in the page's colours and font.

        Args:
            prefix: what its identifiers start with, so that two figures of a page never share one.
        """
        buffer = io.StringIO()
        self._export(buffer, format="svg", metadata={"Date": None}, transparent=True)
        return inline_svg(buffer.getvalue(), prefix=prefix, alt=self.alt, colours=_VARIABLES)

    def _export(self, target: Any, **options: Any) -> None:
        with house_style():
            # Where pictures keep their aspect, the layout only settles at the second drawing.
            self.figure.draw_without_rendering()
            self.figure.savefig(target, **options)

    def _repr_png_(self) -> bytes:
        """Jupyter shows the figure."""
        return self.png()
