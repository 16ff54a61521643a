"""What a run folder says of a fit, and whether two fits are the same run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from ppgen.data import Dataset
from ppgen.errors import CheckpointError
from ppgen.runs import weights
from ppgen.runs.blueprint import blueprint, example
from ppgen.runs.run_folder import RunFolder, versions
from ppgen.objectives import Objective

__all__ = ["FACTS", "all_modules", "describe_run", "finish", "verify_same_run"]

FACTS = ("dtypes", "discrete_likelihood", "point_guide")


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


def finish(
    folder: RunFolder, record: Mapping[str, Any], modules: Mapping[str, nn.Module], *, seconds: float, stopped: str
) -> None:
    """Write the weights of a fit, and that it came to its end."""
    digest = weights.write(modules, folder.weights)
    folder.write({**record, "finished": True, "seconds": seconds, "stopped": stopped, "weights": digest})
