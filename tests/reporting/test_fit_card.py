"""The card of a fit, as a notebook shows it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

from ppgen.fitted import Fit


class Tags(HTMLParser):
    """The tags of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)


def test_it_says_what_was_fitted_to_what(fits: Mapping[str, Fit]) -> None:
    card = fits["vae"]._repr_html_()
    for words in ("VAE: p(z) p(x | z)", "MeanField", "ELBO()", "digits", "2 in ", "last epoch, valid", "elbo -"):
        assert words in card
    assert "none" in fits["gan"]._repr_html_()


def test_whatever_a_user_named_is_escaped(fits: Mapping[str, Fit]) -> None:
    fit = copy.copy(fits["vae"])
    fit.data = copy.copy(fit.data)
    object.__setattr__(fit.data, "name", "<script>alert(1)</script>")
    assert Tags(fit._repr_html_()).tags == {"table", "caption", "tbody", "tr", "th", "td"}
    assert "&lt;script&gt;" in fit._repr_html_()


def test_a_fit_that_stopped_before_an_epoch_has_a_card_too(fits: Mapping[str, Fit]) -> None:
    fit = copy.copy(fits["vae"])
    fit.history, fit.stopped = [], "interrupted"
    assert "0 in " in fit._repr_html_()
    assert "interrupted" in fit._repr_html_()
