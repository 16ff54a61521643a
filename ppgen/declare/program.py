"""A hand-written Pyro model and guide, taken as they are."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from types import CodeType, FunctionType
from typing import Any

import pyro
from pyro.poutine.messenger import unwrap
from torch import nn

from ppgen.declare.announced import Announced
from ppgen.declare.batch import Batch, batch_rows
from ppgen.declare.look import look, random_sites
from ppgen.declare.parameters import Parameters, Store
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
    pair, so that two fits in one process cannot meet.

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
        """Run guide and model once, so that every ``pyro.param`` and lazy network exists; returns the program."""
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

    def __init__(
        self, function: Callable[..., Any], store: Store, passed_on: dict[str, inspect.Parameter] | None = None
    ) -> None:
        super().__init__()
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
        """Run the function on a batch."""
        batch = {} if batch is None else batch
        # A PyroModule writes into the param store whoever answers pyro.param: it gets one for this call only.
        with pyro.get_param_store().scope(), self._messenger:
            return self.function(**self._fill(batch, size))

    def setup(self, batch: Batch, size: int | None = None) -> None:
        """Run once in evaluation mode to create parameters and to learn the sites."""
        trace = look(self, batch, size)
        self.sites = {site.name: site for site in _sites_of(trace, batch_rows(batch, size))}

    def _fill(self, batch: Batch, size: int | None) -> dict[str, Any]:
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
            elif len(batch) == 1 and self._data_arguments() == [name]:
                filled[name] = next(iter(batch.values()))
            else:
                raise DeclarationError(
                    f"{self.label}: argument {name!r} is not in the data",
                    expected=f"one of {sorted(batch)} (or size, batch)",
                    got=f"def {self.label}({', '.join(self.arguments)})",
                    fix=f'rename the argument, or pass data={{"{name}": tensor}}',
                )
        return filled

    def _data_arguments(self) -> list[str]:
        """Arguments that only the data can fill."""
        needed = [name for name, parameter in self.arguments.items() if parameter.default is parameter.empty]
        return [name for name in needed if name not in ("size", "batch")]

    def __str__(self) -> str:
        factors = [f"p({site.name})" for site in self.sites.values()]
        return f"{self.label}: {' '.join(factors)}" if factors else f"{self.label}: a hand-written Pyro program"


def _sites_of(trace: Any, rows: int) -> Iterator[Site]:
    for name, node in random_sites(trace).items():
        local = any(frame.size == rows for frame in node["cond_indep_stack"])
        yield Site(name, "observed" if node["is_observed"] else "latent", (), local=local)


def signature_of(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Arguments of a function, or of a module's ``forward``, seen through Pyro's handlers."""
    inner = unwrap(function)
    return dict(inspect.signature(inner.forward if isinstance(inner, nn.Module) else inner).parameters)


def networks_of(function: Callable[..., Any]) -> list[nn.Module]:
    """Modules that a program reaches: itself, the object that it is bound to, its closure, defaults and globals.

    Functions of the same file that it names are followed too, and so are lists and dictionaries of modules. What
    hides deeper is no harm: a parameter that takes part without being found is an error of :func:`ppgen.check`.
    """
    found: dict[int, nn.Module] = {}
    seen: dict[int, Any] = {}  # holds what it has seen, so that no id is given twice
    waiting: list[Any] = [function]
    while waiting:
        candidate = waiting.pop(0)
        if id(candidate) in seen:
            continue
        seen[id(candidate)] = candidate
        if isinstance(candidate, nn.Module):
            found[id(candidate)] = candidate
        else:
            waiting += _within(candidate, is_program=candidate is function)
    parts = {id(part) for module in found.values() for part in list(module.modules())[1:]}
    return [module for key, module in found.items() if key not in parts]


def _within(candidate: Any, is_program: bool) -> list[Any]:
    """What a candidate holds that is a network or leads to one."""
    if isinstance(candidate, (list, tuple, Mapping)):
        values = candidate.values() if isinstance(candidate, Mapping) else candidate
        return [value for value in values if isinstance(value, nn.Module)]
    if isinstance(candidate, functools.partial):  # also Pyro's handlers around a program
        return [candidate.func, *candidate.args, *candidate.keywords.values()]
    if inspect.ismethod(candidate):
        owner = candidate.__self__
        return [owner, candidate.__func__, *([] if isinstance(owner, nn.Module) else vars(owner).values())]
    if isinstance(candidate, FunctionType):
        return list(_named_in(candidate))
    return [candidate.__call__] if is_program else []


def _named_in(function: FunctionType) -> Iterator[Any]:
    """Values of a function's closure, defaults and globals; of functions, only those from the same file."""
    values: list[Any] = [getattr(function, "__wrapped__", None), *(function.__defaults__ or ())]
    values += (function.__kwdefaults__ or {}).values()
    for cell in function.__closure__ or ():
        try:
            values.append(cell.cell_contents)
        except ValueError:  # a name that is not assigned yet
            continue
    values += [function.__globals__[name] for name in _names(function.__code__) if name in function.__globals__]
    for value in values:
        if not isinstance(value, FunctionType) or value.__globals__ is function.__globals__:
            yield value


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):  # lambdas, inner functions and comprehensions
            yield from _names(constant)
