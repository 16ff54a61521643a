"""The release script names what stands in the way of a release, before it builds or tags anything."""

from __future__ import annotations

import datetime
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / ".ci" / "release"

pytestmark = pytest.mark.skipif(not (SCRIPT.exists() and shutil.which("git")), reason="needs a checkout and git")

TODAY = datetime.datetime.now().date().isoformat()
READY = f"# Changelog\n\n## [Unreleased]\n\n## [0.2.0] - {TODAY}\n\n### Added\n\n- Something.\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A project that is ready for release 0.2.0, whose tests fail."""
    for folder in ("ppgen", ".ci"):
        (tmp_path / folder).mkdir()
    (tmp_path / "ppgen" / "__init__.py").write_text('__version__ = "0.2.0"\n')
    (tmp_path / "CHANGELOG.md").write_text(READY)
    (tmp_path / ".ci" / "run").write_text("#!/bin/sh\necho the tests ran\nexit 3\n")
    (tmp_path / ".ci" / "run").chmod(0o755)
    shutil.copy(SCRIPT, tmp_path / ".ci" / "release")
    git(tmp_path, "init", "-q")
    commit(tmp_path)
    return tmp_path


def git(folder: Path, *words: str) -> None:
    author = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *author, *words], cwd=folder, check=True, capture_output=True)


def commit(folder: Path) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", "x")


def release(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([folder / ".ci" / "release", *words], capture_output=True, text=True, check=False, timeout=60)


def test_what_is_ready_goes_on_to_the_tests_and_no_further_when_they_fail(checkout: Path) -> None:
    done = release(checkout, "0.2.0")
    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout.endswith("the tests ran\n")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"ppgen/__init__.py": '__version__ = "0.1.0"\n'}, 'ppgen/__init__.py does not say __version__ = "0.2.0"'),
        ({"CHANGELOG.md": READY.replace("- Something.\n", "")}, f"no entry below ## [0.2.0] - {TODAY}"),
        ({"CHANGELOG.md": READY.replace(TODAY, "2020-01-01")}, "that section is not of today"),
        ({"CHANGELOG.md": READY.replace("[Unreleased]\n", "[Unreleased]\n\n- More.\n")}, "still has entries below"),
    ],
)
def test_what_is_missing_is_named(checkout: Path, change: dict[str, str], complaint: str) -> None:
    for name, text in change.items():
        (checkout / name).write_text(text)
    commit(checkout)
    done = release(checkout, "0.2.0")
    assert done.returncode == 1
    assert done.stderr.count("not ready: ") == 1
    assert complaint in done.stderr
    assert "the tests ran" not in done.stdout


def test_all_that_is_missing_is_named_at_once(checkout: Path) -> None:
    git(checkout, "tag", "v0.3.0")
    (checkout / "new.py").write_text("")
    said = release(checkout, "0.3.0").stderr
    assert said.count("not ready: ") == 5
    assert "changes that are not committed" in said
    assert "a tag v0.3.0 already" in said


@pytest.mark.parametrize("words", [[], ["0.2"], ["v0.2.0"], ["0.2.0", "--dryrun"]])
def test_a_word_that_it_does_not_know_is_refused(checkout: Path, words: list[str]) -> None:
    done = release(checkout, *words)
    assert done.returncode == 2
    assert ".ci/release 0.2.0 --dry-run" in done.stderr
