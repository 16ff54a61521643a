"""How a model, guide, objective or network was made, as data: a class name and its arguments, to be built again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from ppgen.errors import CheckpointError
from ppgen.runs.allowed_classes import DTYPES, KINDS, known_class
from ppgen.runs.allowed_classes import known_network
from ppgen.guides import DerivedGuide
from ppgen.arguments import Recorded
from ppgen.objectives import Objective
from torch import Tensor
from torch import nn
from typing import Any
import inspect
import torch

__all__ = ["NoPlanError", "blueprint", "build", "decode", "encode", "example", "example_batch"]


_PART, _NETWORK, _CLASS = "$model", "$network", "$class"


class NoPlanError(ValueError):
    """A value that a run folder cannot say how to make again."""


def encode(value: Any, model: Any = None) -> Any:
    """A constructor argument as plain data.

    Numbers, texts, lists and dictionaries stay. A part of the model (a network that model and guide share) becomes
    its name there. A network of ``ppgen.nets`` becomes its class and arguments, a layer of ``torch.nn`` the arguments
    that its attributes tell (which layers: :mod:`ppgen.runs.allowed_classes`); both only if a network made from these has the
    same structure.

    Args:
        value: the argument.
        model: whose parts are known by name.

    Raises:
        NoPlanError: for anything else, a function or a module of the user's own.
    """
    if isinstance(value, nn.Module):
        plan = _encode_network(value, model)
        with torch.random.fork_rng(devices=[]):
            if repr(decode(plan, model)) != repr(value):
                raise NoPlanError(f"{type(value).__name__} was changed after it was made")
        return plan
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) and not key.startswith("$") for key in value):
            raise NoPlanError("a dictionary whose keys are no names")
        return {key: encode(item, model) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(item, model) for item in value]
    if isinstance(value, type) and issubclass(value, nn.Module) and _is_known(value):
        return {_CLASS: _name(value)}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise NoPlanError(f"{type(value).__name__} is no plain data")


def decode(plan: Any, model: Any = None) -> Any:
    """What :func:`encode` described, with initial weights of its own unless it is a part of the model.

    Raises:
        NoPlanError: for a class that is no network of ppgen.nets and no known layer of torch.nn, or a part that the
            model does not have.
    """
    if isinstance(plan, list):
        return tuple(decode(item, model) for item in plan) if _is_shape(plan) else [decode(p, model) for p in plan]
    if not isinstance(plan, Mapping):
        return plan
    if _PART in plan:
        parts = dict(model.named_modules()) if isinstance(model, nn.Module) else {}
        if plan[_PART] not in parts:
            raise NoPlanError(f"the model has no part {plan[_PART]!r}")
        return parts[plan[_PART]]
    if _CLASS in plan:
        return _find(plan[_CLASS])
    if _NETWORK in plan:
        arguments = {name: decode(value, model) for name, value in plan["arguments"].items()}
        return _find(plan[_NETWORK])(*[decode(child, model) for child in plan.get("children", [])], **arguments)
    return {name: decode(value, model) for name, value in plan.items()}


def _encode_network(network: nn.Module, model: Any) -> dict[str, Any]:
    if isinstance(model, nn.Module):
        for name, part in model.named_modules():
            if part is network:
                return {_PART: name}
    kind = type(network)
    if not _is_known(kind):
        raise NoPlanError(f"{kind.__name__} is a network of the user's own")
    if isinstance(network, nn.Sequential) and kind is nn.Sequential:
        if list(network._modules) != [str(i) for i in range(len(network))]:
            raise NoPlanError("a Sequential with names of its own")
        return {_NETWORK: _name(kind), "arguments": {}, "children": [encode(child, model) for child in network]}
    arguments = getattr(network, "constructor_arguments", None) if isinstance(network, Recorded) else _read(network)
    if arguments is None:
        raise NoPlanError(f"{kind.__name__} did not keep its arguments")
    return {_NETWORK: _name(kind), "arguments": {name: encode(value, model) for name, value in arguments.items()}}


def _read(network: nn.Module) -> dict[str, Any]:
    """The arguments of a module of torch, as far as its attributes have their names."""
    found = {}
    for name, parameter in inspect.signature(type(network)).parameters.items():
        if name in ("device", "dtype"):
            continue
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY) or not hasattr(
            network, name
        ):
            raise NoPlanError(f"{type(network).__name__} does not say what its {name} was")
        value = getattr(network, name)
        found[name] = value is not None if name == "bias" else value
    return found


def _is_known(kind: type) -> bool:
    return known_network(_name(kind)) is kind


def _name(kind: type) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"


def _find(name: Any) -> type[nn.Module]:
    found = known_network(name)
    if found is None:
        raise NoPlanError(f"{name} is no network of ppgen.nets, and no known layer of torch.nn")
    return found


def _is_shape(plan: list[Any]) -> bool:
    """Whether a list is a shape, which torch wants as a tuple."""
    return all(isinstance(item, int) for item in plan)


Blueprint = dict[str, Any]


def blueprint(made: Any, model: Any = None) -> Blueprint | None:
    """Class and constructor arguments of an object; arguments are ``None`` where a run folder cannot hold them.

    Args:
        made: a model, guide or objective.
        model: of a guide, which may share networks with it; see :func:`ppgen.runs.blueprint.encode`.
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
        return found(**made)
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
