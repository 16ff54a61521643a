"""How a model, guide, objective or network was made, as data: a class name and its arguments, to be built again."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ppgen.arguments import Recorded, plain
from ppgen.distributions import Order, orders
from ppgen.errors import CheckpointError, SettingError
from ppgen.objectives import Objective
from ppgen.runs.allowed_classes import DTYPES, KINDS, known_class, known_network, public_name

__all__ = ["NoPlanError", "blueprint", "build", "decode", "encode", "example", "example_batch"]

_PART, _NETWORK, _CLASS, _ORDER = "$model", "$network", "$class", "$order"
_LARGEST_ROW = 1 << 26


class NoPlanError(ValueError):
    """A value that a run folder cannot say how to make again."""


def encode(value: Any, model: Any = None) -> Any:
    """A constructor argument as plain data.

    Numbers, texts, lists and dictionaries stay. A part of the model (a network that model and guide share) becomes
    its name there, and an order of positions their index. A network of ``ppgen.nets`` becomes its class and arguments,
    a layer of ``torch.nn`` the arguments that its attributes tell (which layers: :mod:`ppgen.runs.allowed_classes`);
    both only if a network made from these has the same structure.

    Args:
        value: the argument.
        model: whose parts are known by name.

    Raises:
        NoPlanError: for anything else, a function or a module of the user's own.
    """
    value = plain(value)
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
        return {_CLASS: public_name(value)}
    if isinstance(value, Order):
        index = None if value.index is None else value.index.tolist()
        return {_ORDER: [list(value.positions), list(value.scanned), index]}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise NoPlanError(f"{type(value).__name__} is no plain data")


def decode(plan: Any, model: Any = None) -> Any:
    """A constructor argument from plain data, with initial weights of its own unless it is a part of the model.

    Args:
        plan: from :func:`encode`.
        model: whose parts are known by name.

    Raises:
        NoPlanError: for a class that is no network of ppgen.nets and no known layer of torch.nn, or a part that the
            model does not have.
    """
    if isinstance(plan, list):
        items = [decode(item, model) for item in plan]
        is_shape = all(isinstance(item, int) for item in plan)  # which torch wants as a tuple
        return tuple(items) if is_shape else items
    if not isinstance(plan, Mapping):
        return plan
    if _PART in plan:
        parts = _parts(model)
        if plan[_PART] not in parts:
            raise NoPlanError(f"the model has no part {plan[_PART]!r}")
        return parts[plan[_PART]]
    if _ORDER in plan:
        return _read_order(plan[_ORDER])
    if _CLASS in plan:
        return _find(plan[_CLASS])
    if _NETWORK in plan:
        arguments = {name: decode(value, model) for name, value in plan["arguments"].items()}
        return _find(plan[_NETWORK])(*[decode(child, model) for child in plan.get("children", [])], **arguments)
    return {name: decode(value, model) for name, value in plan.items()}


def _read_order(saved: Any) -> Order:
    """An order from its positions, how they are seen, and the index of one that is not the raster itself."""
    try:
        positions, scanned, index = saved
        order = orders.raster(positions) if index is None else orders.permutation(index, positions)
        seen = orders.raster(scanned)
    except (TypeError, ValueError, RuntimeError, SettingError) as error:
        raise NoPlanError(f"no order: {error}") from error
    if len(seen) != len(order):
        raise NoPlanError(f"an order of {positions} is not seen as {scanned}")
    return Order(positions, scanned, order.index)


def _parts(model: Any) -> dict[str, nn.Module]:
    return dict(model.named_modules()) if isinstance(model, nn.Module) else {}


def _encode_network(network: nn.Module, model: Any) -> dict[str, Any]:
    for name, part in _parts(model).items():
        if part is network:
            return {_PART: name}
    kind = type(network)
    if not _is_known(kind):
        raise NoPlanError(f"{kind.__name__} is a network of the user's own")
    if isinstance(network, nn.Sequential) and kind is nn.Sequential:  # an MLP is one too
        if list(network._modules) != [str(i) for i in range(len(network))]:
            raise NoPlanError("a Sequential with names of its own")
        return {_NETWORK: public_name(kind), "arguments": {}, "children": [encode(child, model) for child in network]}
    if isinstance(network, Recorded) and not hasattr(network, "constructor_arguments"):
        raise NoPlanError(f"{kind.__name__} did not keep its arguments")
    arguments = network.constructor_arguments if isinstance(network, Recorded) else _read_arguments(network)
    return {_NETWORK: public_name(kind), "arguments": {name: encode(value, model) for name, value in arguments.items()}}


def _read_arguments(layer: nn.Module) -> dict[str, Any]:
    """The arguments that a layer of torch was made with, read from its attributes of the same names."""
    takes_none = type(layer).__init__ is nn.Module.__init__  # Tanh, Sigmoid
    asked = () if takes_none else inspect.signature(type(layer)).parameters
    names = [name for name in asked if name not in ("device", "dtype")]
    for name in names:
        if not hasattr(layer, name):
            raise NoPlanError(f"{type(layer).__name__} does not say what its {name} was")
    return {name: layer.bias is not None if name == "bias" else getattr(layer, name) for name in names}


def _is_known(kind: type) -> bool:
    return known_network(public_name(kind)) is kind


def _find(name: Any) -> type[nn.Module]:
    found = known_network(name)
    if found is None:
        raise NoPlanError(f"{name} is no network of ppgen.nets, and no known layer of torch.nn")
    return found


def blueprint(made: Any, model: Any = None) -> dict[str, Any] | None:
    """Class and constructor arguments of an object; arguments are ``None`` where a run folder cannot hold them.

    Args:
        made: a model, guide or objective.
        model: of a guide, which may share networks with it; see :func:`encode`.
    """
    if made is None:
        return None
    try:
        given = made.settings() if isinstance(made, Objective) else getattr(made, "constructor_arguments", None)
        arguments = encode(given, model)
    except NoPlanError:
        arguments = None
    return {"class": public_name(type(made)), "arguments": arguments}


def build(plan: Mapping[str, Any], role: str, folder: Path, model: Any = None) -> Any:
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
    on_the_command_line = "" if role == "objective" else f"; on the command line, --{role} FILE.py:Class"
    fix = f"ppgen.load({str(folder)!r}, {role}=...) with the {role} as it was made for the fit{on_the_command_line}"
    name, arguments = str(plan.get("class", "")), plan.get("arguments")
    if not isinstance(arguments, Mapping):
        raise CheckpointError(
            f"{folder}: the {role} {name} was made with arguments that a run folder cannot hold",
            expected="numbers, texts, lists, dictionaries, parts of the model, networks of ppgen.nets, torch.nn layers",
            got=f"arguments {arguments!r}",
            fix=fix,
            code="C008",
        )
    found = known_class(plan.get("class"), KINDS[role])
    if found is None:
        raise CheckpointError(
            f"{folder}: no {role} called {name} is known here, and a run folder never decides what is imported",
            expected=f"a {role} of ppgen's own, or a subclass of {' or '.join(kind.__name__ for kind in KINDS[role])} "
            "in a module that is imported already",
            got=name or "no name",
            fix=fix,
            code="C009",
        )
    try:
        return found(**decode(arguments, model))
    except (TypeError, NoPlanError, SettingError) as error:
        raise CheckpointError(
            f"{folder}: {name} cannot be made with the arguments of the run",
            expected=f"arguments that {found.__name__} takes now",
            got=f"{dict(arguments)}: {error}",
            fix=fix,
            code="C010",
        ) from error


def example(batch: Mapping[str, Tensor]) -> dict[str, Any]:
    """Shapes, types and largest labels of a batch of tensors [N, ...]: what a guide needs to build its heads again."""
    return {
        name: {
            "shape": list(value.shape[1:]),
            "dtype": str(value.dtype).removeprefix("torch."),
            "max": None if value.is_floating_point() else int(value.max()),
        }
        for name, value in batch.items()
    }


def example_batch(saved: Mapping[str, Any]) -> dict[str, Tensor]:
    """A batch of two rows with the shapes, types and largest labels of :func:`example`, [2, ...] each.

    Raises:
        ValueError: for rows that would fill the memory; nobody has such data.
    """
    if any(math.prod(facts["shape"]) > _LARGEST_ROW for facts in saved.values()):
        raise ValueError(f"rows of more than {_LARGEST_ROW} numbers")
    return {
        name: torch.full((2, *facts["shape"]), facts["max"] or 0, dtype=DTYPES[facts["dtype"]])
        for name, facts in saved.items()
    }
