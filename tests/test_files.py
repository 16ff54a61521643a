from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from ppgen.errors import CheckpointError
from ppgen.files import cache_folder, digest_of, read_sealed, replace, sealed, write_text, writing


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


RECORD = {"format": 2, "a": [1.5, None, "ä"], "b": {"10": 1, "9": float("inf")}}


def test_a_sealed_record_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(sealed({**RECORD, "b": {10: 1, 9: float("inf")}}))
    assert read_sealed(path) == RECORD
    with pytest.raises(FileNotFoundError):
        read_sealed(tmp_path / "b.json")


def test_every_change_of_a_sealed_record_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    whole = sealed(RECORD).encode()
    changed = [whole[:n] for n in range(len(whole))] + [whole + b" ", b"[" * 10**5, b"[]", b"\xff"]
    for place in range(len(whole)):
        changed += [whole[:place] + bytes([whole[place] ^ bit]) + whole[place + 1 :] for bit in (1, 4, 32, 128)]
    for content in changed:
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"."):
            read_sealed(path)


def test_the_first_format_has_no_seal(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for text in ('{"format": 1, "a": 2}', '{"a": 2}'):
        path.write_text(text)
        assert read_sealed(path)["a"] == 2
    for text in ('{"format": 2, "a": 2}', '{"a": 2, "sha256": "0"}'):
        path.write_text(text)
        with pytest.raises(ValueError, match="SHA-256"):
            read_sealed(path)


def test_what_would_never_end_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.json")
    with pytest.raises(CheckpointError, match="no file that could be read"):
        read_sealed(tmp_path / "a.json")
