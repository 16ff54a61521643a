"""A hand-written Pyro model and guide, taken as they are."""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Callable, Mapping
from types import CellType, FunctionType, MethodType
from typing import Any

import pyro
from pyro.poutine.messenger import unwrap
from torch import nn

from ppgen.declare.batch import Batch, batch_rows
from ppgen.declare.look import look, random_sites
from ppgen.declare.parameters import Announced, Parameters, Store
from ppgen.declare.site import Site
from ppgen.errors import DeclarationError

__all__ = [
    "Program",
    "ProgramPart",
    "networks_of",
    "signature_of",
]


class Program:
    """A pair of ordinary Pyro functions: ``ppgen.fit(ppgen.Program(model, guide), data={"x": x})``.

    Their arguments are filled by name from the batch: ``def model(x, y)`` gets ``batch["x"]`` and ``batch["y"]``; a
    function with a single argument of another name gets the batch's only tensor; ``size`` is the number of data points
    in the whole data set. A guide of ``*args, **kwargs``, such as Pyro's ``AutoNormal(model)``, gets what the model
    gets. Each call sees one minibatch, so the data plate is ``pyro.plate("data", size, subsample_size=len(x))`` (or
    ``pyro.plate("data", len(x))`` if all latents are local).

    ``pyro.param`` and ``pyro.module`` work, and never touch the global param store: the pair's parameters live in the
    pair, so that two fits in one process cannot meet. Networks that the functions close over or name, or that are
    attributes of their object, are found without ``pyro.module``; what is named only inside an inner function or a
    lambda is not, and is refused by name until it is passed in or announced.

    Args:
        model: the generative program.
        guide: the guide; ``None`` for a model without latent variables.

    Raises:
        DeclarationError: if either is not callable, or has an argument that the batch cannot fill.

    Example:
        >>> import torch, pyro, pyro.distributions as dist
        >>> def model(x):
        ...     with pyro.plate("data", len(x)):
        ...         z = pyro.sample("z", dist.Normal(0.0, 1.0))
        ...         pyro.sample("x", dist.Normal(z, 1.0), obs=x)
        >>> def guide(x):
        ...     loc = pyro.param("loc", torch.tensor(0.0))
        ...     with pyro.plate("data", len(x)):
        ...         pyro.sample("z", dist.Normal(loc * x, 0.7))
        >>> program = Program(model, guide).setup({"x": torch.zeros(4)})
        >>> [name for name, _ in program.guide.named_parameters()]
        ['params.loc']
    """

    def __init__(self, model: Callable[..., Any], guide: Callable[..., Any] | None = None) -> None:
        store = Store()
        self.model = ProgramPart(model, store)
        self.guide = None if guide is None else ProgramPart(guide, store, self.model.arguments)

    def setup(self, batch: Batch, size: int | None = None) -> Program:
        """Run guide and model once, so that every ``pyro.param`` and lazy network exists; returns the program.

        Args:
            batch: tensors ``[rows, ...]`` by argument.
            size: of the whole data set; default: the batch's rows.
        """
        if self.guide is not None:
            self.guide.setup(batch, size)
        self.model.setup(batch, size)
        return self


