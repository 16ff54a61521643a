"""Every example in the documentation runs: the pages, the README and the docstrings."""

from __future__ import annotations

import doctest
import importlib
import os
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import ppgen
import ppgen.cli

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES = [page for page in PAGES if page.exists()]  # an installation has the docstrings only
LONG = ("first-model.md",)  # trains for half a minute
checkout = pytest.mark.skipif(not PAGES, reason="looks at a checkout, not at an installation")


def blocks(page: Path) -> list[tuple[int, str]]:
    """The Python blocks of a page, each with the line that it starts at."""
    text = page.read_text(encoding="utf-8")
    found = re.finditer(r"^```python\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    return [(text[: match.start(1)].count("\n") + 1, match.group(1)) for match in found]


def marked(page: Path) -> Any:
    """The page as a parameter of a test; a long one is left to the slow tests."""
    return pytest.param(page, marks=pytest.mark.slow) if page.name in LONG else page


def module_names() -> list[str]:
    names = []
    for place, _, files in os.walk(Path(ppgen.__file__).parent, followlinks=True):
        inner = Path(place).relative_to(Path(ppgen.__file__).parent).parts
        names += [".".join(("ppgen", *inner, file[:-3])) for file in files if file.endswith(".py")]
    return sorted(name.removesuffix(".__init__") for name in names if not name.endswith("__main__"))


@checkout
@pytest.mark.parametrize("page", [marked(page) for page in PAGES if blocks(page)], ids=lambda page: page.name)
def test_a_page_runs_from_top_to_bottom(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": page.stem.replace("-", "_")}
    for line, code in blocks(page):
        exec(compile("\n" * (line - 1) + code, str(page), "exec", dont_inherit=True), namespace)


@checkout
def test_a_new_model_takes_15_lines_and_to_fit_and_evaluate_it_3() -> None:
    model, use = [code for _, code in blocks(ROOT / "README.md")][:2]
    body = [line for line in model.splitlines() if line.strip() and not line.startswith(("import ", "from "))]
    assert body[0].startswith("class ")
    assert len(body) <= 15
    calls = [line for line in use.splitlines() if line.strip()]
    assert any("ppgen.fit(" in line for line in calls)
    assert any("ppgen.evaluate(" in line for line in calls)
    assert len(calls) <= 3


@checkout
def test_the_readme_starts_with_the_two_commands() -> None:
    assert re.search(r"^make demo\b.*^make test\b", "\n".join(commands()[:6]), flags=re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """The lines of the README's first block of shell commands."""
    match = re.search(r"^```sh\n(.*?)^```$", (ROOT / "README.md").read_text(), flags=re.MULTILINE | re.DOTALL)
    assert match
    return match.group(1).splitlines()


@checkout
def test_the_readme_and_the_citation_file_say_the_same() -> None:
    readme, citation = (ROOT / "README.md").read_text(), (ROOT / "CITATION.cff").read_text()
    for field, told in (("title", r'^title: "(.*)"$'), ("author", r"^  - name: (.*)$")):
        match = re.search(told, citation, flags=re.MULTILINE)
        cited = re.search(rf"^  {field} += \{{(.*)\}},$", readme, flags=re.MULTILINE)
        assert match
        assert cited
        assert match[1] == cited[1].replace("{", "").replace("}", "")


@checkout
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_of_the_readme_is_there(shell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert f"{shell}_source" in (ROOT / "README.md").read_text()
    monkeypatch.setenv("_PPGEN_COMPLETE", f"{shell}_source")
    result = CliRunner().invoke(ppgen.cli.commands, prog_name="ppgen")
    assert result.exit_code == 0
    assert "_PPGEN_COMPLETE" in result.stdout


@checkout
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    missing = [link for link in targets if "://" not in link and not (page.parent / link).exists()]
    assert not missing


@checkout
def test_a_file_that_a_page_adds_is_not_there_yet() -> None:
    added = [name for page in PAGES for name in re.findall(r"A new file, `(.*?)`", page.read_text(encoding="utf-8"))]
    assert added
    assert not [name for name in added if (ROOT / name).exists()]


@pytest.mark.parametrize("name", module_names())
def test_the_examples_of_a_module_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = doctest.testmod(
        importlib.import_module(name), optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE, report=True
    )
    assert result.failed == 0, f"{result.failed} of {result.attempted} examples; see the output above"
