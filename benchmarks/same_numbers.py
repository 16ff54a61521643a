"""Witness that a change of the code changes no number: the same rows measured in two checkouts, compared bit for bit.

    python benchmarks/same_numbers.py BASE [--head FOLDER] [--rows zoo,resume]

BASE is the folder of a checkout of an earlier commit (``git worktree add``), HEAD the checkout that this file lies in.
Each is measured in a process of its own, with the same Python, one thread, the same seeds and an empty cache, by this
same file, which uses the public API alone. Every row of ``same_numbers_rows.py`` gives exact quantities: floats as
hexadecimal, all else as text, or as the SHA-256 of its bytes. A refusal is a quantity like any other; an error is
written to the log, and is not equal to anything. A row that the base has not yet, such as a new recipe, is called new.
Exit status: 0 if every row is equal, else 1. It takes 2 to 3 minutes.

Left out: what depends on the clock (seconds of a fit are set to 0), wordings of errors, the command line, other
devices than the CPU, and data that are not installed.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

__all__ = ["exact", "main"]

HERE = Path(__file__).resolve()
ERROR = "error: "
VALUES, LOG = "values.jsonl", "log.txt"

Values = dict[tuple[str, str], str]


class Side:
    """One checkout, measured in the background in a folder of its own.

    Args:
        name: ``"base"`` or ``"head"``.
        checkout: where its ``ppgen`` lies.
        parts: names of rows, or of groups of them.
        folder: for its cache, its run folders and its results.
    """

    def __init__(self, name: str, checkout: Path, parts: list[str], folder: Path) -> None:
        self.name, self.checkout, self.folder = name, checkout.resolve(), folder
        if not (self.checkout / "ppgen" / "__init__.py").is_file():
            sys.exit(f"{name}: {checkout} is no checkout of ppgen")
        folder.mkdir()
        self.started = time.monotonic()
        command = [sys.executable, str(HERE), str(self.checkout), "--measure", "--rows", ",".join(parts)]
        with (folder / LOG).open("w") as log:
            self.process = subprocess.Popen(command, cwd=folder, env=self._environment(), stdout=log, stderr=log)

    def _environment(self) -> dict[str, str]:
        """One thread, this checkout and no other, and nothing that was kept by an earlier run or by the other side."""
        own = {"PYTHONPATH": self.checkout, "PPGEN_CACHE": self.folder / "cache", "MPLCONFIGDIR": self.folder / "mpl"}
        fixed = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "MPLBACKEND": "agg", "CUDA_VISIBLE_DEVICES": ""}
        threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        return dict(os.environ) | {key: str(path) for key, path in own.items()} | fixed | threads

    def result(self) -> tuple[Values, float]:
        """Its values and seconds, once it is done."""
        status = self.process.wait()
        seconds = time.monotonic() - self.started
        log = (self.folder / LOG).read_text().strip()
        if log:
            print(f"--- log of {self.name}\n{log}\n", file=sys.stderr)
        if status:
            sys.exit(f"{self.name}: {self.checkout} was not measured to the end (exit status {status})")
        lines = map(json.loads, (self.folder / VALUES).read_text().splitlines())
        return {(row, quantity): value for row, quantity, value in lines}, seconds


def measure(checkout: Path, parts: list[str]) -> None:
    """Write the quantities of every row, one line of JSON each, into the current folder.

    Args:
        checkout: where ``ppgen`` must come from.
        parts: names of rows, or of groups of them; all rows, if there is none.
    """
    import pyro
    import torch
    from same_numbers_rows import ROWS

    torch.set_num_threads(1)
    _must_come_from(checkout)
    names = [name for name in ROWS if not parts or any(f"{name}/".startswith(f"{part}/") for part in parts)]
    if not names:
        sys.exit(f"no row is called {', '.join(parts)}; there are {', '.join(ROWS)}")
    with Path(VALUES).open("w") as file:
        for name in names:
            pyro.set_rng_seed(0)
            pyro.clear_param_store()
            for quantity, value in _without_error(name, ROWS[name]):
                file.write(json.dumps([name, quantity, exact(value)]) + "\n")
            file.flush()
    _must_come_from(checkout)


def _without_error(name: str, row: Callable[[], Iterable[tuple[str, Any]]]) -> Iterator[tuple[str, Any]]:
    """A row's quantities up to its end or its first error, which leaves the other rows as they are."""
    import torch

    try:
        for quantity, value in row():
            if hasattr(value, "standard_error"):
                yield quantity, value.value
                yield f"{quantity}, s.e.", value.standard_error
            else:
                yield quantity, value
        # Whoever draws one random number more or less than before moves all that are drawn after it.
        yield "random state", torch.get_rng_state()
    except Exception as error:
        print(f"{name}: {traceback.format_exc()}", file=sys.stderr, flush=True)
        yield "error", f"{ERROR}{type(error).__name__}"


