"""Parameters of programs, between torch modules and Pyro, and never in Pyro's global store.

A declared program announces its parameters to Pyro's own inference; a hand-written one has its ``pyro.param`` answered
from a store of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pyro
import torch
from pyro.params.param_store import param_with_module_name
from pyro.poutine.block_messenger import BlockMessenger
from pyro.poutine.messenger import Messenger
from pyro.poutine.runtime import _PYRO_STACK
from pyro.poutine.trace_messenger import TraceMessenger
from torch import Tensor, nn
from torch.distributions import constraints, transform_to
from torch.nn.parameter import is_lazy

from ppgen.declare.site import Site
from ppgen.errors import DeclarationError

__all__ = ["Parameters", "ProgramModule", "Store"]


class ProgramModule(nn.Module):
    """A :class:`~ppgen.declare.PyroProgram` that is a torch module, and says which parameters it trains.

    Models, guides and the parts of a :class:`~ppgen.Program` are such: what a fit takes, and nothing else. A subclass
    gives the answers of the protocol.

    ``pyro.infer.SVI`` trains what ``pyro.param`` announces inside ``poutine.trace(param_only=True)``. A torch module
    announces nothing by itself, and so would never be trained, in silence. Each call of this one therefore puts its
    parameters into such a capture, if there is one, and into the traces on the way to it, which tell Pyro's bounds
    that there is something to train. It does so after the call, so that what the first call makes is among them.

    Nothing goes to the global param store: its names are shared by the whole process, and a second instance of a class
    would get the tensors of the first. So a Pyro optimizer has no name for them, which options by parameter and its
    ``get_state`` need: for these, wrap the pair in functions that call ``pyro.module``. Handlers that hide parameters
    (``poutine.block(hide_types=["param"])``) hide these too.
    """

    is_whole: bool = False
    """Whether it runs on all rows of a data set at once and on nothing less, so that every site is the data set's."""
    why_whole: str = ""
    """What keeps it from running on a part of the rows."""
    enumerated: frozenset[str] = frozenset()
    """Names of the latents that the program itself asks to have summed out: ``infer={"enumerate": "parallel"}``."""
    scored: frozenset[str] = frozenset()
    """Factors of a guide with ``has_rsample=False``: their gradient is a score, as of something that was drawn."""
    written: Mapping[str, str] = MappingProxyType({})
    """How a reader would write an observed site that is computed from its column: ``{"x": "f(x)"}``."""
    nesting: int = 0
    """How many dimensions its plates take, which Pyro's enumeration stays left of."""

    @property
    def sites(self) -> Mapping[str, Site]:
        """Its random variables by name."""
        raise NotImplementedError("a subclass has sites")

    @property
    def covariates(self) -> tuple[str, ...]:
        """Names of the batch's entries that it reads and that are none of its sites."""
        raise NotImplementedError("a subclass knows its covariates")

    @property
    def plates(self) -> tuple[str, ...]:
        """Names of the plates inside the data plate, from the outermost to the innermost."""
        raise NotImplementedError("a subclass knows its plates")

    @property
    def is_implicit(self) -> bool:
        """Whether some site is a sampler without a likelihood."""
        return False

    @property
    def is_declared(self) -> bool:
        """Whether its sites are declared ahead of data, see :class:`~ppgen.declare.PyroProgram`."""
        return True

    def column_of(self, site: str) -> str:
        """The entry of the batch that is an observed site's value: of its name, unless a run has shown another.

        Args:
            site: the site.
        """
        return site

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        returned = super().__call__(*args, **kwargs)
        if any(_is_capture(frame) for frame in _PYRO_STACK):
            label = self._get_name()
            for name, parameter in self.named_parameters():
                if parameter.requires_grad and not is_lazy(parameter):
                    _announce(param_with_module_name(label, name), parameter)
        return returned


def _is_capture(frame: Any) -> bool:
    return isinstance(frame, TraceMessenger) and frame.param_only


def _announce(name: str, parameter: nn.Parameter) -> None:
    """Put a parameter into the traces around it, as far as no handler hides it, if one of them is a capture."""
    value: Any = parameter.view_as(parameter)  # a tensor of its own, so that the user's keeps no attribute of ours
    value.unconstrained = lambda: parameter  # what Pyro's optimizers ask for
    message: Any = {
        "type": "param",
        "name": name,
        "fn": None,
        "is_observed": False,
        "args": (name, parameter),
        "kwargs": {},
        "value": value,
        "scale": 1.0,
        "mask": None,
        "cond_indep_stack": (),
        "done": True,
        "stop": False,
        "continuation": None,
        "infer": {},
    }
    tracers = []
    for frame in reversed(_PYRO_STACK):
        if isinstance(frame, BlockMessenger) and frame.hide_fn(message):
            break
        if isinstance(frame, TraceMessenger):
            tracers.append(frame)
    if any(map(_is_capture, tracers)):
        for trace in (tracer.trace for tracer in tracers):
            free = _free_name(trace, name, parameter)
            trace.add_node(free, **{**message, "name": free})


def _free_name(trace: Any, name: str, parameter: nn.Parameter) -> str:
    """The name, or one with a mark at its end where another module of the same label has it already."""
    while name in trace.nodes:
        known = getattr(trace.nodes[name]["value"], "unconstrained", None)
        if known is not None and known() is parameter:
            break
        name += "_"
    return name


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
        """Add a parameter whose constrained value is ``start`` now.

        Args:
            name: Pyro's.
            start: ``[...]``, inside the constraint.
            constraint: what all later values obey.
        """
        with torch.no_grad():
            free = transform_to(constraint).inv(torch.as_tensor(start)).detach().clone()
        self.register_parameter(self._new_key(name), nn.Parameter(free))
        self.constraints[name] = constraint

    def adopt(self, name: str, parameter: nn.Parameter) -> None:
        """Add a parameter that a module owns.

        Args:
            name: that the program gave it.
            parameter: of any shape ``[...]``.
        """
        self.register_parameter(self._new_key(name), parameter)
        self.constraints[name] = constraints.real

    def value(self, name: str) -> Tensor:
        """The constrained value ``[...]``, a tensor of its own even if there is no constraint."""
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
        self.asked: set[str] = set()  # names in the store that the part has asked for

    @property
    def stored(self) -> list[nn.Parameter]:
        """The parameters of the store that the part has asked for."""
        return [getattr(self.store, self.store.keys[name]) for name in sorted(self.asked)]

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
                    code="M019",
                )
            start: Any = init() if callable(init) else init
            self.store.create(name, start, constraints.real if constraint is None else constraint)
        self.asked.add(name)
        return self.store.value(name)

    def _owned(self, name: str, parameter: nn.Parameter) -> Tensor:
        """The parameter itself; or the first one of that name, if the program makes a new one on every call."""
        if id(parameter) not in self._known:
            self._known.update(map(id, self.part.parameters()))
        if id(parameter) not in self._known and name not in self.store:
            self.store.adopt(name, parameter)
            self.asked.add(name)
            self._known.add(id(parameter))
        return parameter if id(parameter) in self._known else self.store.value(name)


def _is_kept_by_module(message: Any, init: Any) -> bool:
    """Whether a PyroModule asks for a value that it holds itself, constrained by ``PyroParam``."""
    store = pyro.get_param_store()
    return message["fn"] != store.get_param or (init is None and message["name"] in store)
