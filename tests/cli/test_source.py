"""A user's file runs because it is named, gets what its constructor asks for, and is found again."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import ppgen
from ppgen.cli.source import construct, is_source, load_member
from ppgen.errors import SettingError

MODEL = """
import ppgen
import sibling_of_mine
class First(ppgen.Model):
    def __init__(self, x_shape, latent_dim=2, *, scale=1.0):
        super().__init__()
        self.seen = (x_shape, latent_dim, scale)
def make(latent_dim):
    return First((3,), latent_dim)
"""


@pytest.fixture(autouse=True)
def files(here: Path) -> None:
    (here / "models_of_mine.py").write_text(MODEL)
    (here / "sibling_of_mine.py").write_text("")


@pytest.mark.parametrize(
    ("text", "answer"),
    [("vae", False), ("my.py", True), ("my.py:Model", True), ("pack.mod:Model", True), ("beta-vae", False)],
)
def test_recipes_and_sources_are_told_apart(text: str, answer: bool) -> None:
    assert is_source(text) is answer


def test_a_class_is_found_by_name_or_because_it_is_the_only_one() -> None:
    named = load_member("models_of_mine.py:First")
    assert isinstance(named, type)
    assert issubclass(named, ppgen.Model)
    assert load_member("models_of_mine.py") is named, "the file must run once only"
    assert named.__module__ == "models_of_mine"
    assert sys.modules["models_of_mine"].First is named


def test_a_function_that_makes_a_model_will_do() -> None:
    made = construct(load_member("models_of_mine.py:make"), {"latent_dim": 7}, {}, "--set")
    assert made.seen == ((3,), 7, 1.0)


def test_a_dotted_module_is_imported() -> None:
    assert load_member("ppgen.models:VAE") is ppgen.models.VAE


def test_the_data_fills_what_the_constructor_names() -> None:
    maker = load_member("models_of_mine.py:First")
    offered = {"x_shape": (1, 8, 8), "y_shape": ()}
    assert construct(maker, {"scale": 0.5}, offered, "--set").seen == ((1, 8, 8), 2, 0.5)
    assert construct(maker, {"x_shape": [4]}, offered, "--set").seen == ([4], 2, 1.0), "the user's word counts more"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("models_of_min.py", "did you mean models_of_mine.py?"),
        ("models_of_mine.py:Frist", "models_of_mine.py:First"),
        ("sibling_of_mine.py", "declares no model"),
        ("no_such_package_here:Model", "no such module"),
    ],
)
def test_what_is_not_there_is_named_with_the_nearest(text: str, words: str) -> None:
    with pytest.raises(SettingError) as caught:
        load_member(text)
    assert words in str(caught.value)


def test_two_models_in_a_file_must_be_told_apart(here: Path) -> None:
    (here / "two_of_mine.py").write_text("import ppgen\nclass A(ppgen.Model): ...\nclass B(ppgen.Model): ...\n")
    with pytest.raises(SettingError, match="say which one"):
        load_member("two_of_mine.py")


def test_a_file_that_hides_a_module_is_refused(here: Path) -> None:
    (here / "json.py").write_text("x = 1")
    with pytest.raises(SettingError, match="rename the file"):
        load_member("json.py:x")


def test_a_fault_in_the_file_is_the_users_own_and_keeps_its_traceback(here: Path) -> None:
    (here / "broken_of_mine.py").write_text("1 / 0")
    with pytest.raises(ZeroDivisionError):
        load_member("broken_of_mine.py:Model")
    assert "broken_of_mine" not in sys.modules


@pytest.mark.parametrize(
    ("given", "words"), [({"latent": 3}, "--set latent_dim=3"), ({}, "First needs x_shape"), ({"zzzz": 1}, "leave")]
)
def test_arguments_that_do_not_fit_are_named(given: dict[str, int], words: str) -> None:
    with pytest.raises(SettingError) as caught:
        construct(load_member("models_of_mine.py:First"), given, {}, "--set")
    assert words in str(caught.value)
