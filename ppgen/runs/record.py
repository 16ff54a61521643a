"""What a run folder says of a fit, and whether two fits are the same run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from torch import nn

from ppgen.data import Dataset
from ppgen.errors import CheckpointError
from ppgen.objectives import Objective
from ppgen.runs import weights
from ppgen.runs.blueprint import blueprint, example
from ppgen.runs.run_folder import RunFolder, versions

__all__ = ["FACTS", "describe_run", "finish", "modules_of", "verify_same_run"]

FACTS = ("dtypes", "discrete_likelihood", "point_guide")
"""What :func:`ppgen.training.prepare.verify_fit` finds out of data and pair, for a fit that is loaded to know."""


def modules_of(model: nn.Module, guide: nn.Module | None, objective: Objective) -> dict[str, nn.Module]:
    """Everything with weights, by name: ``"model"``, ``"guide"`` if there is one, and the objective's networks.

    Args:
        model: of the fit.
        guide: of the fit, or ``None``.
        objective: makes the networks that it needs for this pair, if it has none yet.
    """
    objective.players(model, guide)
    return {"model": model} | ({} if guide is None else {"guide": guide}) | objective.networks


def describe_run(
    model: nn.Module,
    guide: nn.Module | None,
    objective: Objective,
    dataset: Dataset,
    settings: Mapping[str, Any],
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    """The content of ``run.json``: classes and arguments, data, settings and versions; data only.

    Args:
        model: as it was made; likewise guide and objective.
        guide: or ``None``.
        objective: that is minimised.
        dataset: that the pair is fitted to.
        settings: the arguments of the fit.
        facts: by the names in ``FACTS``.
    """
    return {
        "model": blueprint(model),
        "guide": blueprint(guide, model),
        "objective": blueprint(objective),
        "data": {"name": dataset.name, "spec": dict(dataset.spec), "fingerprint": _fingerprint(dataset)},
        "example": example(dataset.representative_rows()),
        "settings": dict(settings),
        "facts": dict(facts),
        "versions": versions(),
    }


def verify_same_run(folder: RunFolder, record: Mapping[str, Any]) -> None:
    """Refuse to take up a run with another model, data or setting than it was begun with.

    Args:
        folder: of the run that was begun.
        record: of the fit that would take it up, from :func:`describe_run`.

    Raises:
        CheckpointError: naming what differs.
    """
    begun, now = ({**each, **each["settings"]} for each in (folder.read(), json.loads(json.dumps(record))))
    # A schedule ends with the last epoch: another number of epochs would be another course from the start.
    free = ("patience", "max_epochs") if now.get("schedule", "constant") == "constant" else ("patience",)
    for key in ("model", "guide", "objective", "data", *record["settings"]):
        if key not in free and begun.get(key) != now[key]:
            raise CheckpointError(
                f"{folder.path}: the run was begun with another {key}",
                expected=f"{key}={begun.get(key)!r}",
                got=f"{key}={now[key]!r}",
                fix=f"resume with the {key} that it was begun with, or choose another out=...",
            )


def _fingerprint(dataset: Dataset) -> str:
    """16 hexadecimal digits of the stored tensors of all splits: another order of the rows is another run."""
    digest = hashlib.sha256(dataset.protocol.encode())
    for split, stored in dataset.splits.items():
        for key, tensor in sorted(stored.items()):
            digest.update(f"\n{split} {key} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
            digest.update(tensor.detach().cpu().contiguous().numpy())
    return digest.hexdigest()[:16]


def finish(
    folder: RunFolder, record: Mapping[str, Any], modules: Mapping[str, nn.Module], *, seconds: float, stopped: str
) -> None:
    """Write the weights of a fit, and that it came to its end.

    Args:
        folder: where the run is kept.
        record: from :func:`describe_run`.
        modules: from :func:`modules_of`.
        seconds: of training.
        stopped: ``"early"`` if training ended before the last epoch, else ``""``.

    Raises:
        CheckpointError: if the disk refuses.
    """
    digest = weights.write(modules, folder.weights)
    folder.write({**record, "finished": True, "seconds": seconds, "stopped": stopped, "weights": digest})
