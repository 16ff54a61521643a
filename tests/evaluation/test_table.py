from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from ppgen.estimate import Estimate
from ppgen.evaluation import Answer, Column, Comparison, DataSplit, Scorecard, compare
from tests.oracles.cards import card_of

NASTY = r"50% & $x_1$ #{\a}^~ <b>|*[c]"


@pytest.fixture
def comparison(make_card: Callable[..., Scorecard]) -> Comparison:
    """Six models with all that a table has to show."""
    rng = np.random.default_rng(0)
    cards = {}
    for i, name in enumerate(("autoencoder", "vae", "beta-vae", "cvae", "pixelcnn", NASTY)):
        kind = "exact" if name == "pixelcnn" else "lower bound"
        card = make_card(name, -20.0 - i + rng.normal(size=100), kind)
        unit = Estimate(0.5 + i / 100, 0.01, kind="biased", per="")
        cards[name] = card_of(
            name,
            DataSplit("digits", 360),
            card.fingerprint,
            density=card["density"] if i else {},
            sampling=dict.fromkeys(("kid", "precision", "recall", "density", "coverage"), unit),
            representation={"active_units": Estimate(float(i), 0.5, kind="biased", unit="of 16")},
            baselines={"kid real/real": unit, "log_prob factorised Bernoulli": card["density"]["log_prob"]},
            refusals={"linear_probe": "no labels"} if i else {"density": "the guide is a point; " * 12},
            per_datum=card.per_datum if i else None,
            facts={"feature_network": "0123456789abcdef"},
        )
    return compare(cards)


def test_text_fits_a_terminal_and_its_columns_line_up(comparison: Comparison) -> None:
    text = comparison.to_text()
    lines = text.splitlines()
    assert max(map(len, lines)) <= 120
    assert not any(line != line.rstrip() for line in lines)
    density = text.split("\n\n")[0].splitlines()
    rows = [line for line in density if "±" in line and "standard" not in line]
    assert len(rows) == 6  # five models and the baseline
    assert len({line.index("±") for line in rows}) == 1
    assert len({line.rindex(".") for line in rows}) == 1
    assert density[2].strip() == "nats/datum"
    assert re.search(r"vae +≥ -2\d\.\d+ ± 0\.\d+$", text, flags=re.MULTILINE)
    assert re.search(r"autoencoder +— \[1\]$", text, flags=re.MULTILINE)
    assert "  [1] the guide is a point;" in text
    assert "features of network 0123456789ab" in text


def test_markdown_has_rectangular_tables(comparison: Comparison) -> None:
    text = comparison.to_markdown()
    tables = [part.splitlines() for part in text.split("\n\n") if part.startswith("|")]
    assert len(tables) == 3
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table}) == 1
        assert re.fullmatch(r"\|:--(\|--:)+\|", table[1])
    assert r"50% & \$x\_1\$ #{\\a}^\~ \<b\>\|\*\[c\]" in text
    assert "| *real training data* |" in text


def test_the_heads_of_markdown_are_text_and_no_markup() -> None:
    columns = Column("bar", question="own", title="a|b <i>&lt;</i>", unit="*x*"), Column("b_c", question="own")
    card = Scorecard("m", DataSplit("toy", 50), "f00d", tuple(Answer(each, Estimate(1.0)) for each in columns))
    head = next(line for line in compare({"m": card}).to_markdown().splitlines() if line.startswith("| model"))
    assert head == r"| model | a\|b \<i\>\&lt;\</i\> \[\*x\*\] | b\_c |"


def test_latex_is_balanced_escaped_and_rectangular(comparison: Comparison) -> None:
    text = comparison.to_latex()
    assert text.startswith("% needs \\usepackage{booktabs}")
    for environment, count in (("tabular", 3), ("itemize", None)):
        begun = text.count(f"\\begin{{{environment}}}")
        assert begun == text.count(f"\\end{{{environment}}}")
        assert count is None or begun == count
    for part in re.findall(r"\\begin\{tabular\}\{(l r*|lr*)\}(.*?)\\end\{tabular\}", text, flags=re.DOTALL):
        columns, body = part
        rows = [line for line in body.splitlines() if line.endswith("\\\\")]
        assert {len(re.findall(r"(?<!\\)&", row)) + 1 for row in rows} == {len(columns)}
    assert r"50\% \& \$x\_1\$ \#\{\textbackslash{}a\}\textasciicircum{}\textasciitilde{} $<$b$>$$|${*}{[}c{]}" in text
    assert r"$\geq -2" in text
    assert r"$0 \pm 0.5$ of 16" in text
    assert not re.search("[±≥≤−↑↓—]", text)


class Page(HTMLParser):
    """The tags and the text of a piece of HTML, whose tags must be closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_html_holds_every_number_escaped(comparison: Comparison) -> None:
    page = Page(comparison._repr_html_())
    wanted = {"div", "p", "strong", "table", "thead", "tbody", "tr", "th", "td", "em", "ul", "li"}
    assert page.tags == wanted, "and nothing of the user's"
    assert "50% & $x_1$ #{\\a}^~ <b>|*[c]" in page.texts
    assert re.findall(r"-?\d+\.\d+", " ".join(page.texts)) == re.findall(r"-?\d+\.\d+", comparison.to_markdown())


def test_a_scorecard_and_an_estimate_are_shown_as_tables_not_as_walls(comparison: Comparison) -> None:
    card = next(iter(comparison.cards.values()))
    assert "table" in Page(card._repr_html_()).tags
    assert "".join(
        Page(Estimate(-2.0, 0.5, kind="lower bound", unit="nats", estimator="<K>")._repr_html_()).texts
    ) == str(Estimate(-2.0, 0.5, kind="lower bound", unit="nats", estimator="<K>"))


def test_what_begins_a_line_never_reads_as_an_argument_of_the_line_before(make_card: Callable[..., Scorecard]) -> None:
    values = np.linspace(-2.0, -1.0, 50)
    text = compare({name: make_card(name, values) for name in ("a", "[b]", "*c")}).to_latex()
    assert not re.search(r"(\\\\|\\item)\s*[\[*]", text)


def test_questions_that_nobody_answers_show_reasons_without_a_table(make_card: Callable[..., Scorecard]) -> None:
    comparison = compare({"gan": make_card("gan", None)})
    for text in (comparison.to_text(), comparison.to_markdown(), comparison.to_latex()):
        assert "gan: implicit model" in text
        assert "tabular" not in text
        assert "|:--" not in text
