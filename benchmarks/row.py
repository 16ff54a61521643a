"""What the benchmarks of published rows share: their options, and the line of JSON that each result becomes."""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from pathlib import Path
from typing import Any

import torch
from trend import append

import ppgen

__all__ = ["Clock", "options", "publish"]


class Clock:
    """Minutes of wall time and of processor time since it was made."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def read(self, what: str) -> dict[str, float]:
        """Both, named after what took them."""
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        return {f"{what}_wall_minutes": round(wall / 60, 2), f"{what}_cpu_minutes": round(cpu / 60, 2)}


def options(description: str | None, **defaults: Any) -> argparse.ArgumentParser:
    """The options of every benchmark: data, budget, seed, threads, device and output.

    Args:
        description: the benchmark's docstring.
        **defaults: of further numeric options, by name; ``epochs=40`` is ``--epochs 40``.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in defaults.items():
        parser.add_argument(
            f"--{name.replace('_', '-')}", type=type(default), default=default, help=f"default {default}"
        )
    parser.add_argument("--data-root", help="folder with the data; else PPGEN_DATA, else downloaded")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, help="append the result here, one line of JSON")
    return parser


def publish(args: argparse.Namespace, result: dict[str, Any]) -> None:
    """Print a result with the settings behind it; append it to ``--out``, and its numbers to the trend."""
    settings = {name: value for name, value in vars(args).items() if name not in ("data_root", "out", "run", "figure")}
    line = settings | result | {"versions": f"torch {torch.__version__}, ppgen {ppgen.__version__}"}
    line["machine"] = f"{platform.machine()}, {torch.get_num_threads()} thread(s)"
    print(json.dumps(line, indent=1), flush=True)
    if args.out:
        with args.out.open("a") as file:
            file.write(json.dumps(line) + "\n")
        append(args.out, Path(sys.argv[0]).stem, *trended(settings, result), device=args.device)


def trended(settings: dict[str, Any], result: dict[str, Any]) -> tuple[str, dict[str, float]]:
    """What the trend keeps of a result: the setting in words, and the numbers by name.

    Args:
        settings: of the run, by name.
        result: by name; a number over several seeds is a dictionary with its ``mean``, a word says what was measured.
    """
    over_seeds = {name: value["mean"] for name, value in result.items() if isinstance(value, dict)}
    said = {name: value for name, value in result.items() if isinstance(value, str) or name == "seed"}
    kept = {name: value for name, value in (settings | said).items() if name not in ("threads", "device")}
    words = [f"{name}={value}" for name, value in sorted(kept.items())] + ["mean over seeds"] * bool(over_seeds)
    return " ".join(words), over_seeds or {name: value for name, value in result.items() if isinstance(value, float)}
