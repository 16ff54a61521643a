"""Does any fit of a posterior bench end before its time? Every task by every derived guide, for several seeds.

    OMP_NUM_THREADS=1 python -m benchmarks.simulation_seeds --out benchmarks/results/simulation_seeds.md

Data are drawn of the model, by the seed of the fit, so that no folder of reference draws is needed. A fit *ends* where
its last loss and all its weights are finite; a step that was not finite, and was repeated with other noise, is counted
beside it, and a fit that ended by an error is named below the table, with what it said.
"""

from __future__ import annotations

import argparse
import math
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

import ppgen
from ppgen.errors import PpgenError
from ppgen.guides import Flow, FullRank, MeanField, Structured
from ppgen.training.step import REPEATED
from ppgen.zoo.posteriordb_tasks import Autoregression, EightSchools, KidScores, TwoGaussians
from ppgen.zoo.sbibm_tasks import SBIBM

FAMILIES = (MeanField, FullRank, Structured, Flow)


def simulations() -> dict[str, Callable[[], Any]]:
    """The models of sbibm; the design of the logistic one is drawn here."""
    design = torch.randn(100, 10, generator=torch.Generator().manual_seed(0))
    return {name: lambda task=task: task.make({"design_matrix": design}) for name, task in SBIBM.items()}


def regressions() -> dict[str, tuple[Callable[[], Any], dict[str, torch.Tensor]]]:
    """The models of posteriordb, with covariates in units as bad as theirs."""
    random = torch.Generator().manual_seed(0)
    return {
        "eight schools": (EightSchools, {"sigma": torch.linspace(9.0, 18.0, 8)[None]}),
        "kid scores": (KidScores, {"mom_iq": 100 + 15 * torch.randn(1, 434, generator=random)}),
        "two Gaussians": (TwoGaussians, {}),
        "autoregression": (Autoregression, {"before": torch.randn(1, 195, 5, generator=random)}),
    }


def outcome(model: Any, data: dict[str, torch.Tensor], guide: Any, seed: int, **settings: Any) -> tuple[str, int]:
    """What went wrong, ``""`` if nothing, and how many steps were repeated."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fit = ppgen.fit(model, {"train": data}, guide=guide, seed=seed, progress=False, device="cpu", **settings)
    except PpgenError as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0]}", 0
    repeated = sum(int(row["train"].get(REPEATED, 0)) for row in fit.history)
    weights = [*fit.guide.parameters(), *fit.guide.buffers()]
    if not all(bool(tensor.isfinite().all()) for tensor in weights if tensor.is_floating_point()):
        return "weights that are not finite, without an error", repeated
    loss = fit.history[-1]["train"]["loss"]
    return "" if math.isfinite(loss) else f"a loss of {loss}, without an error", repeated


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=150, help="of each fit, at the settings that ppgen.fit has for it")
    parser.add_argument("--task", action="append", help="one of them; may be given several times")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    began, wrong, lines = time.process_time(), [], []
    draws = 128 * arguments.steps // 8  # of which nine tenths are trained on, in batches of 128: nine passes
    ways: dict[str, Callable[[Any, int], tuple[str, int]]] = {}

    def told(name: str, run: Callable[[Any, int], tuple[str, int]]) -> None:
        if not arguments.task or name in arguments.task:
            ways[name] = run

    for name, make in simulations().items():

        def simulated(family: Any, seed: int, make: Any = make) -> tuple[str, int]:
            torch.manual_seed(seed)
            model, how = make(), {"objective": ppgen.Simulation(draws), "max_epochs": 9}
            with torch.no_grad():
                x = model(size=10)["x"]
            return outcome(model, {"x": x}, family, seed, **how)

        def bounded(family: Any, seed: int, make: Any = make) -> tuple[str, int]:
            torch.manual_seed(seed)
            model = make()
            with torch.no_grad():
                x = model(size=10)["x"]
            return outcome(model, {"x": x}, family, seed, max_epochs=arguments.steps)

        told(f"{name}, simulation", simulated)
        if not make().is_implicit:
            told(f"{name}, ELBO", bounded)
    for name, (make, covariates) in regressions().items():

        def fitted(family: Any, seed: int, make: Any = make, covariates: Any = covariates) -> tuple[str, int]:
            torch.manual_seed(seed)
            model = make()
            with torch.no_grad():
                x = model(covariates, size=1)["x"]
            return outcome(model, {"x": x, **covariates}, family, seed, max_epochs=arguments.steps)

        told(f"{name}, ELBO", fitted)
    for name, run in ways.items():
        cells = []
        for family in FAMILIES:
            found = [run(family, seed) for seed in range(arguments.seeds)]
            wrong += [f"{name}, {family.__name__}, seed {s}: {what}" for s, (what, _) in enumerate(found) if what]
            again = sum(repeated for _, repeated in found)
            cells.append(f"{sum(not what for what, _ in found)}" + (f" ({again} steps repeated)" if again else ""))
        lines.append(f"| {name} | {' | '.join(cells)} |")
        print(lines[-1], *wrong[-1:], flush=True)
    text = (
        "# Fits of the posterior benches that end\n\n"
        f"Of {arguments.seeds} seeds, {arguments.steps} steps each: how many end with a finite loss and finite "
        "weights.\n\n"
        f"| task | {' | '.join(family.__name__ for family in FAMILIES)} |\n|:--|{'--:|' * len(FAMILIES)}\n"
        + "\n".join(lines)
        + f"\n\n{len(wrong)} fits did not end.\n"
        + "".join(f"- {what}\n" for what in wrong)
        + f"\n{time.process_time() - began:.0f} processor seconds, one thread; torch {torch.__version__}. Command: "
        "`OMP_NUM_THREADS=1 python -m benchmarks.simulation_seeds --out benchmarks/results/simulation_seeds.md`.\n"
    )
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
