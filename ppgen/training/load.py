"""Read a fit back from its run folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ppgen.checked import checked
from ppgen.context import resolve_device
from ppgen.data import Dataset, as_dataset
from ppgen.data import load as load_data
from ppgen.declare import Program, as_guide, without_latents
from ppgen.errors import CheckpointError, PpgenError
from ppgen.fitted import Fit
from ppgen.guides import DerivedGuide
from ppgen.objectives import Objective, State
from ppgen.runs import RunFolder, build, example_batch, weights

__all__ = ["load"]


@checked
def load(
    folder: str | os.PathLike[str],
    model: Any = None,
    guide: Any = None,
    data: Any = None,
    objective: Any = None,
    *,
    device: str | torch.device = "auto",
) -> Fit:
    """Read a fit back from its run folder. Nothing there is executed.

    Args:
        folder: of the run.
        model: the model (or :class:`ppgen.Program`) as it was made; needed only if its class is neither ppgen's own
            nor imported already, or was made with arguments that are no plain data.
        guide: likewise.
        data: the data; needed only if the run was fitted to the user's own tensors.
        objective: likewise, only for an objective with arguments that are no plain data.
        device: where its weights go: ``"auto"``, ``"cpu"``, ``"cuda"`` ..., wherever it was fitted.

    Returns:
        The fit.

    Raises:
        CheckpointError: if the folder is no run, unfinished, damaged, or needs one of the arguments.
        SettingError: if there is no such device.
    """
    chosen_device = resolve_device(device)
    run = RunFolder(folder)
    record = run.read()
    if not record.get("finished"):
        raise CheckpointError(
            f"{run.path}: the run is not finished",
            expected="a run that came to its end",
            got="one that was stopped or is still going on",
            fix="take it up: ppgen.fit(..., resume=True), or ppgen fit ... --resume",
            code="C024",
        )
    try:
        objective, state = _rebuild(record, run.path, model, guide, objective)
        settings = {**record["settings"], **record["facts"]}
        dataset = _load_data(record, data, run.path)
        seconds = float(record.get("seconds", 0.0))
    except PpgenError:
        raise
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise CheckpointError(
            f"{run.path / 'run.json'}: damaged",
            expected="what ppgen.fit wrote",
            got=f"{type(error).__name__}: {error}",
            fix="restore it from a copy, or fit again",
            code="C025",
        ) from error
    modules = state.modules
    weights.apply(modules, weights.read(run.weights, record.get("weights")), str(run.weights))
    nn.ModuleList(modules.values()).to(chosen_device).eval()
    return Fit(
        state,
        objective,
        dataset,
        history=run.read_history(),
        settings=settings,
        seconds=seconds,
        stopped=str(record.get("stopped", "")),
        folder=run.path,
    )


def _rebuild(record: dict[str, Any], folder: Path, model: Any, guide: Any, objective: Any) -> tuple[Objective, State]:
    """Objective, model and guide as they were made for the fit, with all their parameters, yet without its weights."""
    example = example_batch(record["example"])
    if isinstance(model, Program):
        model.setup(example)
        model, guide = model.model, model.guide
    with torch.random.fork_rng(devices=[]):
        model = build(record["model"], "model", folder) if model is None else model
        if guide is None and record["guide"] is not None:
            guide = build(record["guide"], "guide", folder, model)
        objective = build(record["objective"], "objective", folder) if objective is None else objective
        if isinstance(guide, DerivedGuide):
            guide.setup(without_latents(model, example))
        elif (automatic := as_guide(guide, model)) is not guide:
            guide = automatic
            guide.setup(example)
        return objective, objective.setup(model, guide, example)  # which draws the initial weights of a critic


def _load_data(record: dict[str, Any], data: Any, folder: Path) -> Dataset:
    if data is not None:
        return as_dataset(data)
    spec = record["data"].get("spec")
    if not spec:
        raise CheckpointError(
            f"{folder}: the run was fitted to the user's own data, which it does not contain",
            expected=f"the data: {record['data'].get('name')}",
            got="data=None",
            fix=f'ppgen.load("{folder}", data={{"x": x}})',
            code="C026",
        )
    return load_data(**spec)
