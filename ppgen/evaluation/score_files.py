"""Scores on disk: ``scores.json`` and ``per_datum.npy`` beside the run whose weights they judge."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ppgen.errors import CheckpointError
from ppgen.evaluation import log_densities
from ppgen.files import digest_of, read_sealed, sealed, write_text
from ppgen.runs import RunFolder

__all__ = ["read_scores", "write_scores"]

_SCORES, _PER_DATUM = "scores.json", "per_datum.npy"
_FORMAT = 2
"""Of the scores; the first had no digests."""

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
        log_densities.write(densities, per_datum)
    beside = None if per_datum is None else digest_of(densities)
    count = None if per_datum is None else len(per_datum)
    write_text(scores, sealed({**record, "format": _FORMAT, "num_per_datum": count, _PER_DATUM: beside}))
    return scores


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
        record = read_sealed(folder / _SCORES)
        if (written := record.pop("format", 1)) not in range(1, _FORMAT + 1):
            raise ValueError(f"format {written!r}, which this ppgen does not read")
        count, digest = record.pop("num_per_datum"), record.pop(_PER_DATUM, None)
        per_datum = None if count is None else log_densities.read(folder / _PER_DATUM, digest)
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
    except CheckpointError:  # it names the file
        raise
    except Exception as error:  # the record may be anybody's: whatever it makes of our classes, it is the record's
        raise CheckpointError(
            f"{folder / _SCORES}: the scores are damaged",
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
