"""A run that several files of tests look at."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.runs.damaged import make_run


@pytest.fixture(scope="session")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run with everything that it may hold; nobody changes it."""
    return make_run(tmp_path_factory.mktemp("whole") / "run")


@pytest.fixture
def run_copy(whole_run: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return Path(shutil.copytree(whole_run, tmp_path / "run"))
