from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

import ppgen
from ppgen.errors import SettingError
from ppgen.evaluation import Comparison


def test_the_page_is_written_and_its_path_returned(comparison: Comparison, tmp_path: Path) -> None:
    path = ppgen.report(comparison, tmp_path / "new" / "folders" / "page.html", title="Ours")
    assert path == tmp_path / "new" / "folders" / "page.html"
    assert "<title>Ours</title>" in path.read_text(encoding="utf-8")
    assert os.listdir(path.parent) == ["page.html"]


def test_same_input_same_page(comparison: Comparison, fits: Mapping[str, Any], tmp_path: Path) -> None:
    known = {name: fits[name] for name in ("vae", "gan")}
    one, other = (ppgen.report(comparison, tmp_path / name, fits=known) for name in ("one.html", "other.html"))
    assert one.read_bytes() == other.read_bytes()


def test_a_mapping_of_fits_is_evaluated_and_shown(
    fits: Mapping[str, Any], make_card: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Evaluation itself is tested elsewhere and takes its time; here only that it is asked for, and with what."""
    asked = []

    def evaluate(fit: Any, metrics: Any, **settings: Any) -> Any:
        asked.append(fit)
        return make_card("VAE", -20.0)

    monkeypatch.setattr(sys.modules["ppgen.evaluation.compare"], "evaluate", evaluate)
    path = ppgen.report({"mine": fits["vae"], "card": make_card("x", -21.0)}, tmp_path / "page.html")
    text = path.read_text(encoding="utf-8")
    assert asked == [fits["vae"]]
    assert "mine assigns" in text or "mine and card" in text
    assert "Anatomy of the ELBO" in text  # figures of the fit, found without fits=


def test_of_fits_that_differ_in_their_seed_the_first_is_shown(
    fits: Mapping[str, Any], make_card: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cards = (make_card("VAE", -20.0), make_card("VAE", -21.0))
    for seed, card in enumerate(cards):
        card.facts["seed"] = seed
    found = iter(cards)
    monkeypatch.setattr(sys.modules["ppgen.evaluation.compare"], "evaluate", lambda *_, **__: next(found))
    text = ppgen.report({"mine": [fits["vae"], fits["vae"]]}, tmp_path / "page.html").read_text(encoding="utf-8")
    assert "of one of 2 fits" in text
    assert "Anatomy of the ELBO" in text


def test_the_default_title_says_what_was_compared(comparison: Comparison, tmp_path: Path) -> None:
    text = ppgen.report(comparison, tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<h1>Four generative models of digits</h1>" in text


def test_a_folder_is_not_overwritten(comparison: Comparison, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="is a folder"):
        ppgen.report(comparison, tmp_path)


def test_fits_must_be_in_the_comparison(comparison: Comparison, fits: Mapping[str, Any], tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="'mine' is not in the comparison"):
        ppgen.report(comparison, tmp_path / "page.html", fits={"mine": fits["vae"]})


@pytest.mark.parametrize("wrong", [3, "runs/vae", None, {}])
def test_what_is_no_comparison_is_refused(wrong: Any, tmp_path: Path) -> None:
    with pytest.raises(SettingError):
        ppgen.report(wrong, tmp_path / "page.html")
    assert os.listdir(tmp_path) == []


def test_the_page_is_small_and_offers_sliders_and_a_lens(
    comparison: Comparison, fits: Mapping[str, Any], tmp_path: Path
) -> None:
    path = ppgen.report(comparison, tmp_path / "page.html", fits={name: fits[name] for name in ("vae", "gan")})
    text = path.read_text(encoding="utf-8")
    assert path.stat().st_size < 5e6
    assert text.count('class="explorer"') == 2
    assert text.count('data-sheet="data-1"') == 1  # the GAN has no codes to point at
    assert "@inproceedings{goodfellow2014gan," in text
