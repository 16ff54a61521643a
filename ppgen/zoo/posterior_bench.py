"""Posteriors held against published reference draws: the tasks of sbibm and posteriordb, run and scored."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ppgen.errors import DataError, SettingError
from ppgen.evaluation import Column, classifier_two_sample
from ppgen.evaluation.layout import Block, Cell, Row
from ppgen.guides import FullRank
from ppgen.objectives import ELBO, Objective, Simulation
from ppgen.training.fit import fit
from ppgen.zoo.posteriordb_tasks import POSTERIORDB
from ppgen.zoo.sbibm_tasks import SBIBM

__all__ = ["BENCHES", "coverage", "posteriordb", "sbibm"]

_PUBLISHED = {
    "NPE": "published NPE: 100,000 draws of the model",
    "NLE": "published NLE: 100,000 draws of the model",
}
_METHODS: Mapping[str, tuple[Any, Callable[[], Objective]]] = {
    "simulation, Flow: draws of the model": (None, Simulation),
    "ELBO, FullRank: the likelihood": (FullRank, ELBO),
}

Say = Callable[[str], None]


def sbibm(folder: Path, names: Sequence[str] = (), *, num_observations: int = 10, seed: int = 0, say: Say) -> Block:
    """The accuracy of a classifier that tells draws from reference draws, for each task and method.

    Every method is run with the settings that ``ppgen.fit`` has for it. A simulation learns one guide for all
    observations; an ELBO is fitted to the observations themselves, all at once.

    Args:
        folder: of the user, with a file ``NAME.npz`` for each task.
        names: of tasks; default: those whose files are there.
        num_observations: of each task.
        seed: of the fits.
        say: is told of each score as soon as it is there.

    Raises:
        SettingError: for a task that is not declared.
        DataError: for a file that is not there, or has not the arrays.
    """
    files = _files("sbibm", folder, names, SBIBM)
    cells: dict[str, list[Cell]] = {name: [] for name in (*_METHODS, *_PUBLISHED.values())}
    refusals: list[str] = []
    for task, arrays in files.items():
        told = SBIBM[task]
        reference = _array(folder, task, arrays, "reference_draws")[:num_observations]
        x = _array(folder, task, arrays, told.data)[:num_observations].float()
        for method, (guide, objective) in _METHODS.items():
            model = told.make({name: value.float() for name, value in arrays.items()})
            if model.is_implicit and isinstance(objective(), ELBO):
                refusals.append(f"{task} is declared as a simulator, without a likelihood")
                cells[method].append(Cell("—", note=len(refusals)))
                continue
            began = time.process_time()
            made = fit(model, {"train": {"x": x}}, guide=guide, objective=objective(), seed=seed, progress=False)
            seconds = time.process_time() - began
            drawn = made.posterior({"x": x}, reference.shape[1], seed=seed).posterior["theta"].values[0]
            scores = [classifier_two_sample(drawn[:, i], gold).value for i, gold in enumerate(reference)]
            cells[method].append(_mean_cell(scores))
            inside = torch.stack([coverage(torch.as_tensor(drawn[:, i]), gold) for i, gold in enumerate(reference)])
            say(
                f"{task}, {method}: C2ST {statistics.fmean(scores):.3f} ({min(scores):.3f} to {max(scores):.3f}), "
                f"95% intervals hold {100 * float(inside.mean()):.1f}% of the reference, "
                f"{seconds:.0f} processor seconds of training"
            )
        for method, name in _PUBLISHED.items():
            cells[name].append(Cell(f"{told.published[method]:.3f}"))
    return Block(
        "posterior",
        f"sbibm, C2ST, a mean over {num_observations} observations",
        [Column(task, question="posterior", better="lower") for task in files],
        [Row(name, found, baseline=name in _PUBLISHED.values()) for name, found in cells.items()],
        provenance=["0.5: a classifier cannot tell them from the reference draws", "± is one standard error"],
        caveats=["published numbers: sbi-benchmark/results, main_paper.csv"],
        refusals=refusals,
    )


def posteriordb(folder: Path, names: Sequence[str] = (), *, seed: int = 0, say: Say) -> Block:
    """How far the guides of global latents are from reference draws, for each posterior; arguments as of `sbibm`.

    Args:
        folder: of the user, with a file ``NAME.npz`` for each posterior.
        names: of posteriors; default: those whose files are there.
        seed: of the fits.
        say: is told of each posterior as soon as it is there.

    Raises:
        SettingError, DataError: as by :func:`sbibm`.
    """
    rows = []
    for name, arrays in _files("posteriordb", folder, names, POSTERIORDB).items():
        told = POSTERIORDB[name]
        data = told.data({key.removeprefix("data."): v for key, v in arrays.items() if key.startswith("data.")})
        gold = {key.removeprefix("draws."): v for key, v in arrays.items() if key.startswith("draws.")}
        began = time.process_time()
        made = fit(told.make(), {"train": data}, seed=seed, progress=False)
        seconds = time.process_time() - began
        number = len(next(iter(gold.values())))
        drawn = made.posterior(data, number, seed=seed).posterior
        found = told.quantities({key: torch.as_tensor(value.values[0]) for key, value in drawn.items()})
        ours, theirs = (_beside({key: given[key] for key in gold}) for given in (found, gold))
        shift = ((ours.mean(0) - theirs.mean(0)) / theirs.std(0)).abs()
        ratio, inside = ours.std(0) / theirs.std(0), coverage(ours, theirs)
        numbers = (float(shift.max()), float(ratio.min()), float(ratio.max()), float(inside.mean()))
        rows.append(Row(name, [Cell(f"{number:.2f}") for number in numbers[:3]] + [Cell(f"{numbers[3]:.3f}")]))
        say(f"{name}: {type(made.guide).__name__}, {seconds:.0f} processor seconds of training")
    return Block(
        "posterior",
        "posteriordb, guides of global latents by the ELBO, which is given the likelihood",
        [
            Column("shift", question="posterior", title="largest shift of a mean", unit="sd", better="lower"),
            Column("narrow", question="posterior", title="smallest ratio of spreads"),
            Column("wide", question="posterior", title="largest ratio of spreads"),
            Column("inside", question="posterior", title="in 95% intervals", unit="share of reference"),
        ],
        rows,
        provenance=["over all quantities of the reference draws, 2,500 draws of each"],
    )


BENCHES: Mapping[str, Callable[..., Block]] = {"sbibm": sbibm, "posteriordb": posteriordb}


def coverage(draws: Tensor, reference: Tensor, level: float = 0.95) -> Tensor:
    """The share of reference draws inside the central interval of a guide's draws, for each number: [D].

    Args:
        draws: of the guide, [K, D].
        reference: [S, D].
        level: of the interval.
    """
    low, high = draws.quantile(draws.new_tensor([(1 - level) / 2, (1 + level) / 2]), dim=0)
    return ((reference >= low) & (reference <= high)).double().mean(0)


def _files(bench: str, folder: Path, names: Sequence[str], known: Mapping[str, Any]) -> dict[str, dict[str, Tensor]]:
    """The arrays of each task's file."""
    if strange := [name for name in names if name not in known]:
        raise SettingError(
            f"bench {bench}: there is no task {strange[0]!r}",
            expected=", ".join(known),
            got=", ".join(names),
            fix=f"ppgen bench {bench} {folder} --task {next(iter(known))}",
            code="S233",
        )
    there = list(names) or [name for name in known if (folder / f"{name}.npz").is_file()]
    missing = [name for name in there if not (folder / f"{name}.npz").is_file()]
    if missing or not there:
        raise DataError(
            f"bench {bench}: {folder} has no file {missing[0] if missing else next(iter(known))}.npz",
            expected=f"a file NAME.npz for each task: {', '.join(known)}",
            got=", ".join(sorted(path.name for path in folder.glob("*.npz"))) or "no such files",
            fix=f"ppgen bench {bench} FOLDER, the folder with the reference draws",
            code="D129",
        )
    return {name: dict(_arrays(folder / f"{name}.npz")) for name in there}


def _arrays(path: Path) -> Iterator[tuple[str, Tensor]]:
    with np.load(path, allow_pickle=False) as file:
        for name in file.files:
            yield name, torch.as_tensor(file[name])


def _array(folder: Path, task: str, arrays: Mapping[str, Tensor], name: str) -> Tensor:
    if name not in arrays:
        raise DataError(
            f"bench sbibm: {folder / task}.npz has no array {name}",
            expected=f"{name}, with a row for each observation",
            got=", ".join(arrays),
            fix="write the file anew, with numpy.savez",
            code="D130",
        )
    return arrays[name]


def _mean_cell(scores: Sequence[float]) -> Cell:
    error = statistics.stdev(scores) / len(scores) ** 0.5 if len(scores) > 1 else None
    return Cell(f"{statistics.fmean(scores):.3f}", error="" if error is None else f"{error:.3f}")


def _beside(draws: Mapping[str, Tensor]) -> Tensor:
    """All numbers of all quantities, [S, D]."""
    return torch.cat([value.reshape(len(value), -1).double() for value in draws.values()], 1)
