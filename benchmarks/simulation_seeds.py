"""Does any fit of a posterior bench end before its time? Every task by every derived guide, for several seeds.

    OMP_NUM_THREADS=1 python benchmarks/simulation_seeds.py [TASK ...] [--out benchmarks/results/simulation_seeds.jsonl]

Data are drawn of the model, by the seed of the fit, so that no folder of reference draws is needed. A fit *ends* where
its last loss, all its weights and its guide's draws are finite; a step that was not finite, and was repeated with other
noise, is counted beside it, and a fit that ended by an error is named below the table, with what it said.

Without ``--out`` nothing is kept. With it, a task's row takes the place of that task's last one, and a table is written
beside it.
"""

from __future__ import annotations

import argparse
import math
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from kept_rows import keep, kept

import ppgen
from ppgen.errors import PpgenError
from ppgen.guides import Flow, FullRank, MeanField, Structured
from ppgen.training.step import REPEATED
from ppgen.zoo.posteriordb_tasks import Autoregression, EightSchools, KidScores, TwoGaussians
from ppgen.zoo.sbibm_tasks import SBIBM

FAMILIES = (MeanField, FullRank, Structured, Flow)

Fitted = Callable[[Any, int, int], tuple[str, int]]
"""A fit, by family, seed and number of steps: what went wrong, ``""`` if nothing, and how many steps were repeated."""


def tasks() -> dict[str, Fitted]:
    """By name: the models of sbibm, by simulation, and by the ELBO where they have one; the models of posteriordb."""
    random = torch.Generator().manual_seed(0)
    design = torch.randn(100, 10, generator=random)  # of the logistic model
    covariates: dict[Any, dict[str, torch.Tensor]] = {  # in units as bad as theirs
        EightSchools: {"sigma": torch.linspace(9.0, 18.0, 8)[None]},
        KidScores: {"mom_iq": 100 + 15 * torch.randn(1, 434, generator=random)},
        TwoGaussians: {},
        Autoregression: {"before": torch.randn(1, 195, 5, generator=random)},
    }
    ways: dict[str, Fitted] = {}
    for name, task in SBIBM.items():

        def make(task: Any = task) -> Any:
            return task.make({"design_matrix": design})

        ways[f"{name}, simulation"] = _way(make, {}, 10, by_simulation=True)
        if not make().is_implicit:
            ways[f"{name}, ELBO"] = _way(make, {}, 10)
    for name, made in zip(("eight schools", "kid scores", "two Gaussians", "autoregression"), covariates, strict=True):
        ways[f"{name}, ELBO"] = _way(made, covariates[made], 1)
    return ways


def _way(make: Callable[[], Any], given: dict[str, torch.Tensor], rows: int, *, by_simulation: bool = False) -> Fitted:
    def run(family: Any, seed: int, steps: int) -> tuple[str, int]:
        torch.manual_seed(seed)
        model = make()
        with torch.no_grad():
            data = {"x": model(given, size=rows)["x"], **given}
        # Nine tenths of the draws are trained on, in batches of 128: nine passes.
        how = {"objective": ppgen.Simulation(16 * steps), "max_epochs": 9} if by_simulation else {"max_epochs": steps}
        return outcome(model, data, family, seed, **how)

    return run


def outcome(model: Any, data: dict[str, torch.Tensor], guide: Any, seed: int, **settings: Any) -> tuple[str, int]:
    """What went wrong, ``""`` if nothing, and how many steps were repeated."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fit = ppgen.fit(model, {"train": data}, guide=guide, seed=seed, progress=False, device="cpu", **settings)
            draws = fit.posterior(data, 100, seed=seed).posterior
    except PpgenError as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0]}", 0
    repeated = sum(int(row["train"].get(REPEATED, 0)) for row in fit.history)
    weights = [*fit.guide.parameters(), *fit.guide.buffers()]
    if not all(bool(tensor.isfinite().all()) for tensor in weights if tensor.is_floating_point()):
        return "weights that are not finite, without an error", repeated
    if not all(bool(torch.as_tensor(values.values).isfinite().all()) for values in draws.values()):
        return "draws that are not finite, without an error", repeated
    loss = fit.history[-1]["train"]["loss"]
    return "" if math.isfinite(loss) else f"a loss of {loss}, without an error", repeated


def measure(name: str, run: Fitted, seeds: int, steps: int) -> dict[str, Any]:
    """The row of a task: for each family how many fits end, how many steps were repeated, and what went wrong."""
    began, row = time.process_time(), {"name": name, "seeds": seeds, "steps": steps, "torch": torch.__version__}
    for family in FAMILIES:
        found = [run(family, seed, steps) for seed in range(seeds)]
        row[family.__name__] = {
            "ended": sum(not what for what, _ in found),
            "repeated": sum(repeated for _, repeated in found),
            "wrong": [f"seed {seed}: {what}" for seed, (what, _) in enumerate(found) if what],
        }
    return row | {"processor_seconds": round(time.process_time() - began)}


def table(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Markdown, a line for each task, and below it what went wrong."""
    names = [family.__name__ for family in FAMILIES]
    lines = [f"| task | steps | {' | '.join(names)} | seconds |", f"|:--|--:|{'--:|' * len(FAMILIES)}--:|"]
    for row in rows:
        cells = [
            f"{found['ended']} of {row['seeds']}" + f" ({found['repeated']} repeated)" * bool(found["repeated"])
            for found in (row[name] for name in names)
        ]
        lines.append(f"| {row['name']} | {row['steps']} | {' | '.join(cells)} | {row['processor_seconds']} |")
    wrong = [f"- {row['name']}, {name}, {what}" for row in rows for name in names for what in row[name]["wrong"]]
    fits = sum(row["seeds"] * len(FAMILIES) for row in rows)
    return [*lines, "", f"{len(wrong)} of {fits} fits did not end.", *wrong]


def main() -> None:
    """Fit, and write rows and table."""
    ways = tasks()
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("tasks", nargs="*", help="; ".join(ways))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=150, help="of each fit, at the settings that ppgen.fit has for it")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for name in arguments.tasks or ways:
        rows.append(measure(name, ways[name], arguments.seeds, arguments.steps))
        print("\n".join(table(rows[-1:])[2:]), flush=True)
        if arguments.out:
            keep(rows[-1], arguments.out, list(ways))
    if arguments.out:
        rows = kept(arguments.out, list(ways))
        head = [
            "# Fits of the posterior benches that end",
            "`OMP_NUM_THREADS=1 python benchmarks/simulation_seeds.py`: how many fits end with a finite loss, finite "
            "weights and finite draws of the guide; seconds are those of a processor, for all fits of a task.",
        ]
        arguments.out.with_suffix(".md").write_text("\n\n".join(head) + "\n\n" + "\n".join([*table(rows), ""]))
    print("\n".join(table(rows)))


if __name__ == "__main__":
    main()
