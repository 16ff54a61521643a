"""From matplotlib's standalone SVG to an element of a page."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping

__all__ = ["inline_svg"]

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
        attributes = {
            key.removeprefix(_XLINK): _value(key, value, prefix, colours)
            for key, value in element.attrib.items()
            if key != "id" or value in referred
        }
        element.attrib.clear()
        element.attrib.update(attributes)
    view = root.get("viewBox", "")
    root.attrib.clear()
    root.attrib.update({"role": "img", "aria-label": alt, "viewBox": view})
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
