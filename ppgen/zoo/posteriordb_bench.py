"""Posteriors of global latents held against the reference draws of posteriordb."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ppgen.errors import Unanswerable
from ppgen.evaluation import Column, IntervalCoverage, interval_coverage, resampled_posterior
from ppgen.evaluation.layout import Block, Cell, Row
from ppgen.guides import Flow
from ppgen.training.fit import fit
from ppgen.zoo.posterior_bench import TaskFiles
from ppgen.zoo.posteriordb_tasks import POSTERIORDB, PosteriorTask

__all__ = ["posteriordb"]

_GUIDES: Sequence[Any] = (None, Flow)
"""The next where the weights of one cannot be trusted."""


def posteriordb(
    folder: Path,
    names: Sequence[str] = (),
    *,
    tasks: Mapping[str, PosteriorTask] = POSTERIORDB,
    seed: int = 0,
    say: Callable[[str], None],
) -> Block:
    """How far the guides of global latents are from reference draws, for each posterior.

    Each is fitted with the guide and the settings that ``ppgen.fit`` has for it; where its importance weights cannot be
    trusted, with a flow. Draws of the guide are held against the reference twice: resampled by these weights
    (:func:`ppgen.evaluation.resampled_posterior`), and, below, as they are.

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
    rows: dict[str, list[Row]] = {"resampled": [], "as it is": []}
    held: dict[str, list[IntervalCoverage]] = {way: [] for way in rows}
    for name, arrays in files:
        told = tasks[name]
        data = told.data({key.removeprefix("data."): v for key, v in arrays.items() if key.startswith("data.")})
        gold = {key.removeprefix("draws."): v for key, v in arrays.items() if key.startswith("draws.")}
        for guide in _GUIDES:
            began = time.process_time()
            made = fit(told.make(), {"train": data}, guide=guide, seed=seed, progress=False)
            seconds = time.process_time() - began
            number, family = len(next(iter(gold.values()))), type(made.guide).__name__
            drawn = made.posterior(data, number, seed=seed).posterior
            draws: dict[str, Mapping[str, Any]] = {"as it is": {key: value.values[0] for key, value in drawn.items()}}
            refusal, tail = "", "> 0.7"
            try:
                resampled = resampled_posterior(made, number, seed=seed)
            except Unanswerable as error:
                refusal = f"a Pareto k of {error.got}: the guide leaves out a part of the posterior"
            else:
                draws["resampled"], tail = resampled.draws, f"{resampled.pareto_k:.2f}"
            for way, given in draws.items():
                found = told.quantities({key: torch.as_tensor(value) for key, value in given.items()})
                ours, theirs = (_beside({key: source[key] for key in gold}) for source in (found, gold))
                inside = interval_coverage(ours, theirs)
                held[way].append(inside)
                cells = [*_distances(ours, theirs), Cell(f"{inside.mean:.3f}"), Cell(tail)]
                rows[way].append(Row(f"{name}, {family}, {way}", cells, baseline=way == "as it is"))
            say(f"{name}: {family}, {seconds:.0f} processor seconds of training, {refusal or f'a Pareto k of {tail}'}")
            if not refusal:
                break
        else:
            rows["resampled"].append(Row(f"{name}, resampled", [], refusal=refusal))
    return Block(
        "posterior",
        "posteriordb, guides of global latents by the ELBO, which is given the likelihood",
        [
            Column("shift", question="posterior", title="largest shift of a mean", unit="sd", better="lower"),
            Column("narrow", question="posterior", title="smallest ratio of spreads"),
            Column("wide", question="posterior", title="largest ratio of spreads"),
            Column("inside", question="posterior", title="in 95% intervals", unit="share of reference"),
            Column("tail", question="posterior", title="Pareto k of the weights", better="lower"),
        ],
        [*rows["resampled"], *rows["as it is"]],
        provenance=[
            f"{way}: {IntervalCoverage.together(inside).verdict('resample it, or try Flow')}"
            for way, inside in held.items()
            if inside
        ],
        caveats=files.caveats,
    )


def _distances(ours: Tensor, theirs: Tensor) -> list[Cell]:
    shift, ratio = ((ours.mean(0) - theirs.mean(0)) / theirs.std(0)).abs().max(), ours.std(0) / theirs.std(0)
    return [Cell(f"{float(number):.2f}") for number in (shift, ratio.min(), ratio.max())]


def _beside(draws: Mapping[str, Tensor]) -> Tensor:
    """All numbers of all quantities, [S, D]."""
    return torch.cat([value.reshape(len(value), -1).double() for value in draws.values()], 1)
