from __future__ import annotations

import base64
import copy
import dataclasses
import hashlib
import itertools
import re
from collections.abc import Callable, Mapping
from importlib import resources
from typing import Any

import pytest
import torch

import ppgen
from ppgen.estimate import Estimate
from ppgen.evaluation import Answer, Column, Comparison, DataSplit, PairedDifference, layout
from ppgen.reporting import fit_figures
from ppgen.reporting.html import overview, render
from ppgen.reporting.verdicts import verdicts_in_words


@pytest.fixture(scope="module")
def figures(fits: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: fit_figures(fits[name]) for name in ("vae", "pixelcnn", "gan")}


@pytest.fixture(scope="module")
def page(comparison: Comparison, fits: Mapping[str, Any], figures: Mapping[str, Any]) -> str:
    return render(comparison, {name: fits[name] for name in figures}, figures, title="A title")


def test_the_page_is_well_formed(page: str, read: Callable[[str], Any]) -> None:
    parsed = read(page)
    assert parsed.faults == []
    identifiers = parsed.attributes("id")
    assert len(set(identifiers)) == len(identifiers)
    referred = re.findall(r"url\(#([^)]*)\)", page) + [h[1:] for h in parsed.attributes("href") if h.startswith("#")]
    assert set(referred) <= set(identifiers)
    assert set(parsed.attributes("aria-labelledby")) <= set(identifiers)


def own_script(page: str) -> str:
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    return script


