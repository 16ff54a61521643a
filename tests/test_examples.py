"""Every example runs, and an example that is not listed here is a failing test."""

from __future__ import annotations

import ast
import runpy
from pathlib import Path

import pytest

import ppgen

FOLDER = Path(__file__).resolve().parents[1] / "examples"
pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="looks at a checkout, not at an installation")

# What each must print: a sign that it came to its end with something to show.
EXAMPLES = {
    "bottleneck.py": [" 32 latents: autoencoder", "With 32 latent dimensions"],
    "clusters.py": ["log p", "digits named by their cluster"],
    "conditional.py": ["log p(x | y)", "the right label is worth", "threes (4, 1, 8, 8)"],
    "first_model.py": ["MyVAE: p(z) p(x | z)", "pixelcnn"],
    "glyphs.py": ["Dataset 'glyphs'", "leaning", "true ones than the upright"],
    "hand_written_pyro.py": ["lower bound, IWAE-100", "codes (360, 4)", "global parameters: []"],
    "own_metric.py": ["pixels beyond data's", "Own: digits", "The page shows ink as well: True"],
    "own_training.py": [
        "Tempered(temperature=1.5) stopped after",
        "epochs: good enough",
        "'bits per pixel'",
        "≥ ",
        "{'critic': 'SGD(momentum=0.9)'}",
        "{'left': 240, 'right': 96} lower bound",
    ],
    "own_guide.py": ["hand-written", "derived, full-rank"],
    "partial_labels.py": ["100 of 1077 training rows observed", "digits named"],
    "rate_distortion.py": ["rate  distortion     ELBO", "The ELBO is highest for"],
    "receptive_fields.py": ["Diagonal BiLSTM: sees all before it", "Row LSTM: 36 not seen"],
    "two_levels.py": ["p(top) p(bottom | top) p(x | bottom)", "'bottom': (360, 8)"],
    "user_data.py": ["Dataset 'moons'", "half-moon 0"],
    "walks.py": ["vae: z from quantile 0.05", "discrete: c1 through its 6 values", "gan: z from quantile"],
}

# What each is called with, where its data take more than a few seconds.
ARGUMENTS = {"walks.py": ["--data", "digits", "--epochs", "1"]}


# Those that take more than five seconds: whole among the slow tests, else with fits of one epoch.
LONG = {
    "bottleneck.py",
    "clusters.py",
    "conditional.py",
    "first_model.py",
    "own_guide.py",
    "own_metric.py",
    "partial_labels.py",
    "rate_distortion.py",
    "two_levels.py",
}
RUNS = [
    *((name, name in LONG) for name in EXAMPLES),
    *(pytest.param(name, False, marks=pytest.mark.slow) for name in sorted(LONG)),
]


# A model of each kind is at most fifteen lines, counted from `class` on, without empty lines.
FIFTEEN_LINES = {
    "two_levels.py": "TwoLevels",
    "clusters.py": "Clusters",
    "conditional.py": "Conditional",
    "partial_labels.py": "FewLabels",
}


# What a user adds is short, counted from the decorator or `class` or `def` on, without empty lines.
MOST_LINES = {
    ("own_metric.py", "ink"): 10,
    ("own_training.py", "Tempered"): 8,
    ("own_training.py", "GoodEnough"): 6,
}


@pytest.mark.parametrize(("name", "made"), MOST_LINES)
def test_what_a_user_adds_is_short(name: str, made: str) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8")
    node = next(node for node in ast.parse(text).body if getattr(node, "name", None) == made)
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    lines = text.splitlines()[first - 1 : node.end_lineno]
    assert len([line for line in lines if line.strip()]) <= MOST_LINES[name, made]


@pytest.mark.parametrize(("name", "model"), FIFTEEN_LINES.items())
def test_a_model_of_ones_own_is_at_most_fifteen_lines(name: str, model: str) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8")
    classes = [node for node in ast.parse(text).body if isinstance(node, ast.ClassDef)]
    assert [node.name for node in classes] == [model], "all of the model is in one class"
    lines = text.splitlines()[classes[0].lineno - 1 : classes[0].end_lineno]
    assert len([line for line in lines if line.strip()]) <= 15


def test_every_example_is_listed() -> None:
    assert {file.name for file in FOLDER.glob("**/*.py")} == set(EXAMPLES)


@pytest.mark.parametrize(("name", "short"), RUNS)
def test_an_example_runs(
    name: str, short: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [name, *ARGUMENTS.get(name, [])])
    if short:
        fit = ppgen.fit
        monkeypatch.setattr(ppgen, "fit", lambda *places, **named: fit(*places, **{**named, "max_epochs": 1}))
    runpy.run_path(str(FOLDER / name), run_name="__main__")
    printed = capsys.readouterr().out
    for sign in EXAMPLES[name]:
        assert sign in printed
    assert not list(tmp_path.iterdir()), "an example leaves no files behind"


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_says_what_it_is_and_how_to_run_it(name: str) -> None:
    head = (FOLDER / name).read_text(encoding="utf-8").split('"""')[1]
    assert f"python examples/{name}" in head
