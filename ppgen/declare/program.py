"""A hand-written Pyro model and guide, taken as they are."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pyro
import torch
from pyro.poutine.messenger import Messenger
from pyro.poutine.util import site_is_subsample
from torch import Tensor, nn
from torch.distributions import constraints, transform_to

from ppgen.declare.declared import Batch, batch_rows
from ppgen.declare.site import Site
from ppgen.errors import DeclarationError

__all__ = ["Program", "ProgramPart"]


class Program:
    """A pair of ordinary Pyro functions: ``ppgen.fit(ppgen.Program(model, guide), data={"x": x})``.

    Their arguments are filled by name from the batch: ``def model(x, y)`` gets ``batch["x"]`` and ``batch["y"]``; a
    function with a single argument of another name gets the batch's only tensor; ``size`` is the number of data points
    in the whole data set. Each call sees one minibatch, so the data plate is
    ``pyro.plate("data", size, subsample_size=len(x))`` (or ``pyro.plate("data", len(x))`` if all latents are local).

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
        self.guide = None if guide is None else ProgramPart(guide, store)

    def setup(self, batch: Batch, size: int | None = None) -> Program:
        """Run guide and model once, so that every ``pyro.param`` and lazy network exists; returns the program."""
        if self.guide is not None:
            self.guide.setup(batch, size)
        self.model.setup(batch, size)
        return self


class Store(nn.Module):
    """Parameters that the pair creates by ``pyro.param``: unconstrained, with their constraints beside them."""

    def __init__(self) -> None:
        super().__init__()
        self.constraints: dict[str, Any] = {}

    def key(self, name: str) -> str:
        """A parameter's name as torch allows it: without dots."""
        return name.replace(".", "__")


class _Parameters(Messenger):
    """Answers ``pyro.param`` from the pair's own store, and hands modules their own parameters."""

    def __init__(self, part: ProgramPart) -> None:
        super().__init__()
        self.part = part

    def _process_message(self, message: Any) -> None:
        if message["type"] == "param":
            message["value"] = self.part.param(message["name"], *message["args"][1:], **message["kwargs"])
            message["done"] = message["stop"] = True


