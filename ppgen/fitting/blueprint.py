"""How a model, guide or objective was made, as data: a class name and its arguments, to be built again."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ppgen.declare import Guide, Model
from ppgen.errors import CheckpointError
from ppgen.fitting.architecture import NoPlanError, decode, encode
from ppgen.guides import DerivedGuide
from ppgen.objectives import Objective

__all__ = ["blueprint", "build", "example", "example_batch"]

Blueprint = dict[str, Any]
_KINDS: dict[str, tuple[type, ...]] = {
    "model": (Model,),
    "guide": (Guide, DerivedGuide),
    "objective": (Objective,),
}


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

    The class is imported by name, never from the run folder itself, and must be one of ours or a subclass of it.

    Args:
        plan: from :func:`blueprint`.
        role: ``"model"``, ``"guide"`` or ``"objective"``.
        folder: the run folder, for messages and for refusing code from inside it.
        model: the model of a guide.

    Raises:
        CheckpointError: if it cannot be built; the text says what to pass instead.
    """
    fix = f"ppgen.load({str(folder)!r}, {role}=...) with the {role} as it was made for the fit"
    name, arguments = str(plan.get("class", "")), plan.get("arguments")
    if not isinstance(arguments, Mapping):
        raise CheckpointError(
            f"{folder}: the {role} {name} was made with arguments that a run folder cannot hold",
            expected="numbers, texts, lists, dictionaries, parts of the model and networks of ppgen.nets or torch.nn",
            got=f"arguments {arguments!r}",
            fix=fix,
        )
    module_name, _, qualified = name.partition(":")
    found: Any = _import(module_name, folder, fix)
    for part in qualified.split("."):
        found = getattr(found, part, None)
    kinds = _KINDS[role]
    if not (isinstance(found, type) and issubclass(found, kinds)):
        expected = " or ".join(kind.__name__ for kind in kinds)
        raise CheckpointError(
            f"{folder}: {name} is no {role}", expected=f"a subclass of {expected}", got=repr(found), fix=fix
        )
    try:
        made = decode(arguments, model)
        return found(model, **made) if issubclass(found, DerivedGuide) else found(**made)
    except (TypeError, NoPlanError) as error:
        raise CheckpointError(
            f"{folder}: {name} cannot be made with the arguments of the run",
            expected=f"arguments that {qualified} takes now",
            got=f"{dict(arguments)}: {error}",
            fix=fix,
        ) from error


def _import(name: str, folder: Path, fix: str) -> Any:
    """A module by name, imported one package at a time: each is located, and refused if inside, before it runs."""
    if name in sys.modules:
        return sys.modules[name]
    parts = name.split(".")
    for package in (".".join(parts[: i + 1]) for i in range(len(parts))):
        if package in sys.modules:
            continue
        try:
            spec = importlib.util.find_spec(package)
        except (ImportError, ValueError):
            spec = None
        places = [] if spec is None else [spec.origin, *(spec.submodule_search_locations or [])]
        inside = any(Path(place).resolve().is_relative_to(folder.resolve()) for place in places if place)
        if spec is None or inside:
            raise CheckpointError(
                f"{folder}: the module {name!r} of the run cannot be imported here",
                expected="an importable module outside the run folder",
                got="no such module" if spec is None else f"a module inside, {spec.origin}",
                fix=f"run from the folder that has {name}.py, or {fix}",
            )
        importlib.import_module(package)
    return sys.modules[name]


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
        dtype = getattr(torch, str(facts["dtype"]))
        fill = 0 if facts["max"] is None else facts["max"]
        batch[name] = torch.full((2, *facts["shape"]), fill, dtype=dtype)
    return batch
