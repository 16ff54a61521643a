"""Posteriors of global latents held against the reference draws of posteriordb."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ppgen.estimate import Estimate
from ppgen.evaluation import Column, IntervalCoverage, interval_coverage
from ppgen.evaluation.layout import Block, Cell, Row
from ppgen.guides import Flow
from ppgen.training.fit import fit
from ppgen.zoo.posteriordb_tasks import POSTERIORDB, PosteriorTask
from ppgen.zoo.task_files import TaskFiles

__all__ = ["posteriordb"]

_GUIDES: Sequence[Any] = (None, Flow)
"""The default one, which is Gaussian, and one of any shape."""

_PARTICLES = 1000
_REMEDY = {"FullRank": "try Flow", "Flow": "try Flow with more transforms"}


def posteriordb(
    folder: Path,
    names: Sequence[str] = (),
    *,
    tasks: Mapping[str, PosteriorTask] = POSTERIORDB,
    seed: int = 0,
    say: Callable[[str], None],
) -> Block:
    """How far the guides of global latents are from reference draws, for each posterior.

    Each is fitted with two guides, the default one and a flow, with the settings that ``ppgen.fit`` has for them. That
    whose ELBO is higher is the answer, as it would be for one who has no reference draws; the other stands below.

    Args:
        folder: of the user, with a file ``NAME.npz`` for each posterior.
        names: of posteriors; default: those whose files are there.
        tasks: by name; one of your own is a further entry.
        seed: of the fits.
        say: is told of each posterior as soon as it is there.

    Raises:
        SettingError: for a task that is not declared.
        DataError: for a file that is not there.
    """
    files = TaskFiles.of("posteriordb", folder, names, tasks)
    kept, others, held = [], [], []
    for name, arrays in files:
        told = tasks[name]
        data = told.data({key.removeprefix("data."): v for key, v in arrays.items() if key.startswith("data.")})
        gold = {key.removeprefix("draws."): v for key, v in arrays.items() if key.startswith("draws.")}
        found: list[tuple[Estimate, Row, IntervalCoverage, str]] = []
        for guide in _GUIDES:
            began = time.process_time()
            made = fit(told.make(), {"train": data}, guide=guide, seed=seed, progress=False)
            seconds = time.process_time() - began
            drawn = made.posterior(data, len(next(iter(gold.values()))), seed=seed).posterior
            given = told.quantities({key: torch.as_tensor(value.values[0]) for key, value in drawn.items()})
            ours, theirs = (_beside({key: draws[key] for key in gold}) for draws in (given, gold))
            elbo, family = made.elbo(data, _PARTICLES), type(made.guide).__name__
            inside = interval_coverage(ours, theirs)
            found.append((elbo, Row(f"{name}, {family}", _cells(elbo, ours, theirs, inside)), inside, family))
            say(f"{name}, {family}: ELBO {elbo.value:.3f}, {seconds:.0f} processor seconds of training")
        best = max(found, key=lambda one: one[0].value)
        kept.append(best[1])
        held.append((best[2], best[3]))
        others += [Row(row.name, row.cells, baseline=True) for _, row, *_ in found if row is not best[1]]
    together = IntervalCoverage.together([inside for inside, _ in held])
    worst = min(held, key=lambda one: one[0].mean)[1]
    return Block(
        "posterior",
        "posteriordb, guides of global latents by the ELBO, which is given the likelihood",
        [
            Column("elbo", question="posterior", title="ELBO", unit="nats", better="higher"),
            Column("shift", question="posterior", title="largest shift of a mean", unit="sd", better="lower"),
            Column("narrow", question="posterior", title="smallest ratio of spreads"),
            Column("wide", question="posterior", title="largest ratio of spreads"),
            Column("inside", question="posterior", title="in 95% intervals", unit="share of reference"),
        ],
        [*kept, *others],
        provenance=[
            "of the guides of a posterior, that of the highest ELBO stands above the line",
            f"above the line: {together.verdict(_REMEDY.get(worst, 'try Flow'))}",
            "shifts and ratios over all quantities of the reference draws, 2,500 draws of each",
        ],
        caveats=files.caveats,
    )


def _cells(elbo: Estimate, ours: Tensor, theirs: Tensor, inside: IntervalCoverage) -> list[Cell]:
    shift = ((ours.mean(0) - theirs.mean(0)) / theirs.std(0)).abs().max()
    ratio = ours.std(0) / theirs.std(0)
    bound = Cell(f"{elbo.value:.2f}", bound="lower bound", error=f"{elbo.standard_error or 0.0:.2f}")
    return [bound, *(Cell(f"{float(n):.2f}") for n in (shift, ratio.min(), ratio.max())), Cell(f"{inside.mean:.3f}")]


def _beside(draws: Mapping[str, Tensor]) -> Tensor:
    """All numbers of all quantities, [S, D]."""
    return torch.cat([value.reshape(len(value), -1).double() for value in draws.values()], 1)
