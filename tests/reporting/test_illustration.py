from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import matplotlib.image
import pytest

from ppgen.reporting import Illustration
from ppgen.reporting.illustration import inline_svg
from ppgen.reporting.style import INK, house_style, new_figure

FILE = """<?xml version="1.0"?>
<svg xmlns:xlink="http://www.w3.org/1999/xlink" xmlns="http://www.w3.org/2000/svg" width="9pt" viewBox="0 0 9 9">
 <metadata>http://elsewhere</metadata>
 <defs><style type="text/css">*{stroke: red}</style></defs>
 <g id="unused"><path id="m1" d="M 0.123456 1
L 2.5 3" style="stroke: #1d2026"/></g>
 <use xlink:href="#m1" x="1.23456" style="fill: #abcdef"/>
 <image id="picture" xlink:href="data:image/png;base64,
QUJD"/>
 <g clip-path="url(#c1)"><text style="font-family: 'DejaVu Sans'; fill: #1d2026">m1 #1d2026 1.23456</text></g>
 <clipPath id="c1"><rect/></clipPath>
</svg>"""


def element() -> str:
    return inline_svg(FILE, prefix="p", alt='say "hi" & <go>', colours={"#1d2026": "ink"})


def test_it_is_well_formed_and_says_what_it_shows() -> None:
    root = ElementTree.fromstring(element())
    assert root.attrib == {"role": "img", "aria-label": 'say "hi" & <go>', "viewBox": "0 0 9 9"}


def test_identifiers_are_prefixed_where_they_are_referred_to_and_gone_elsewhere() -> None:
    text = element()
    assert set(re.findall(r'id="([^"]*)"', text)) == {"p-m1", "p-c1"}
    assert 'href="#p-m1"' in text
    assert "url(#p-c1)" in text


def test_nothing_names_an_address_or_reaches_the_page() -> None:
    text = element()
    assert "http" not in text
    assert "stroke: red" not in text


def test_colours_fonts_and_digits_in_attributes_change_but_text_does_not() -> None:
    text = element()
    assert "stroke: var(--ink, #1d2026)" in text
    assert "fill: #abcdef" in text
    assert "DejaVu" not in text
    assert 'd="M 0.12 1 L 2.5 3"' in text
    assert 'x="1.23"' in text
    assert ">m1 #1d2026 1.23456</text>" in text
    assert "data:image/png;base64,QUJD" in text


def drawn(text: str = "a word") -> Illustration:
    with house_style():
        figure = new_figure(2.0, 1.0)
        figure.subplots().text(0.5, 0.5, text, color=INK)
    return Illustration(figure, alt="A word.", caption="See the word.")


def test_png_is_a_picture() -> None:
    pixels = matplotlib.image.imread(io.BytesIO(drawn().png()))
    assert pixels.shape[0] > 100
    assert pixels.std() > 0


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_same_figure_same_bytes(tmp_path: Path, suffix: str) -> None:
    one, other = (drawn().save(tmp_path / folder / f"figure.{suffix}") for folder in ("one", "other"))
    assert one.read_bytes() == other.read_bytes()


def test_names_are_text_and_nothing_else() -> None:
    """What looks like markup, an identifier, a colour or a formula in a name is shown as it was given."""
    for name in ("<script>alert(1)</script>", 'id="x"', "$x_1$", INK, "url(#a)", "&amp;"):
        element = drawn(name).svg("first")
        assert name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") in element, name
        assert "<script" not in element
