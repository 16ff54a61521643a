"""Read a fit back from its run folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ppgen.checked import checked
from ppgen.context import alone, validation
from ppgen.data import Dataset
from ppgen.data import load as load_data
from ppgen.declare import Program, as_guide, without_latents
from ppgen.device import resolve_device
from ppgen.errors import CheckpointError, SettingError
from ppgen.fitted import Fit
from ppgen.guides import DerivedGuide
from ppgen.objectives import Objective, State
from ppgen.runs import DTYPES, Allowance, RunFolder, build, example, example_batch, fingerprint, understood, weights
from ppgen.training.full_batch import chosen_data, take_whole, undivided, whole_rows
from ppgen.training.model_types import in_types

__all__ = ["load"]


@checked
def load(
    folder: str | os.PathLike[str],
    model: Any = None,
    guide: Any = None,
    data: Any = None,
    objective: Any = None,
    *,
    other_data: bool = False,
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
        other_data: whether the data may be others than it was fitted to. By default, a file that was replaced, or
            another split of the same rows, is refused: the test split would not be unseen.
        device: where its weights go: ``"auto"``, ``"cpu"``, ``"cuda"`` ..., wherever it was fitted.

    Returns:
        The fit.

    Raises:
        CheckpointError: if the folder is no run, unfinished, damaged, or needs one of the arguments, or if the data
            are not those of the fit.
        SettingError: if there is no such device.
    """
    chosen_device = resolve_device(device)
    run = RunFolder(folder)
    record = run.read()
    if not record.get("finished"):
        raise CheckpointError(
            f"{run.path}: the run is not finished",
            expected="a run that came to its end",
            got="one that was stopped, is still going on, or is being extended by more epochs",
            fix="take it up: ppgen.fit(..., resume=True), or ppgen fit ... --resume",
            code="C024",
        )
    with understood(run.path / "run.json"):
        run.verify_files(record)
        settings, rows = {**record["settings"], **record["facts"]}, example_batch(record["example"])
        types = {name: DTYPES[dtype] for name, dtype in settings.get("dtypes", {}).items()}
        inner = model.model if isinstance(model, Program) else model
        objective = build(record["objective"], "objective", run.path) if objective is None else objective
        dataset = in_types(types, _load_data(record, data, run.path, inner, objective))
        if isinstance(model, Program):
            whole = dataset if data is None else in_types(types, undivided(data))
            dataset = _set_up(model, rows, dataset, whole, settings["batch_size"])
        if not other_data:
            _verify_data(record, dataset, run.path)
        state = _rebuild(record, rows, run, model, guide, objective)
        seconds = float(record.get("seconds", 0.0))
    history, modules = run.read_history(), state.modules
    saved = weights.read(run.weights, record.get("weights"))
    if isinstance(state.guide, DerivedGuide):
        state.guide.expect_scales({name.removeprefix("guide.") for name in saved if name.startswith("guide.")})
    weights.apply(modules, saved, str(run.weights))
    nn.ModuleList(modules.values()).to(chosen_device).eval()
    return Fit(
        state,
        objective,
        dataset,
        history=history,
        settings=settings,
        seconds=seconds,
        stopped=str(record.get("stopped", "")),
        folder=run.path,
    )


def _set_up(
    program: Program, example: Mapping[str, Tensor], dataset: Dataset, undivided: Dataset, batch_size: int | None
) -> Dataset:
    """Make all parameters of a program, which one that was taken whole does on all rows; the data as it saw them."""
    cpu = torch.device("cpu")
    if take_whole(program.model, program.guide, dataset, batch_size, cpu):
        program.setup(whole_rows(undivided, cpu))
        return undivided
    program.setup(example)
    return dataset


def _rebuild(
    record: dict[str, Any], example: Mapping[str, Tensor], run: RunFolder, model: Any, guide: Any, objective: Objective
) -> State:
    """Model and guide as they were made for the fit, with all their parameters, yet without its weights."""
    folder = run.path
    if isinstance(model, Program):
        model, guide = model.model, model.guide
    # The example has the shapes of the data and not their values: a covariate that is a scale is 0 there.
    with alone(), torch.random.fork_rng(devices=[]), validation(False), Allowance(run.weights):
        model = build(record["model"], "model", folder) if model is None else model
        if guide is None and record["guide"] is not None:
            guide = build(record["guide"], "guide", folder, model)
        if isinstance(guide, DerivedGuide):
            guide.setup(without_latents(model, example))
        elif (automatic := as_guide(guide, model)) is not guide:
            guide = automatic
            guide.setup(example)
        return objective.setup(model, guide, example)  # which draws the initial weights of a critic


def _load_data(record: dict[str, Any], data: Any, folder: Path, model: Any, objective: Objective) -> Dataset:
    told = record["data"]
    if data is not None:
        return chosen_data(data, model, record["settings"]["batch_size"], objective)
    if not told.get("spec"):
        named = ", ".join(f'"{name}": {name}' for name in record["example"])
        raise CheckpointError(
            f"{folder}: the run was fitted to the user's own data, which it does not contain",
            expected=f"the data: {told.get('name')}",
            got="data=None",
            fix=f'ppgen.load("{folder}", data={{{named}}})',
            code="C026",
        )
    # Files that lie here already, no more: a record may be a stranger's, and its folders are not to be made.
    try:
        return load_data(**{**told["spec"], "download": False})
    except SettingError as error:
        raise CheckpointError(
            f"{folder / 'run.json'}: damaged",
            expected="the data set as ppgen.fit wrote it",
            got=error.what,
            fix="restore it from a copy, or fit again",
            code="C034",
        ) from error


def _verify_data(record: dict[str, Any], dataset: Dataset, folder: Path) -> None:
    """Refuse data that are not those of the fit: its test split would not be unseen."""
    told, now, then = record["data"], example(dataset.representative_rows()), record["example"]
    changed = [name for name in {**then, **now} if now.get(name) != then.get(name)]
    if changed or fingerprint(dataset) != told["fingerprint"]:
        raise CheckpointError(
            f"{folder}: the data are not those that the run was fitted to",
            expected=f"{told.get('name')}, fingerprint {told['fingerprint']}"
            + "".join(f"; {name}: {then.get(name)}" for name in changed),
            got=f"{dataset.name}, fingerprint {fingerprint(dataset)}"
            + "".join(f"; {name}: {now.get(name)}" for name in changed)
            + ("" if changed else ", with other values, or another split of the same rows"),
            fix="pass the data of the fit, with its seed of the split; if others are meant: "
            "ppgen.load(..., data=..., other_data=True)",
            code="C033",
        )
