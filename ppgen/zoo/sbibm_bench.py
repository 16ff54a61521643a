"""Posteriors held against the reference draws of sbibm: each task by each method, scored by a classifier."""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ppgen.errors import PpgenError
from ppgen.evaluation import Column, IntervalCoverage, classifier_two_sample, interval_coverage
from ppgen.evaluation.layout import Block, Cell, Row
from ppgen.fitted import Fit
from ppgen.guides import FullRank
from ppgen.objectives import ELBO, Objective, Simulation
from ppgen.training.fit import fit
from ppgen.zoo.posterior_bench import TaskFiles
from ppgen.zoo.sbibm_tasks import SBIBM, SimulationTask

__all__ = ["METHODS", "Method", "sbibm"]

_PUBLISHED = {
    "NPE": "published NPE: 100,000 draws of the model",
    "NLE": "published NLE: 100,000 draws of the model",
}


@dataclasses.dataclass(frozen=True)
class Method:
    """A way to a posterior.

    Args:
        guide: as ``ppgen.fit`` takes it.
        objective: made anew for each fit.
        remedy: what helps where its intervals are too narrow.
    """

    guide: Any
    objective: Callable[[], Objective]
    remedy: str


METHODS: Mapping[str, Method] = {
    "simulation, Flow: draws of the model": Method(
        None, Simulation, "try Simulation(1_000_000), or a Flow with more transforms"
    ),
    "ELBO, FullRank: the likelihood": Method(FullRank, ELBO, "try Flow, or Simulation()"),
}
"""By what they are, and what they are given."""


def sbibm(
    folder: Path,
    names: Sequence[str] = (),
    *,
    tasks: Mapping[str, SimulationTask] = SBIBM,
    num_observations: int = 10,
    seed: int = 0,
    say: Callable[[str], None],
) -> Block:
    """The accuracy of a classifier that tells draws from reference draws, for each task and method.

    Every method is run with the settings that ``ppgen.fit`` has for it. A simulation learns one guide for all
    observations; an ELBO is fitted to the observations themselves, all at once. Of each method it is said what its
    95 % intervals hold of the reference: :func:`ppgen.evaluation.interval_coverage`.

    Args:
        folder: of the user, with a file ``NAME.npz`` for each task.
        names: of tasks; default: those whose files are there.
        tasks: by name; one of your own is a further entry.
        num_observations: of each task.
        seed: of the fits.
        say: is told of each score as soon as it is there.

    Raises:
        SettingError: for a task that is not declared.
        DataError: for a file that is not there, or has not the arrays.
    """
    files = TaskFiles.of("sbibm", folder, names, tasks)
    cells: dict[str, list[Cell]] = {name: [] for name in (*METHODS, *_PUBLISHED.values())}
    held: dict[str, list[IntervalCoverage]] = {name: [] for name in METHODS}
    refusals: list[str] = []
    for task, arrays in files:
        told = tasks[task]
        reference = files.array(task, arrays, "reference_draws")[:num_observations]
        x = files.array(task, arrays, told.data)[:num_observations].float()
        for name, method in METHODS.items():
            model = told.make({key: value.float() for key, value in arrays.items()})
            if model.is_implicit and method.objective is ELBO:
                refusals.append(f"{task} is declared as a simulator, without a likelihood")
                cells[name].append(Cell("—", note=len(refusals)))
                continue
            data = {site.name: x for site in model.sites.values() if site.role != "latent"}
            began = time.process_time()
            try:
                made = fit(
                    model, {"train": data}, guide=method.guide, objective=method.objective(), seed=seed, progress=False
                )
                seconds = time.process_time() - began
                pairs = list(zip(_draws(made, data, reference.shape[1], seed), reference, strict=True))
                scores = [classifier_two_sample(*pair).value for pair in pairs]
                inside = [interval_coverage(*pair) for pair in pairs]
            except PpgenError as error:  # the other tasks are not its fault
                refusals.append(f"{task} by {name} ended: {str(error).splitlines()[0]}")
                cells[name].append(Cell("—", note=len(refusals)))
                say(refusals[-1])
                continue
            cells[name].append(_mean_cell(scores))
            held[name] += inside
            say(
                f"{task}, {name}: C2ST {statistics.fmean(scores):.3f} ({min(scores):.3f} to {max(scores):.3f}); "
                f"{IntervalCoverage.together(inside).verdict(method.remedy)}; "
                f"{seconds:.0f} processor seconds of training"
            )
        for key, name in _PUBLISHED.items():
            cells[name].append(Cell(f"{told.published[key]:.3f}") if key in told.published else Cell())
    verdicts = [
        f"{name}: {IntervalCoverage.together(inside).verdict(METHODS[name].remedy)}"
        for name, inside in held.items()
        if inside
    ]
    return Block(
        "posterior",
        f"sbibm, C2ST, a mean over {num_observations} observations",
        [Column(task, question="posterior", better="lower") for task in files.names],
        [Row(name, found, baseline=name in _PUBLISHED.values()) for name, found in cells.items()],
        provenance=[
            "0.5: a classifier cannot tell them from the reference draws",
            "± is one standard error",
            *verdicts,
        ],
        caveats=["published numbers: sbi-benchmark/results, main_paper.csv", *files.caveats],
        refusals=refusals,
    )


def _draws(made: Fit, data: Mapping[str, Tensor], number: int, seed: int) -> Iterable[Tensor]:
    """Of all latents beside each other, [number, P] for each observation."""
    drawn = made.posterior(data, number, seed=seed).posterior
    latents = [torch.as_tensor(drawn[name].values[0]) for name in made.model.sites if name not in data]
    return torch.cat([value.flatten(2) if value.dim() > 2 else value.unsqueeze(2) for value in latents], 2).unbind(1)


def _mean_cell(scores: Sequence[float]) -> Cell:
    error = statistics.stdev(scores) / len(scores) ** 0.5 if len(scores) > 1 else None
    return Cell(f"{statistics.fmean(scores):.3f}", error="" if error is None else f"{error:.3f}")