class ProgramPart(nn.Module):
    """One side of a :class:`Program`, called as declared models are: ``part(batch, size)``."""

    def __init__(self, function: Callable[..., Any], store: Store) -> None:
        super().__init__()
        if not callable(function):
            raise DeclarationError(
                "Program: model and guide must be callable",
                expected="def model(x): ... with pyro.sample statements",
                got=type(function).__name__,
                fix="ppgen.Program(model, guide)",
            )
        self.label = getattr(function, "__name__", type(function).__name__)
        self.params = store
        self.networks = nn.ModuleList(_modules_behind(function))
        self.loose = nn.ParameterDict()
        self.function = function
        self.sites: dict[str, Site] = {}
        signature = inspect.signature(function.forward if isinstance(function, nn.Module) else function)
        self._arguments = dict(signature.parameters)
        self._own: dict[str, nn.Parameter] | None = None
        self._messenger = _Parameters(self)

    def forward(self, batch: Batch | None = None, size: int | None = None) -> Any:
        """Run the function on a batch."""
        batch = {} if batch is None else batch
        with self._messenger:
            return self.function(**self._fill(batch, size))

    def param(
        self, name: str, init: Any = None, constraint: Any = constraints.real, event_dim: int | None = None
    ) -> Tensor:
        """The value of ``pyro.param(name, init, constraint)``."""
        if isinstance(init, nn.Parameter):
            if self._own is None or name not in self._own:
                self._adopt(name, init)
            return init
        key = self.params.key(name)
        if key not in self.params._parameters:
            if init is None:
                raise DeclarationError(
                    f"{self.label}: pyro.param({name!r}) has no initial value",
                    expected=f'pyro.param("{name}", tensor) at its first use',
                    fix="give an initial tensor, in the guide if that runs first",
                )
            start = init() if callable(init) else init
            with torch.no_grad():
                free = transform_to(constraint).inv(torch.as_tensor(start)).detach().clone()
            self.params.register_parameter(key, nn.Parameter(free))
            self.params.constraints[key] = constraint
        parameter = self.params._parameters[key]
        if parameter is None:
            raise DeclarationError(f"{self.label}: parameter {name!r} was removed from the program's store")
        value = transform_to(self.params.constraints[key])(parameter)
        value.unconstrained = lambda: parameter  # type: ignore[attr-defined]  # Pyro's plates ask for it
        return value

    def setup(self, batch: Batch, size: int | None = None) -> None:
        """Run once in evaluation mode to create parameters and to learn the sites."""
        training = self.training
        self.eval()
        try:
            with torch.no_grad(), torch.random.fork_rng(), pyro.poutine.block():
                trace = pyro.poutine.trace(self).get_trace(batch, size)
        finally:
            self.train(training)
        self.sites = {site.name: site for site in _sites_of(trace, batch_rows(batch, size))}

    def _adopt(self, name: str, parameter: nn.Parameter) -> None:
        """Remember a parameter met through ``pyro.module``, and register it if no known network holds it."""
        if self._own is None:
            self._own = {}
        if not any(parameter is known for known in self.parameters()):
            self.loose[self.params.key(name)] = parameter
        self._own[name] = parameter

    def _fill(self, batch: Batch, size: int | None) -> dict[str, Any]:
        filled: dict[str, Any] = {}
        for name, parameter in self._arguments.items():
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                continue
            if name in batch:
                filled[name] = batch[name]
            elif name == "size":
                filled[name] = batch_rows(batch, None) if size is None else size
            elif name == "batch":
                filled[name] = batch
            elif parameter.default is not parameter.empty:
                continue
            elif len(batch) == 1 and len(self._arguments) == 1:
                filled[name] = next(iter(batch.values()))
            else:
                raise DeclarationError(
                    f"{self.label}: argument {name!r} is not in the data",
                    expected=f"one of {sorted(batch)} (or size, batch)",
                    got=f"def {self.label}({', '.join(self._arguments)})",
                    fix=f'rename the argument, or pass data={{"{name}": tensor}}',
                )
        return filled

    def __str__(self) -> str:
        factors = [f"p({site.name})" for site in self.sites.values()]
        return f"{self.label}: {' '.join(factors)}" if factors else f"{self.label}: a hand-written Pyro program"


def _modules_behind(function: Callable[..., Any]) -> Iterator[nn.Module]:
    """Networks that a function uses: itself, the object it is bound to, its closure, and globals that it names."""
    seen: set[int] = set()
    owner = getattr(function, "__self__", None)
    raw = inspect.unwrap(getattr(function, "__func__", function))
    candidates: list[Any] = [function, owner]
    if inspect.isfunction(raw):
        cells = raw.__closure__ or ()
        candidates += [cell.cell_contents for cell in cells if _filled(cell)]
        candidates += [raw.__globals__[name] for name in raw.__code__.co_names if name in raw.__globals__]
    if owner is not None and not isinstance(owner, nn.Module):
        candidates += list(vars(owner).values()) if hasattr(owner, "__dict__") else []
    for candidate in candidates:
        for module in candidate if isinstance(candidate, (list, tuple)) else [candidate]:
            if isinstance(module, nn.Module) and id(module) not in seen:
                seen.add(id(module))
                yield module


def _filled(cell: Any) -> bool:
    try:
        _ = cell.cell_contents
    except ValueError:
        return False
    return True


def _sites_of(trace: Any, rows: int) -> Iterator[Site]:
    for name, node in trace.nodes.items():
        if node["type"] != "sample" or site_is_subsample(node) or node["infer"].get("_deterministic"):
            continue
        frames: Mapping[str, int] = {frame.name: frame.size for frame in node["cond_indep_stack"]}
        local = any(length == rows for length in frames.values())
        yield Site(name, "observed" if node["is_observed"] else "latent", (), local=local)
