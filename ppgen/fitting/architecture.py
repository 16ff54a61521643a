"""Networks among the arguments of a model or guide, as data: the model's own parts, and what ppgen and torch offer."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from ppgen.fitting.known import known_network
from ppgen.nets.recorded import Recorded

__all__ = ["NoPlanError", "decode", "encode"]

_PART, _NETWORK, _CLASS = "$model", "$network", "$class"


class NoPlanError(ValueError):
    """A value that a run folder cannot say how to make again."""


def encode(value: Any, model: Any = None) -> Any:
    """A constructor argument as plain data.

    Numbers, texts, lists and dictionaries stay. A part of the model (a network that model and guide share) becomes
    its name there. A network of ``ppgen.nets`` becomes its class and arguments, a layer of ``torch.nn`` the arguments
    that its attributes tell (which layers: :mod:`ppgen.fitting.known`); both only if a network made from these has the
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
