"""All rows in one batch: which programs are taken whole then, and which still a data point at a time."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import torch
from pyro.infer.autoguide import AutoGuide
from torch import Tensor, nn

from ppgen.data import Dataset, as_dataset, from_tensors
from ppgen.data.splitting import SPLITS
from ppgen.declare import Program, ProgramModule, ProgramPart, verify_once
from ppgen.errors import PpgenError
from ppgen.objectives import Simulation
from ppgen.training.prepare import set_up, to_device

__all__ = ["chosen_data", "take_whole", "undivided", "whole_rows"]


def undivided(data: Any) -> Dataset:
    """All rows in the order that they have, where nobody has split them.

    Args:
        data: as given to :func:`ppgen.fit`.
    """
    if isinstance(data, Dataset | str | os.PathLike):
        return as_dataset(data)
    is_split = isinstance(data, Mapping) and set(data) <= set(SPLITS)
    return from_tensors(data if is_split else {"train": data}, valid=0.0, test=0.0)


def chosen_data(data: Any, model: ProgramModule, batch_size: int | None, objective: Any) -> Dataset:
    """The data of a fit, before it is known whether its program is taken whole.

    What a simulation is asked about may be a single row: there is nothing to hold out, since nothing is trained on.

    Args:
        data: as given to :func:`ppgen.fit`.
        model: of the fit.
        batch_size: likewise; ``None`` for all rows.
        objective: likewise.
    """
    is_whole = isinstance(objective, Simulation) or (batch_size is None and isinstance(model, ProgramPart))
    return undivided(data) if is_whole else as_dataset(data)


def take_whole(
    model: ProgramModule, guide: ProgramModule | None, dataset: Dataset, batch_size: int | None, device: torch.device
) -> bool:
    """Decide whether a hand-written pair is taken whole, and tell the pair.

    It is if all rows are in one batch, and the pair does not run on a part of them as on a part: a plate of
    ``len(x)`` with global latents, parameters for each row, observed sites outside any plate. Then every number is of
    the data set, as in Pyro. What does run on a part keeps its numbers for each datum.

    Args:
        model: of the fit.
        guide: likewise, or ``None``.
        dataset: of the fit.
        batch_size: as given to :func:`ppgen.fit`.
        device: of the fit.

    Returns:
        Whether it is taken whole.
    """
    if not isinstance(model, ProgramPart) or not (guide is None or isinstance(guide, ProgramPart)):
        return False
    is_full = batch_size is None or batch_size >= dataset.size("train")
    why = _obstacle(model, guide, dataset, device) if is_full else ""
    for part in (model, guide):
        if part is not None:
            part.is_whole, part.why_whole = bool(why), why
    return bool(why)


def whole_rows(dataset: Dataset, device: torch.device) -> dict[str, Tensor]:
    """The training split as a program that is taken whole sees it, [N, ...] each.

    Args:
        dataset: of the fit.
        device: where to.
    """
    return to_device(dataset.split("train"), device)


def _obstacle(model: ProgramPart, guide: ProgramPart | None, dataset: Dataset, device: torch.device) -> str:
    """What keeps a pair from running on a part of the rows; ``""`` if nothing does. It leaves no mark on the pair."""
    trial = Program(model.function, None if guide is None else guide.function)
    for part, own in ((trial.model, model), (trial.guide, guide)):
        if part is not None and own is not None:
            part.arguments = own.arguments
    fresh = {module: _contents(module) for module in _automatic(guide) if module.prototype_trace is None}
    rows: Mapping[str, Tensor] = to_device(dataset.representative_rows(), device)
    try:
        set_up(trial.model, trial.guide, rows, device)
        verify_once(trial.model, trial.guide, rows)
    except PpgenError as error:
        return error.what
    finally:
        for module, before in fresh.items():  # the first batch that it sees decides the shapes of its parameters
            vars(module).clear()
            vars(module).update(before)  # without what the trial made: a flow's layers, or the place of a Gaussian
    return ""


def _contents(module: AutoGuide) -> dict[str, Any]:
    """All attributes, with copies of the tables in which a module keeps its parameters, buffers and parts."""
    tables = ("_modules", "_parameters", "_buffers")
    return {name: value.copy() if name in tables else value for name, value in vars(module).items()}


def _automatic(guide: ProgramPart | None) -> list[AutoGuide]:
    function = None if guide is None else guide.function
    return [m for m in function.modules() if isinstance(m, AutoGuide)] if isinstance(function, nn.Module) else []
