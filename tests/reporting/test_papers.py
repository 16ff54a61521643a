"""Every recipe names its paper, and the page gives its BibTeX."""

from __future__ import annotations

import re

import pytest

import ppgen
from ppgen import zoo
from ppgen.reporting.papers import bibtex, paper_keywords

FIELD = re.compile(r"^  (\w+) = \{(.*?)\},?$", re.MULTILINE | re.DOTALL)


def letters(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def entries(text: str) -> list[dict[str, str]]:
    return [dict(FIELD.findall(entry)) for entry in text.split("\n@")]


@pytest.mark.parametrize("name", zoo.names())
def test_each_recipe_has_the_entry_of_its_paper(name: str) -> None:
    built = zoo.build(name, zoo.dataset(name))
    _, year, title = re.match(r"(.*?), (\d{4}), (.*)", zoo.recipe(name).paper).groups()  # type: ignore[union-attr]
    found = entries(bibtex(*paper_keywords(built.model, built.objective)))
    assert (letters(title), year) in [(letters(entry["title"]), entry["year"]) for entry in found]


def test_entries_are_whole() -> None:
    keywords = [*ppgen.models.__all__, "IWAE", "ELBO.beta", "ELBO.free_bits"]
    for entry in entries(bibtex(*keywords)):
        assert {"author", "title", "year"} < set(entry)
        assert {"booktitle", "institution", "journal", "publisher"} & set(entry)
        assert "keywords" not in entry
        assert all(value.count("{") == value.count("}") for value in entry.values())


def test_a_setting_at_its_default_or_off_is_no_idea() -> None:
    vae = ppgen.models.VAE((1, 8, 8))
    assert paper_keywords(vae, ppgen.ELBO()) == paper_keywords(vae, ppgen.ELBO(beta=0.0)) == ["VAE", "ELBO"]
    assert "higgins2017beta" in bibtex(*paper_keywords(vae, ppgen.ELBO(beta=2.0)))


def test_a_game_names_the_papers_of_its_loss_and_of_its_penalties() -> None:
    gan = ppgen.models.GAN((2,))
    held = bibtex(*paper_keywords(gan, ppgen.Adversarial(loss="hinge", r1=0.1)))
    assert "lim2017geometric" in held
    assert "mescheder2018which" in held
    assert paper_keywords(gan, ppgen.Adversarial()) == ["GAN", "Adversarial"]
    assert "gulrajani2017improved" in bibtex(*paper_keywords(gan, ppgen.Adversarial(loss="wasserstein")))
