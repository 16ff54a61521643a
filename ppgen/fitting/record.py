"""What a run folder says of a fit, and whether two fits are the same run."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from ppgen.data import Dataset
from ppgen.errors import CheckpointError
from ppgen.fitting import weights
from ppgen.fitting.blueprint import blueprint, example
from ppgen.fitting.run_folder import RunFolder, versions
from ppgen.objectives import Objective

if TYPE_CHECKING:
    from ppgen.fitting.result import Fit

__all__ = ["all_modules", "describe_run", "finish", "save", "verify_same_run"]

_FACTS = ("dtypes", "discrete_likelihood", "point_guide")


def all_modules(
    model: nn.Module, guide: nn.Module | None, objective: Objective, device: torch.device
) -> dict[str, nn.Module]:
    """Everything with weights, by name, on one device."""
    objective.players(model, guide)  # which may make networks of its own
    modules: dict[str, nn.Module] = {"model": model} | ({} if guide is None else {"guide": guide})
    modules |= objective.networks
    for module in modules.values():
        module.to(device)
    return modules


def describe_run(
    model: nn.Module,
    guide: nn.Module | None,
    objective: Objective,
    dataset: Dataset,
    settings: dict[str, Any],
    facts: dict[str, Any],
) -> dict[str, Any]:
    """The content of ``run.json``: classes and arguments, data, settings and versions; data only."""
    return {
        "model": blueprint(model),
        "guide": blueprint(guide, model),
        "objective": blueprint(objective),
        "data": {
            "name": dataset.name,
            "spec": dict(dataset.spec),
            "fingerprint": _fingerprint(dataset),
        },
        "example": example(dataset.representative_rows()),
        "settings": settings,
        "facts": facts,
        "versions": versions(),
    }


def verify_same_run(folder: RunFolder, record: dict[str, Any]) -> None:
    """Refuse to take up a run with another model, data or setting than it was begun with."""
    begun = folder.read()
    for key in ("model", "guide", "objective", "data"):
        if _plain(begun.get(key)) != _plain(record[key]):
            raise CheckpointError(
                f"{folder.path}: this is a run of another {key}",
                expected=str(begun.get(key)),
                got=str(record[key]),
                fix=f"resume with the {key} that it was begun with, or choose another out=...",
            )
    for key, value in record["settings"].items():
        # A schedule ends with the last epoch: another number of epochs would be another course from the start.
        may_differ = key == "patience" or (
            key == "max_epochs" and record["settings"].get("schedule", "constant") == "constant"
        )
        if not may_differ and begun["settings"].get(key) != value:
            raise CheckpointError(
                f"{folder.path}: the run was begun with another {key}",
                expected=f"{key}={begun['settings'].get(key)!r}",
                got=f"{key}={value!r}",
                fix=f"resume with {key}={begun['settings'].get(key)!r}, or choose another out=...",
            )


def _fingerprint(dataset: Dataset) -> str:
    """16 hexadecimal digits of the stored tensors of all splits: another order of the rows is another run."""
    digest = hashlib.sha256(dataset.protocol.encode())
    for split, stored in dataset.splits.items():
        for key, tensor in sorted(stored.items()):
            digest.update(f"\n{split} {key} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
            digest.update(tensor.detach().cpu().contiguous().numpy())
    return digest.hexdigest()[:16]


def _plain(value: Any) -> Any:
    """A value as JSON gives it back."""
    return json.loads(json.dumps(value))


def save(result: Fit, path: Path) -> None:
    """Write a fit from memory as a run folder."""
    folder = RunFolder(path)
    if folder.exists:
        raise folder.taken()
    settings = {key: value for key, value in result.settings.items() if key not in _FACTS}
    facts = {key: result.settings[key] for key in _FACTS}
    record = describe_run(result.model, result.guide, result.objective, result.data, settings, facts)
    folder.begin(record)
    folder.rewrite_history(result.history)
    finish(folder, record, result)
    result.folder = path


def finish(folder: RunFolder, record: dict[str, Any], result: Fit) -> None:
    """Write the weights of a fit, and that it came to its end."""
    modules = all_modules(result.model, result.guide, result.objective, result.device)
    digest = weights.write(modules, folder.weights)
    ended = {"finished": True, "seconds": result.seconds, "stopped": result.stopped, "weights": digest}
    folder.write({**record, **ended})