def test_nothing_is_fetched_and_only_our_script_runs(page: str, read: Callable[[str], Any]) -> None:
    parsed = read(page)
    script = own_script(page)
    assert script == resources.files("ppgen.reporting").joinpath("report.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = [attributes["content"] for _, attributes in parsed.tags if "http-equiv" in attributes]
    assert "default-src 'none'; img-src data:;" in policy
    assert f"script-src 'sha256-{digest}';" in policy
    assert not re.search(r"fetch|XMLHttp|import|eval|innerHTML|WebSocket|src *=", script)
    without_pictures = re.sub(r"data:image/png;base64,[A-Za-z0-9+/=]*", "", page.replace(script, ""))
    assert not re.search(r"https?:|//|@import", without_pictures)
    assert not {"link", "iframe", "object", "embed"} & {tag for tag, _ in parsed.tags}
    addresses = parsed.attributes("href") + parsed.attributes("src") + parsed.attributes("xlink:href")
    assert all(address.startswith(("#", "data:image/png;base64,")) for address in addresses)
    assert not [name for _, attributes in parsed.tags for name in attributes if name.startswith("on")]


def test_it_can_be_read_without_eyes(page: str, read: Callable[[str], Any]) -> None:
    parsed = read(page)
    figures = [attributes for tag, attributes in parsed.tags if tag == "svg"]
    # The strip, the ranking for wide and for narrow screens, test data, vae, pixelcnn (four of them of its order), gan.
    assert len(figures) == 4 + 2 + 1 + 9 + 7 + 5
    pictures = [attributes for tag, attributes in parsed.tags if tag == "img"]
    assert all(attributes["alt"] or "hidden" in attributes for attributes in pictures)
    labels = {attributes["for"] for tag, attributes in parsed.tags if tag == "label"}
    assert labels == {attributes["id"] for tag, attributes in parsed.tags if tag == "input"} != set()
    canvases = [attributes for tag, attributes in parsed.tags if tag == "canvas" and "class" in attributes]
    assert all("aria-label" in attributes or "aria-hidden" in attributes for attributes in canvases)
    assert all(attributes["role"] == "img" and attributes["aria-label"] for attributes in figures)
    assert all(attributes.get("scope") in ("row", "col") for tag, attributes in parsed.tags if tag == "th")
    assert len([tag for tag, _ in parsed.tags if tag == "table"]) == len([t for t, _ in parsed.tags if t == "caption"])
    assert parsed.tags[0] == ("html", {"lang": "en"})
    headings = [int(tag[1]) for tag, _ in parsed.tags if re.fullmatch("h[1-6]", tag)]
    assert headings[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(headings))


def test_it_says_what_was_measured(page: str, read: Callable[[str], Any]) -> None:
    text = read(page).text
    for expected in (
        "Four generative models of digits (test split, 50 data points)",
        "no density: implicit model",
        "no representation: the model has no latent variables",
        "factorised Bernoulli",
        "real training data",
        "exact, log p(x)",
        "VAE: p(z) p(x | z)",
        "f00d",
        "vae and beta-vae, bounds only",
        "vae assigns higher probability than pixelcnn, by 1.20 nats",
        "41 234",
    ):
        assert expected in text, expected


def test_settings_that_are_not_the_usual_ones_are_listed(make_card: Any, read: Callable[[str], Any]) -> None:
    def shown(**settings: Any) -> str:
        usual = ppgen.fit(ppgen.models.GatedPixelCNN((1, 4, 4)), torch.ones(8, 1, 4, 4), max_epochs=1, progress=False)
        other = copy.copy(usual)
        other.settings = usual.settings | settings
        cards = [make_card("usual", -20.0), make_card("other", -21.0)]
        fits = {"usual": usual, "other": other}
        page = render(Comparison({card.name: card for card in cards}), fits, {}, title="Report")
        return " ".join(read(page).text.split("give the same numbers.")[1].split())

    assert not any(word in shown() for word in ("optimizer", "adam", "schedule", "constant", "average"))
    text = shown(optimizer="SGD(momentum=0.9)", schedule="cosine", average=0.999)
    for words in ("optimizer schedule average", "adam constant –", "SGD(momentum=0.9) cosine 0.999"):
        assert words in text


def test_bounds_are_marked_in_the_cell(page: str) -> None:
    assert '<abbr class="mark" title="lower bound">≥</abbr>−19.80' in page
    assert "<td>−21.00" in page


def test_names_are_escaped_everywhere(make_card: Any, fits: Mapping[str, Any], figures: Any, read: Any) -> None:
    name = "<script>alert(\"x\")</script> & '$z$'"
    facts = {"model": name, "guide": name, "objective": name, "feature_network": name}
    cards = {
        name: make_card(name, -20.0, facts=facts, data=DataSplit(name, 50), refusals={"sampling": name}, sampling={}),
        "other": make_card("other", refusals={"density": name}),
    }
    page = render(Comparison(cards), {name: fits["vae"]}, {name: figures["vae"]}, title=name)
    parsed = read(page)
    assert parsed.faults == []
    assert len([tag for tag, _ in parsed.tags if tag == "script"]) == 1
    assert own_script(page).startswith("/* Sliders")
    assert name in parsed.text


def test_code_in_reasons_is_set_as_code(make_card: Callable[..., Any]) -> None:
    card = make_card("gan", refusals={"density": "declare an `observation` <here>"})
    page = render(Comparison({"gan": card}), {}, {}, title="t")
    assert "declare an <code>observation</code> &lt;here&gt;" in page


def test_cards_alone_make_a_page(make_card: Callable[..., Any], read: Callable[[str], Any]) -> None:
    page = render(Comparison({"vae": make_card("vae", -20.0)}), {}, {}, title="t")
    parsed = read(page)
    assert parsed.faults == []
    assert "One generative model of digits" in parsed.text


def test_a_question_and_a_metric_of_ones_own_have_their_place(make_card: Any, read: Callable[[str], Any]) -> None:
    plain = make_card("vae", -20.0)
    width = Column("width", question="models", title="mean <width>", unit="nats", better="lower", headline=True)
    told = Answer(Column("depth", question="models"), refusal="no depth")
    card = dataclasses.replace(plain, answers=(*plain.answers, Answer(width, Estimate(0.125, 0.01)), told))
    page = render(Comparison({"vae": card}), {}, {}, title="t")
    parsed = read(page)
    assert parsed.faults == []
    identifiers = parsed.attributes("id")
    assert len(set(identifiers)) == len(identifiers)  # "models" is a section of every page
    assert "question-models" in identifiers
    assert "and four questions: how probable" in parsed.text
    assert parsed.text.count("mean <width>") >= 2  # in the overview and in its own table
    assert "0.125" in parsed.text


def test_few_metrics_make_a_short_page(make_card: Any, read: Callable[[str], Any]) -> None:
    card = make_card("vae", -20.0)
    card = dataclasses.replace(card, answers=tuple(answer for answer in card.answers if answer.column.key == "kid"))
    parsed = read(render(Comparison({"vae": card}), {}, {}, title="t"))
    assert parsed.faults == []
    assert "and one question: how real and how varied are the samples? Where" in parsed.text
    assert "density" not in parsed.attributes("id")
    assert "0.020" in parsed.text


def test_data_sets_are_not_mixed(make_card: Callable[..., Any], read: Callable[[str], Any]) -> None:
    cards = [make_card("vae", -20.0), make_card("other", -90.0, fingerprint="beef", data=DataSplit("mnist", 50))]
    parsed = read(render(Comparison({card.name: card for card in cards}), {}, {}, title="t"))
    assert "digits (test split, 50 data points) and mnist (test split, 50 data points)" in parsed.text
    assert "other cannot be ranked: the test data differ" in parsed.text
    captions = [text for tag, text in parsed.texts if tag == "caption"]
    assert "Density: mnist, test split, 50 data points, binary measure" in captions


def test_a_shown_order_is_a_sentence_with_its_interval() -> None:
    pair = PairedDifference("bernoulli", "pixelcnn", -4.1, -4.4, -3.8, "pixelcnn")
    (verdict,) = verdicts_in_words([pair], [])
    assert verdict.proven
    assert verdict.text == "pixelcnn assigns higher probability than bernoulli, by 4.10 nats per data point"
    assert verdict.interval == "[3.80, 4.40]"


def test_what_is_not_shown_keeps_the_words_of_the_comparison() -> None:
    bounds = PairedDifference("a", "b", 1.0, 0.9, 1.1, bounds_only=True, reason="a's lower bound lies above b's")
    open_ = PairedDifference("a", "c", 0.1, -0.1, 0.3, reason="the interval includes 0")
    first, second = verdicts_in_words([bounds, open_], [])
    assert first.text == "a and b, bounds only: a's lower bound lies above b's"
    assert first.interval == "1.000 nats [0.900, 1.100]"
    assert second.text == "a and c cannot be ranked: the interval includes 0"
    assert [first.proven, second.proven] == [False, False]


def test_shown_orders_come_first_and_silent_models_are_named_once(comparison: Comparison) -> None:
    verdicts = verdicts_in_words(comparison.pairs, comparison.ranking())
    assert [verdict.proven for verdict in verdicts] == sorted((v.proven for v in verdicts), reverse=True)
    about_gan = [verdict.text for verdict in verdicts if "gan" in verdict.text]
    assert about_gan == ["gan cannot be ranked: no density: implicit model"]


def test_an_interval_of_no_width_is_printed() -> None:
    pair = PairedDifference("a", "b", 2.0, 2.0, 2.0, "a")
    assert verdicts_in_words([pair], [])[0].interval == "[2.000, 2.000]"


def test_the_overview_gathers_one_row_a_model_and_keeps_data_apart(comparison: Comparison, make_card: Any) -> None:
    cards = {**comparison.cards, "other": make_card("other", -90.0, fingerprint="beef")}
    cards["vae"] = make_card("vae", -19.8, of="p(x | y)")
    first, second = overview(layout.blocks(cards))
    assert [metric.key for metric in first.columns] == ["log_prob", "kid"]
    assert [row.name for row in first.rows] == ["pixelcnn", "vae", "beta-vae", "gan"]
    assert [bool(row.cells[0].value) for row in first.rows] == [True, True, True, False]
    assert [row.name for row in second.rows] == ["other"]
    assert "log p(x | y): vae" in first.notes  # which density is which, and nothing of estimators
    assert len(first.notes) == 3
