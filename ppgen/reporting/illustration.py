"""The illustration: a figure with its caption and its text for screen readers, as a file or an element of a page."""

from __future__ import annotations

import dataclasses
import io
import os
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ppgen.reporting.style import PAIRS, Figure, house_style

__all__ = ["Illustration", "inline_svg"]


_SVG, _XLINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}"
_LONG_DECIMALS = re.compile(r"(\d+\.\d\d)\d+")
_REFERENCES = re.compile(r"""(?:href="#|url\(#)([^")]+)""")
_FONT_FAMILY = re.compile(r"font-family: [^;]*;?\s*")


def inline_svg(text: str, *, prefix: str, alt: str, colours: Mapping[str, str]) -> str:
    """Make an SVG file an ``<svg>`` element that belongs to its page.

    Colours become the page's variables, so that a figure follows a dark page; text takes the page's font; an
    identifier that is referred to starts with ``prefix``, so that two figures never share one, and others go; nothing
    names an address.

    Args:
        text: the SVG file that matplotlib wrote.
        prefix: what identifiers start with, unique in the page.
        alt: what a screen reader says.
        colours: ``{"#1d2026": "ink"}``: colours of the file and the page's variables for them.

    Returns:
        Well-formed markup, good in HTML and in XML.
    """
    root = ElementTree.fromstring(text)
    for parent in list(root.iter()):
        for child in list(parent):
            # The style sheet in there says "*{...}", which in a page would mean the whole page.
            if child.tag in (f"{_SVG}metadata", f"{_SVG}style"):
                parent.remove(child)
    referred = set(_REFERENCES.findall(text))
    for element in root.iter():
        element.tag = element.tag.removeprefix(_SVG)
        element.tail = None
        if element.tag != "text":
            element.text = None
        # Attributes one by one: a model named "#0072b2" or 'id="x"' is text, and stays as it is.
        element.attrib = {
            key.removeprefix(_XLINK): _value(key, value, prefix, colours)
            for key, value in element.attrib.items()
            if key != "id" or value in referred
        }
    root.attrib = {"role": "img", "aria-label": alt, "viewBox": root.get("viewBox", "")}
    return ElementTree.tostring(root, encoding="unicode")


def _value(key: str, value: str, prefix: str, colours: Mapping[str, str]) -> str:
    """One attribute, as the page needs it."""
    if key == "id":
        return f"{prefix}-{value}"
    if key == f"{_XLINK}href":
        return f"#{prefix}-{value[1:]}" if value.startswith("#") else "".join(value.split())
    if key in ("d", "x", "y"):  # a hundredth of a point is finer than any screen
        value = _LONG_DECIMALS.sub(r"\1", value)
    if key == "style":
        value = _FONT_FAMILY.sub("", value)
        for colour, variable in colours.items():
            value = value.replace(colour, f"var(--{variable}, {colour})")
    return value.replace("url(#", f"url(#{prefix}-")


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
        metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix)
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
