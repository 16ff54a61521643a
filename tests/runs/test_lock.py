"""One fit at a time in a folder; what a killed one leaves behind holds nobody up."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ppgen.errors import CheckpointError
from ppgen.runs.lock import NAME, locked

HOLD = """
import sys
from pathlib import Path
from ppgen.runs import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path: Path) -> subprocess.Popen[str]:
    """A process that holds the folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_the_second_is_told_who_the_first_is(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    with pytest.raises(CheckpointError, match=rf"process {other.pid} on {socket.gethostname()}"), locked(tmp_path):
        pass
    other.communicate()
    with locked(tmp_path):
        assert json.loads((tmp_path / NAME).read_text())["pid"] == os.getpid()
    assert not list(tmp_path.iterdir())


def test_what_a_killed_one_left_holds_nobody_up(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    other.send_signal(signal.SIGKILL)
    other.communicate()
    assert (tmp_path / NAME).exists()
    with locked(tmp_path):
        pass


def test_one_process_holds_it_once(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(CheckpointError, match="another fit"), locked(tmp_path):
        pass


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 3}', "\x00\xff"])
def test_a_file_that_was_cut_off_is_nobodys(tmp_path: Path, text: str) -> None:
    (tmp_path / NAME).write_text(text)
    with locked(tmp_path):
        pass


def test_a_file_of_another_machine_is_believed(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text(json.dumps({"pid": 7, "host": "elsewhere"}))
    with pytest.raises(CheckpointError, match=r"(?s)process 7 on elsewhere.*delete"), locked(tmp_path):
        pass
    assert (tmp_path / NAME).exists()
