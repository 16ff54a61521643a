"""Derived guides against exact answers: how many nats each family stays below log p of 64 points, for every model.

    OMP_NUM_THREADS=1 python -m benchmarks.guides_table

writes ``benchmarks/results/guides_table.md``. Run it from the root of the repository: the models are the tests' own.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmarks.trend import append
from ppgen.errors import DeclarationError
from ppgen.guides import Flow, FullRank, MeanField, Structured
from tests.oracles.ascent import bound, maximise
from tests.oracles.known_answers import MODELS, ByPattern, case

FAMILIES: dict[str, Callable[..., Any]] = {
    "mean-field": MeanField,
    "full-rank": FullRank,
    "structured": Structured,
    "structured, model order": lambda model, **settings: Structured(model, order="model", **settings),
    "flow": lambda model, **settings: Flow(model, transforms=2, **settings),
}
DEFAULT_ENCODER = ("D", "some y", "given latent")


def shortfall(name: str, family: str, steps: int) -> str:
    """One cell: nats below log p (below the best mean-field bound, for mean-field), and the standard error."""
    torch.manual_seed(0)
    model, batch = case(name)
    encoder = None if name in DEFAULT_ENCODER else ByPattern(batch)
    try:
        guide = FAMILIES[family](model, width=32, encoder=encoder).setup(batch)
    except DeclarationError:
        return "not defined"
    # Autoregressive flows leave a good place again where steps are large.
    rate = 0.015 if family == "flow" else 0.02 if encoder is None else 0.05
    maximise(model, guide, batch, steps, rate)
    value, error = bound(model, guide, batch, 1600)
    reference = model.best_mean_field(batch) if family == "mean-field" else model.log_prob(batch)
    return f"{reference.sum().item() - value:.2f} ({error:.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/guides_table.md"))
    arguments = parser.parse_args()
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    start = time.process_time()
    lines = [f"| model | log p | {' | '.join(FAMILIES)} |", f"|---|---|{'---|' * len(FAMILIES)}"]
    for name in MODELS:
        model, batch = case(name)
        exact = model.log_prob(batch).sum().item()
        cells = [shortfall(name, family, arguments.steps) for family in FAMILIES]
        lines.append(f"| {name} | {exact:.2f} | {' | '.join(cells)} |")
        print(lines[-1], flush=True)
    text = (
        "# Derived guides against exact answers\n\n"
        "Nats below log p of 64 points, all together (mean-field: below the best mean-field bound, in closed form), "
        "with the standard error over 1600 draws in brackets.\n\n"
        + "\n".join(lines)
        + f"\n\n{arguments.steps} steps of Adam, float64, one thread, {time.process_time() - start:.0f} s of processor "
        f"time; torch {torch.__version__}, Python {platform.python_version()}. "
        "Command: `OMP_NUM_THREADS=1 python -m benchmarks.guides_table`.\n"
    )
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(text, encoding="utf-8")
    for line in lines[2:]:
        name, _, *cells = line.strip("| ").split(" | ")
        for family, cell in zip(FAMILIES, cells, strict=True):
            if cell != "not defined":
                setting, value = f"{name}, {family}; steps={arguments.steps}", float(cell.split()[0])
                append(arguments.out, "guides_table", setting, {"below_exact": value})


if __name__ == "__main__":
    main()
