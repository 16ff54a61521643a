"""How a model, guide or objective was made, as data: a class name and its arguments, to be built again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ppgen.errors import CheckpointError
from ppgen.fitting.architecture import NoPlanError, decode, encode
from ppgen.fitting.known import DTYPES, KINDS, known_class
from ppgen.guides import DerivedGuide
from ppgen.objectives import Objective

__all__ = ["blueprint", "build", "example", "example_batch"]

Blueprint = dict[str, Any]


def blueprint(made: Any, model: Any = None) -> Blueprint | None:
    """Class and constructor arguments of an object; arguments are ``None`` where a run folder cannot hold them.

    Args:
        made: a model, guide or objective.
        model: of a guide, which may share networks with it; see :func:`ppgen.fitting.architecture.encode`.
    """
    if made is None:
        return None
    arguments = made.settings() if isinstance(made, Objective) else getattr(made, "constructor_arguments", None)
    try:
        plain = None if arguments is None else encode(arguments, model)
    except NoPlanError:
        plain = None
    return {"class": f"{type(made).__module__}:{type(made).__qualname__}", "arguments": plain}


def build(plan: Blueprint, role: str, folder: Path, model: Any = None) -> Any:
    """Make the object again.

    The class must be here already: one of ours, or a subclass in a module that is imported. A plan may come from
    anywhere, and imports nothing.

    Args:
        plan: from :func:`blueprint`.
        role: ``"model"``, ``"guide"`` or ``"objective"``.
        folder: the run folder, for messages.
        model: the model of a guide.

    Raises:
        CheckpointError: if it cannot be built; the text says what to pass instead.
    """
    fix = f"ppgen.load({str(folder)!r}, {role}=...) with the {role} as it was made for the fit"
    if role in ("model", "guide"):
        fix += f"; on the command line, --{role} FILE.py:Class"
    name, arguments = str(plan.get("class", "")), plan.get("arguments")
    if not isinstance(arguments, Mapping):
        raise CheckpointError(
            f"{folder}: the {role} {name} was made with arguments that a run folder cannot hold",
            expected="numbers, texts, lists, dictionaries, parts of the model, networks of ppgen.nets, torch.nn layers",
            got=f"arguments {arguments!r}",
            fix=fix,
        )
    found = known_class(plan.get("class"), KINDS[role])
    if found is None:
        expected = " or ".join(kind.__name__ for kind in KINDS[role])
        raise CheckpointError(
            f"{folder}: no {role} called {name} is known here, and a run folder never decides what is imported",
            expected=f"a {role} of ppgen's own, or a subclass of {expected} in a module that is imported already",
            got=name or "no name",
            fix=fix,
        )
    try:
        made = decode(arguments, model)
        return found(model, **made) if issubclass(found, DerivedGuide) else found(**made)
    except (TypeError, NoPlanError) as error:
        raise CheckpointError(
            f"{folder}: {name} cannot be made with the arguments of the run",
            expected=f"arguments that {found.__name__} takes now",
            got=f"{dict(arguments)}: {error}",
            fix=fix,
        ) from error


def example(batch: Mapping[str, Tensor]) -> dict[str, Any]:
    """Shapes, types and largest labels of a batch: what a guide needs to build its heads again."""
    return {
        name: {
            "shape": list(value.shape[1:]),
            "dtype": str(value.dtype).removeprefix("torch."),
            "max": None if value.is_floating_point() else int(value.max()),
        }
        for name, value in batch.items()
    }


def example_batch(saved: Mapping[str, Any]) -> dict[str, Tensor]:
    """A batch of two rows with those shapes, types and largest labels."""
    batch = {}
    for name, facts in saved.items():
        dtype = DTYPES[facts["dtype"]]
        fill = 0 if facts["max"] is None else facts["max"]
        batch[name] = torch.full((2, *facts["shape"]), fill, dtype=dtype)
    return batch
