"""What was measured, over time: one row a number in ``benchmarks/results/trend.csv``.

    python benchmarks/trend.py [WORD]    first, last and best of each quantity (whose line contains WORD)

A benchmark that writes a result appends its numbers here by :func:`append`. Numbers of different machines or versions
of torch differ for that reason alone, and so each row names both; a row is never changed afterwards.
"""

from __future__ import annotations

import csv
import datetime
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["FILE", "QUANTITIES", "Row", "append", "processor", "read", "summary"]

FILE = Path(__file__).parent / "results" / "trend.csv"
QUANTITIES = {
    "step_time": ("ratio to hand-written PyTorch", "lower"),
    "below_exact": ("nats below the exact answer, 64 points", "lower"),
    "log_prob_at_least": ("nats per image", "higher"),
    "nll": ("nats per image", "lower"),
    "test_error": ("fraction of the test split", "lower"),
    "accuracy": ("fraction of the test split", "higher"),
    "ari": ("adjusted Rand index", "higher"),
    "mutation_score": ("fraction of the faults found", "higher"),
    "train_cpu_minutes": ("minutes of processor time", "lower"),
}
"""What has a trend: its unit, and which end is better."""


class Row(NamedTuple):
    """A number that was measured.

    Args:
        date: in ISO form.
        version: of ppgen.
        commit: that was measured, ``-dirty`` if something was changed; of rows before this file, that recorded it.
        benchmark: name of its program.
        setting: what a number must share with another to be comparable.
        quantity: one of ``QUANTITIES``.
        value: the number.
        unit: of the value.
        machine: processor, cores, threads and version of torch, as far as they are known.
    """

    date: str
    version: str
    commit: str
    benchmark: str
    setting: str
    quantity: str
    value: float
    unit: str
    machine: str


def append(result: Path, benchmark: str, setting: str, values: Mapping[str, float], *, device: str = "cpu") -> None:
    """Add the numbers of a benchmark that has run just now.

    Args:
        result: the file that the benchmark wrote; the trend lies beside it.
        benchmark: name of its program.
        setting: what a number must share with another to be comparable.
        values: by name; what is not among ``QUANTITIES`` is left out.
        device: that did the work, in words, if it was not the processor.
    """
    import torch  # here, so that a look at the file needs neither

    import ppgen

    where = processor() if device == "cpu" else device
    machine = f"{where}, {os.cpu_count()} cores, {torch.get_num_threads()} thread(s), torch {torch.__version__}"
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    commit = _commit(Path(ppgen.__file__).parent)
    file = result.with_name(FILE.name)
    new = not file.exists()
    with file.open("a", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        if new:
            writer.writerow(Row._fields)
        for name, value in values.items():
            if name in QUANTITIES:
                what = (benchmark, setting, name, f"{value:.6g}", QUANTITIES[name][0])
                writer.writerow([today, ppgen.__version__, commit, *what, machine])


def _commit(folder: Path) -> str:
    command = ["git", "describe", "--always", "--dirty", "--abbrev=7", "--exclude=*"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def processor() -> str:
    """The processor in words."""
    information = Path("/proc/cpuinfo")
    for line in information.read_text().splitlines() if information.exists() else []:
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def read(file: Path = FILE) -> list[Row]:
    """All rows, oldest first."""
    with file.open(encoding="utf-8", newline="") as stream:
        told: list[dict[str, Any]] = list(csv.DictReader(stream))
    rows = [Row(**row | {"value": float(row["value"])}) for row in told]
    return sorted(rows, key=lambda row: row.date)


def summary(rows: list[Row]) -> list[str]:
    """A line for each quantity in each setting: first, last and best."""
    series: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        series.setdefault((row.benchmark, row.quantity, row.setting), []).append(row)
    lines = []
    for (benchmark, quantity, setting), found in sorted(series.items()):
        pick = max if QUANTITIES[quantity][1] == "higher" else min
        ends = {"first": found[0], "last": found[-1], "best": pick(found, key=lambda row: row.value)}
        ends = ends if len(found) > 1 else {"once": found[0]}
        said = ", ".join(f"{name} {row.value:g} ({row.date}, {row.commit})" for name, row in ends.items())
        lines.append(f"{benchmark} {quantity}, {found[-1].unit} [{setting}]: {said}")
    return lines


if __name__ == "__main__":
    for line in summary(read()):
        if len(sys.argv) < 2 or sys.argv[1] in line:
            print(line)
