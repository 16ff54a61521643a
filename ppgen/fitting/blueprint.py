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
from ppgen.guides import DerivedGuide
from ppgen.objectives import Objective

__all__ = ["blueprint", "build", "example", "example_batch"]

Blueprint = dict[str, Any]


def blueprint(made: Any) -> Blueprint | None:
    """Class and constructor arguments of an object; arguments are ``None`` where JSON cannot hold them."""
    if made is None:
        return None
    arguments = made.settings() if isinstance(made, Objective) else getattr(made, "constructor_arguments", None)
    plain = arguments if arguments is not None and _is_plain(arguments) else None
    return {"class": f"{type(made).__module__}:{type(made).__qualname__}", "arguments": plain}


def build(plan: Blueprint, kind: type, folder: Path, model: Any = None) -> Any:
    """Make the object again.

    The class is imported by name, never from the run folder itself, and must be one of ours or a subclass of it.

    Args:
        plan: from :func:`blueprint`.
        kind: the base class that it must have.
        folder: the run folder, for messages and for refusing code from inside it.
        model: the model of a derived guide.

    Raises:
        CheckpointError: if it cannot be built; the text says what to pass instead.
    """
    what = {Model: "model", Guide: "guide", DerivedGuide: "guide", Objective: "objective"}.get(kind, "object")
    fix = f"ppgen.load({str(folder)!r}, {what}=...) with the {what} as it was made for the fit"
    name = str(plan.get("class", ""))
    module_name, _, qualified = name.partition(":")
    if plan.get("arguments") is None:
        raise CheckpointError(
            f"{folder}: the {what} {name} was made with arguments that a run folder cannot hold (modules, functions)",
            expected="numbers, texts, lists and dictionaries only",
            fix=fix,
        )
    made = _import(module_name, qualified, folder, fix)
    if not (isinstance(made, type) and issubclass(made, kind)):
        raise CheckpointError(f"{folder}: {name} is no {what}", expected=f"a subclass of {kind.__name__}", fix=fix)
    arguments = dict(plan["arguments"])
    try:
        return made(model, **arguments) if issubclass(made, DerivedGuide) else made(**arguments)
    except TypeError as error:
        raise CheckpointError(
            f"{folder}: {name} cannot be made with the arguments of the run ({error})", got=str(arguments), fix=fix
        ) from error


def _import(module_name: str, qualified: str, folder: Path, fix: str) -> Any:
    module = sys.modules.get(module_name)
    if module is None:
        try:
            spec = importlib.util.find_spec(module_name)
        except (ImportError, ValueError):
            spec = None
        inside = spec is not None and spec.origin and Path(spec.origin).resolve().is_relative_to(folder.resolve())
        if spec is None or inside or module_name == "__main__":
            raise CheckpointError(
                f"{folder}: the module {module_name!r} of the run cannot be imported here",
                expected="an importable module outside the run folder",
                fix=f"run from the folder that has {module_name}.py, or {fix}",
            )
        module = importlib.import_module(module_name)
    found: Any = module
    for part in qualified.split("."):
        found = getattr(found, part, None)
    return found


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


def _is_plain(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and _is_plain(item) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return all(_is_plain(item) for item in value)
    return value is None or isinstance(value, (bool, int, float, str))
