"""What a run folder says of a fit: classes and arguments, data, settings, versions. Data only, never code."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from ppgen import __version__
from ppgen.data import Dataset
from ppgen.objectives import Objective
from ppgen.runs.blueprint import blueprint, example

__all__ = ["FACTS", "describe_run", "fingerprint", "versions"]

FACTS = ("dtypes", "discrete_likelihood", "point_guide")
"""What :func:`ppgen.training.prepare.verify_fit` finds out of data and pair, for a fit that is loaded to know."""


def versions() -> dict[str, str]:
    """What the same numbers depend on: versions, and the number of threads."""
    import pyro

    return {
        "ppgen": __version__,
        "torch": torch.__version__,
        "pyro": pyro.__version__,
        "python": platform.python_version(),
        "threads": str(torch.get_num_threads()),
    }


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
        "data": {"name": dataset.name, "spec": dict(dataset.spec), "fingerprint": fingerprint(dataset)},
        "example": example(dataset.representative_rows()),
        "settings": dict(settings),
        "facts": dict(facts),
        "versions": versions(),
    }


def fingerprint(dataset: Dataset) -> str:
    """16 hexadecimal digits of the stored tensors of all splits: another order of the rows is another run.

    Args:
        dataset: that a pair is fitted to.
    """
    digest = hashlib.sha256(dataset.protocol.encode())
    for split, stored in dataset.splits.items():
        for key, tensor in sorted(stored.items()):
            digest.update(f"\n{split} {key} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
            digest.update(tensor.detach().cpu().contiguous().numpy().data)
    return digest.hexdigest()[:16]
