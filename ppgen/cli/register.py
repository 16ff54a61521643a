"""Which of the user's files were fitted on this machine, so that a later command may run them again.

A run folder may come from anywhere, and running a file runs whatever is in it: a digest inside the folder proves
nothing. So what was fitted is noted outside, in the user's cache folder: one small file for each state of a source
file, its place, and the name used from it.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from pathlib import Path

__all__ = ["is_noted", "note"]


def note(file: Path, name: str) -> None:
    """Note that the user had ``name`` of ``file`` run, in the file's present state.

    Raises:
        CheckpointError: if the cache folder cannot be written.
    """
    from ppgen.files import replace

    if not is_noted(file, name):
        entry, facts = _entry(file, name)
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        text = json.dumps({**facts, "when": now}, indent=2) + "\n"
        replace(entry, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def is_noted(file: Path, name: str) -> bool:
    """Whether ``name`` of this file, with these bytes and in this place, was fitted on this machine."""
    try:
        entry, facts = _entry(file, name)
        noted = json.loads(entry.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(noted, dict) and facts.items() <= noted.items()


def _entry(file: Path, name: str) -> tuple[Path, dict[str, str]]:
    """Where a state of a file is noted, and what of it."""
    from ppgen.evaluation.features import cache_folder
    from ppgen.files import digest_of

    facts = {"sha256": digest_of(file), "file": str(file.resolve()), "name": name}
    use = hashlib.sha256(f"{facts['file']}:{name}".encode(errors="surrogateescape")).hexdigest()[:16]
    return cache_folder() / "fitted" / f"{facts['sha256']}-{use}.json", facts
