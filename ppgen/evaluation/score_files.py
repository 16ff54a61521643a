"""Scores on disk: ``scores.json`` and ``per_datum.npy`` beside the run whose weights they judge."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ppgen.errors import CheckpointError, PpgenError
from ppgen.files import replace
from ppgen.runs import RunFolder

__all__ = ["read_scores", "write_scores"]

_SCORES, _PER_DATUM = "scores.json", "per_datum.npy"

T = TypeVar("T")


def write_scores(folder: Path | str, record: Mapping[str, Any], per_datum: np.ndarray | None) -> Path:
    """Write ``scores.json``, and ``per_datum.npy`` where there are densities; one that is there goes where not.

    Args:
        folder: of the run.
        record: plain data.
        per_datum: log-densities [N].

    Returns:
        The path of ``scores.json``.
    """
    scores, densities = Path(folder) / _SCORES, Path(folder) / _PER_DATUM
    if per_datum is None:
        densities.unlink(missing_ok=True)
    else:
        values = np.asarray(per_datum)
        replace(densities, lambda path: _write_array(path, values))
    full = {**record, "num_per_datum": None if per_datum is None else len(per_datum)}
    text = json.dumps(full, indent=2, ensure_ascii=False)
    replace(scores, lambda path: path.write_text(text, encoding="utf-8"))
    return scores


def _write_array(path: Path, values: np.ndarray) -> None:
    with path.open("wb") as file:  # to a path of another suffix, numpy adds its own
        np.save(file, values, allow_pickle=False)


def read_scores(folder: Path | str, made_of: Callable[[Mapping[str, Any], np.ndarray | None], T]) -> T:
    """Read what :func:`write_scores` wrote.

    Args:
        folder: of the run.
        made_of: makes the answer of the record and the log-densities; what it raises is damage.

    Raises:
        CheckpointError: if there are no scores, they are damaged, or the run has other weights by now.
    """
    folder = Path(folder)
    try:
        record = json.loads((folder / _SCORES).read_text(encoding="utf-8"))
        count = record.pop("num_per_datum")
        per_datum = None if count is None else np.load(folder / _PER_DATUM, allow_pickle=False)
        if per_datum is not None and per_datum.shape != (count,):
            raise ValueError(f"{_PER_DATUM} holds {per_datum.shape} values, not ({count},)")
        made, judged = made_of(record, per_datum), record.get("weights", "")
    except FileNotFoundError as error:
        raise CheckpointError(
            f"{folder}: there are no scores here",
            expected=f"a run folder with {Path(error.filename).name}",
            got="no such file",
            fix=f'ppgen.evaluate(ppgen.load("{folder}")).save("{folder}")',
            code="C005",
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError, EOFError, PpgenError) as error:
        raise CheckpointError(
            f"{folder}: the scores are damaged",
            expected="the scores that ppgen wrote",
            got=f"{type(error).__name__}: {error}",
            fix=f'evaluate again: ppgen.evaluate(ppgen.load("{folder}")).save("{folder}")',
            code="C006",
        ) from error
    _verify_judged(folder, judged)
    return made


def _verify_judged(folder: Path, judged: str) -> None:
    """Refuse scores of other weights than the run's: it was taken up after they were measured, or is being trained."""
    run = RunFolder(folder)
    if not judged or not run.exists:  # scores of an earlier release do not say what they judge
        return
    present = run.read().get("weights")
    if present != judged:
        raise CheckpointError(
            f"{folder}: the scores are stale: they judge other weights than those of the run",
            expected=f"scores of the weights {present[:16]}..." if present else "a run that has come to its end",
            got=f"scores of the weights {judged[:16]}...",
            fix=f'evaluate again: ppgen.evaluate(ppgen.load("{folder}")).save("{folder}")',
            code="C028",
        )