def exact(value: Any) -> str:
    """A value as text that is the same exactly if the value is: floats in hexadecimal, all that is long digested."""
    import numpy as np
    import torch

    if isinstance(value, float):
        return float(value).hex()
    if value is None or isinstance(value, int):
        return repr(value)
    if isinstance(value, str):
        return value if len(value) <= 40 else hashlib.sha256(value.encode()).hexdigest()
    if isinstance(value, torch.Tensor | np.ndarray):
        array = np.ascontiguousarray(value.detach().numpy() if isinstance(value, torch.Tensor) else value)
        return hashlib.sha256(f"{array.dtype} {array.shape}\n".encode() + array.tobytes()).hexdigest()
    if dataclasses.is_dataclass(value):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    parts = (
        [[key, exact(part)] for key, part in value.items()] if isinstance(value, Mapping) else list(map(exact, value))
    )
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _must_come_from(checkout: Path) -> None:
    """Stop unless every module of ppgen that is loaded lies in the checkout."""
    import ppgen

    modules = [module for name, module in sys.modules.items() if name.partition(".")[0] == "ppgen"]
    for module in [ppgen, *modules]:
        if not Path(str(module.__file__)).resolve().is_relative_to(checkout.resolve()):
            sys.exit(f"{module.__name__} comes from {module.__file__}, not from {checkout}")


def table(base: Values, head: Values) -> tuple[str, dict[str, bool]]:
    """Every quantity of both sides as aligned text, and whether all quantities of a row are equal."""
    lines = [("row", "quantity", "base", "head", "equal")]
    equal: dict[str, bool] = {}
    known = {row for row, _ in base}
    for row in dict.fromkeys(row for row, _ in (*base, *head)):
        if row not in known:
            lines.append((row, "all", "-", "-", "new"))
            continue
        for quantity in dict.fromkeys(quantity for name, quantity in (*base, *head) if name == row):
            one, other = base.get((row, quantity), "-"), head.get((row, quantity), "-")
            is_error = one.startswith(ERROR) or other.startswith(ERROR)
            same = one == other and not is_error
            equal[row] = equal.get(row, True) and same
            verdict = "yes" if same else "ERROR" if is_error else "NO"
            lines.append((row, quantity, *_shortened(one, other), verdict))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
    return "\n".join(line.rstrip() for line in text), equal


def _shortened(*values: str) -> Iterable[str]:
    """The beginnings of digests: they are compared in full."""
    return (value if len(value) <= 40 else f"{value[:16]}..." for value in values)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", type=Path, help="checkout of an earlier commit, without edits")
    parser.add_argument("--head", type=Path, default=HERE.parents[1], help="default: the checkout of this file")
    parser.add_argument("--rows", default="", help="names, or first parts of them: zoo,guide/flow")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)  # what each of the two processes does
    arguments = parser.parse_args()
    parts = [part for part in arguments.rows.split(",") if part]
    if arguments.measure:
        return measure(arguments.base, parts)

    with tempfile.TemporaryDirectory() as folder:
        checkouts = {"base": arguments.base, "head": arguments.head}
        sides = [Side(name, checkout, parts, Path(folder) / name) for name, checkout in checkouts.items()]
        try:
            (base, seconds), (head, other_seconds) = (side.result() for side in sides)
        finally:
            for side in sides:
                side.process.kill()
    text, equal = table(base, head)
    print(text)
    if wrong := [row for row, same in equal.items() if not same]:
        print(f"\nnot equal: {', '.join(wrong)}")
    print(
        f"\n{sum(equal.values())} of {len(equal)} rows equal, bit for bit ({len(head)} quantities; "
        f"base {seconds:.0f} s, head {other_seconds:.0f} s)"
    )
    return sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
