"""The parameters of hand-written programs: ``pyro.param`` answered from the pair's own store, never a global one."""

from __future__ import annotations

from typing import Any

import pyro
import torch
from pyro.poutine.messenger import Messenger
from torch import Tensor, nn
from torch.distributions import constraints, transform_to

from ppgen.errors import DeclarationError

__all__ = ["Parameters", "Store"]


class Store(nn.Module):
    """Parameters that a pair creates by ``pyro.param``: unconstrained, with their constraints beside them.

    A name in the store is Pyro's, made fit for a torch module: no dots, and none that the module has already.
    """

    def __init__(self) -> None:
        super().__init__()
        self.keys: dict[str, str] = {}
        self.constraints: dict[str, Any] = {}

    def __contains__(self, name: str) -> bool:
        return name in self.keys

    def create(self, name: str, start: Tensor, constraint: Any) -> None:
        """Add a parameter whose constrained value is ``start`` now."""
        with torch.no_grad():
            free = transform_to(constraint).inv(torch.as_tensor(start)).detach().clone()
        self.register_parameter(self._new_key(name), nn.Parameter(free))
        self.constraints[name] = constraint

    def adopt(self, name: str, parameter: nn.Parameter) -> None:
        """Add a parameter that a module owns, under the name that the program gave it."""
        self.register_parameter(self._new_key(name), parameter)
        self.constraints[name] = constraints.real

    def value(self, name: str) -> Tensor:
        """The constrained value, a tensor of its own even if there is no constraint."""
        parameter = getattr(self, self.keys[name])
        value = transform_to(self.constraints[name])(parameter)
        if value is parameter:
            value = parameter.view_as(parameter)
        value.unconstrained = lambda: parameter  # Pyro's plates ask for it
        return value

    def _new_key(self, name: str) -> str:
        key = name.replace(".", "__")
        while hasattr(self, key):
            key += "_"
        self.keys[name] = key
        return key


class Parameters(Messenger):
    """Answers ``pyro.param`` from a store, and lets modules keep the parameters that they have.

    Args:
        part: the program's module; what it holds already is not stored again.
        store: the pair's store.
    """

    def __init__(self, part: nn.Module, store: Store) -> None:
        super().__init__()
        self.part, self.store = part, store
        self._known: set[int] = set()

    def _process_message(self, message: Any) -> None:
        if message["type"] != "param":
            return
        message["stop"] = True  # no handler outside may put it into the global store
        name, init = message["name"], message["args"][1] if len(message["args"]) > 1 else None
        if isinstance(init, nn.Parameter):  # from pyro.module or a PyroModule
            message["value"], message["done"] = self._owned(name, init), True
        elif not _is_kept_by_module(message, init):
            message["value"], message["done"] = self._param(name, init, message["kwargs"].get("constraint")), True

    def _param(self, name: str, init: Any, constraint: Any) -> Tensor:
        if name not in self.store:
            if init is None:
                raise DeclarationError(
                    f"pyro.param({name!r}) has no initial value",
                    expected=f'pyro.param("{name}", tensor) at its first use',
                    got=f'pyro.param("{name}")',
                    fix="give an initial tensor, in the guide if that runs first",
                )
            start = init() if callable(init) else init
            self.store.create(name, start, constraints.real if constraint is None else constraint)
        return self.store.value(name)

    def _owned(self, name: str, parameter: nn.Parameter) -> Tensor:
        """The parameter itself; or the first one of that name, if the program makes a new one on every call."""
        if id(parameter) not in self._known:
            self._known.update(map(id, self.part.parameters()))
        if id(parameter) not in self._known and name not in self.store:
            self.store.adopt(name, parameter)
            self._known.add(id(parameter))
        return parameter if id(parameter) in self._known else self.store.value(name)


def _is_kept_by_module(message: Any, init: Any) -> bool:
    """Whether a PyroModule asks for a value that it holds itself, constrained by ``PyroParam``."""
    store = pyro.get_param_store()
    return message["fn"] != store.get_param or (init is None and message["name"] in store)