class ProgramPart(Announced):
    """One side of a :class:`Program`, called as declared models are: ``part(batch, size)``.

    Args:
        function: the Pyro program.
        store: where its ``pyro.param`` live, shared by the pair.
        passed_on: arguments that a function of ``**kwargs`` gets too.
    """

    is_implicit = False

    def __init__(
        self, function: Callable[..., Any], store: Store, passed_on: dict[str, inspect.Parameter] | None = None
    ) -> None:
        super().__init__()
        self.function: Callable[..., Any]
        if not callable(function) or isinstance(function, type):
            raise DeclarationError(
                "Program: model and guide must be functions or modules",
                expected="def model(x): ... with pyro.sample statements",
                got=f"the class {function.__name__}" if isinstance(function, type) else type(function).__name__,
                fix=f"{function.__name__}(...)" if isinstance(function, type) else "ppgen.Program(model, guide)",
            )
        self.label = getattr(function, "__name__", type(function).__name__)
        self.params = store
        self.networks = nn.ModuleList(networks_of(function))
        object.__setattr__(self, "function", function)  # a module is among the networks already
        self.sites: dict[str, Site] = {}
        own = signature_of(function)
        kinds = {parameter.kind for parameter in own.values()}
        variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        self.arguments = {name: parameter for name, parameter in own.items() if parameter.kind not in variadic}
        if passed_on and inspect.Parameter.VAR_KEYWORD in kinds:
            self.arguments = passed_on | self.arguments
        self._messenger = Parameters(self, store)

    def forward(self, batch: Batch | None = None, size: int | None = None) -> Any:
        """Run the function on a batch.

        Args:
            batch: tensors ``[rows, ...]`` by argument.
            size: of the whole data set; default: the batch's rows.

        Returns:
            What the function returns.
        """
        batch = {} if batch is None else batch
        # A PyroModule writes into the param store whoever answers pyro.param: it gets one for this call only.
        with pyro.get_param_store().scope(), self._messenger:
            return self.function(**self._fill(batch, size))

    def setup(self, batch: Batch, size: int | None = None) -> None:
        """Run once in evaluation mode to create parameters and to learn the sites; arguments as in :meth:`forward`.

        Args:
            batch: tensors ``[rows, ...]`` by argument.
            size: of the whole data set.
        """
        rows, nodes = batch_rows(batch, size), random_sites(look(self, batch, size))
        self.sites = {}
        for name, node in nodes.items():
            local = any(frame.size == rows for frame in node["cond_indep_stack"])
            self.sites[name] = Site(name, "observed" if node["is_observed"] else "latent", (), local=local)

    def _fill(self, batch: Batch, size: int | None) -> dict[str, Any]:
        needed = [name for name, parameter in self.arguments.items() if parameter.default is parameter.empty]
        only = [name for name in needed if name not in ("size", "batch")]
        filled: dict[str, Any] = {}
        for name, parameter in self.arguments.items():
            if name in batch:
                filled[name] = batch[name]
            elif name == "size":
                filled[name] = batch_rows(batch, None) if size is None else size
            elif name == "batch":
                filled[name] = batch
            elif parameter.default is not parameter.empty:
                continue
            elif len(batch) == 1 and only == [name]:
                filled[name] = next(iter(batch.values()))
            else:
                raise DeclarationError(
                    f"{self.label}: argument {name!r} is not in the data",
                    expected=f"one of {sorted(batch)} (or size, batch)",
                    got=f"def {self.label}({', '.join(self.arguments)})",
                    fix=f'rename the argument, or pass data={{"{name}": tensor}}',
                )
        return filled

    def __str__(self) -> str:
        factors = [f"p({site.name})" for site in self.sites.values()]
        return f"{self.label}: {' '.join(factors)}" if factors else f"{self.label}: a hand-written Pyro program"


def signature_of(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Arguments of a function, or of a module's ``forward``, seen through Pyro's handlers."""
    inner = unwrap(function)
    return dict(inspect.signature(inner.forward if isinstance(inner, nn.Module) else inner).parameters)


def networks_of(function: Callable[..., Any]) -> list[nn.Module]:
    """Modules that a program holds: itself, its closure, defaults and globals, the attributes of its object.

    Functions among these are followed, of the globals those of the same file, and so are lists and dictionaries of
    modules. A network that is reached otherwise is one of the program only if ``pyro.module`` says so; without that
    :func:`ppgen.check` refuses its parameters by name.
    """
    seen: dict[int, Any] = {}  # holds what it has seen, so that no id is given twice
    program: Any = function
    waiting: list[Any] = [program if _leads_on(program) else program.__call__]
    while waiting:
        candidate = waiting.pop(0)
        if id(candidate) not in seen:
            seen[id(candidate)] = candidate
            waiting += filter(_leads_on, _held_by(candidate))
    found = [candidate for candidate in seen.values() if isinstance(candidate, nn.Module)]
    parts = {id(part) for module in found for part in list(module.modules())[1:]}
    return [module for module in found if id(module) not in parts]


def _leads_on(candidate: Any) -> bool:
    kinds = (nn.Module, functools.partial, FunctionType, MethodType, list, tuple, Mapping)
    return isinstance(candidate, kinds)


def _held_by(candidate: Any) -> list[Any]:
    """What a candidate holds that may be a network or lead to one."""
    if isinstance(candidate, (list, tuple, Mapping)):
        values = candidate.values() if isinstance(candidate, Mapping) else candidate
        return [value for value in values if isinstance(value, nn.Module)]
    if isinstance(candidate, functools.partial):  # also Pyro's handlers around a program
        return [candidate.func, *candidate.args, *candidate.keywords.values()]
    if isinstance(candidate, MethodType):
        owner = candidate.__self__
        attributes = {} if isinstance(owner, nn.Module) else getattr(owner, "__dict__", {})
        return [owner, candidate.__func__, *attributes.values()]
    if isinstance(candidate, FunctionType):
        defaults = [*(candidate.__defaults__ or ()), *(candidate.__kwdefaults__ or {}).values()]
        cells = candidate.__closure__ or ()
        closed = itertools.chain(*map(_contents, cells))
        return [getattr(candidate, "__wrapped__", None), *defaults, *closed, *_globals_named_by(candidate)]
    return []


def _contents(cell: CellType) -> list[Any]:
    try:
        return [cell.cell_contents]
    except ValueError:  # a name that is not assigned yet
        return []


def _globals_named_by(function: FunctionType) -> list[Any]:
    """The globals that a function names; of functions, only those from the same file."""
    try:
        named = inspect.getclosurevars(function).globals.values()
    except ValueError:  # a name of the closure that is not assigned yet
        return []
    here = function.__globals__
    return [value for value in named if not isinstance(value, FunctionType) or value.__globals__ is here]
