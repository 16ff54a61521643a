from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from ppgen.errors import CheckpointError
from ppgen.files import cache_folder, digest_of, replace, write_text, writing


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.txt"
    replace(path, lambda temporary: temporary.write_text("one"))
    write_text(path, "two")
    assert path.read_text() == "two"
    assert [item.name for item in path.parent.iterdir()] == ["file.txt"]
    assert digest_of(path) == hashlib.sha256(b"two").hexdigest()


def test_a_writer_that_fails_midway_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("one")

    def half(temporary: Path) -> None:
        temporary.write_text("tw")
        raise OSError(28, "No space left on device")

    with pytest.raises(CheckpointError, match=r"(?s)file.txt: cannot be written.*No space left"):
        replace(path, half)
    assert path.read_text() == "one"
    assert [item.name for item in tmp_path.iterdir()] == ["file.txt"]


def test_the_mode_is_that_of_other_files(tmp_path: Path) -> None:
    """Whatever mode the writer gives: who may read run.json may read the weights."""

    def private(temporary: Path) -> None:
        temporary.unlink()
        temporary.touch(mode=0o600)

    (tmp_path / "plain").touch()
    replace(tmp_path / "file.txt", private)
    assert (tmp_path / "file.txt").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_kill_is_no_disk_error(tmp_path: Path) -> None:
    def killed(temporary: Path) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replace(tmp_path / "file.txt", killed)
    assert list(tmp_path.iterdir()) == []


def test_bytes_reach_the_disk_before_the_name_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    for name in ("fsync", "replace"):
        original = getattr(os, name)

        def spy(*args: Any, name: str = name, original: Any = original) -> Any:
            calls.append(name)
            return original(*args)

        monkeypatch.setattr(os, name, spy)
    write_text(tmp_path / "file.txt", "one")
    assert calls == ["fsync", "replace", "fsync"]


def test_a_place_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file where a folder should be")
    with pytest.raises(CheckpointError, match="cannot be written"):
        write_text(tmp_path / "taken" / "file.txt", "one")
    with pytest.raises(CheckpointError, match="OSError"), writing(tmp_path):
        raise OSError


def test_the_cache_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PPGEN_CACHE", "/elsewhere")
    assert cache_folder() == Path("/elsewhere")
    monkeypatch.delenv("PPGEN_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/there")
    assert cache_folder() == Path("/there/ppgen")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "ppgen"
