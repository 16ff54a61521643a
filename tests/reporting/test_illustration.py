from __future__ import annotations

import io
from pathlib import Path

import matplotlib.image
import pytest

from ppgen.reporting import Illustration, latent_space
from ppgen.reporting.style import INK, house_style, new_figure


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


def test_the_page_decides_on_colour_and_font() -> None:
    element = drawn().svg("first")
    assert f"var(--ink, {INK})" in element
    assert "DejaVu" not in element
    assert 'aria-label="A word."' in element


def test_names_are_text_and_nothing_else() -> None:
    """What looks like markup, an identifier, a colour or a formula in a name is shown as it was given."""
    for name in ("<script>alert(1)</script>", 'id="x"', "$x_1$", INK, "url(#a)", "&amp;"):
        element = drawn(name).svg("first")
        assert name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") in element, name
        assert "<script" not in element


def test_many_points_make_a_bounded_file() -> None:
    import numpy as np

    codes = np.random.default_rng(0).normal(size=(20_000, 2))
    assert len(latent_space(codes, np.arange(20_000) % 10).svg("x")) < 500_000
