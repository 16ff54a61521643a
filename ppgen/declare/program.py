"""A hand-written Pyro model and guide, taken as they are."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import pyro
import torch
from pyro.infer.autoguide import AutoGuide
from pyro.poutine.messenger import unwrap
from torch import nn
from torch.distributions import Distribution

from ppgen.declare.batch import Batch, batch_rows
from ppgen.declare.columns import computed_columns, explained_columns, observed_columns
from ppgen.declare.guide import Guide, ModelGuide
from ppgen.declare.held_networks import networks_of
from ppgen.declare.look import look, random_sites
from ppgen.declare.model import Model
from ppgen.declare.observed_bits import ObservedBits
from ppgen.declare.parameters import Parameters, ProgramModule, Store
from ppgen.declare.shown import plates_of, site_of
from ppgen.declare.site import DATA_PLATE, Site
from ppgen.declare.supports import is_delta, is_normalised
from ppgen.errors import DeclarationError

__all__ = [
    "Program",
    "ProgramPart",
    "as_guide",
    "signature_of",
    "wrapped_in",
]


class Program:
    """A pair of ordinary Pyro functions: ``ppgen.fit(ppgen.Program(model, guide), data={"x": x})``.

    Their arguments are filled by name from the batch: ``def model(x, y)`` gets ``batch["x"]`` and ``batch["y"]``; a
    function with a single argument of another name gets the batch's only tensor; ``size`` is the number of data points
    in the whole data set. A guide of ``*args, **kwargs``, such as Pyro's ``AutoNormal(model)``, gets what the model
    gets. Each call sees one minibatch, so the data plate is ``pyro.plate("data", size, subsample_size=len(x))`` (or
    ``pyro.plate("data", len(x))`` if all latents are local).

    At full batch, ``ppgen.fit(..., batch_size=None)``, every program runs as it is written: one that does not run on a
    part of the rows (``pyro.plate("data", len(x))`` with global latents, parameters for each row, ``AutoNormal`` over
    local latents) is taken whole, and its numbers are of the data set. Latents that the model asks to have enumerated,
    ``infer={"enumerate": "parallel"}``, need no site in the guide: they are summed out, and drawn afterwards by
    ``fit.posterior``.

    ``pyro.param`` and ``pyro.module`` work, and never touch the global param store: the pair's parameters live in the
    pair, so that two fits in one process cannot meet. Networks that the functions close over or name, or that are
    attributes of their object, are found without ``pyro.module``; what is named only inside an inner function or a
    lambda is not, and is refused by name until it is passed in or announced.

    ``poutine.scale`` and a ``pyro.factor`` of the guide weigh what is trained, as in Pyro's ``Trace_ELBO``; every bound
    that is reported, in history as by ``fit.elbo``, is the one without them. A ``pyro.factor`` of the model is trained
    too, and leaves a density without its normaliser, so that no log p(x) and no bound on it is reported.

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
        for part, role, other in ((model, "model", (Guide, ModelGuide)), (guide, "guide", (Model,))):
            if isinstance(part, other):
                raise DeclarationError(
                    f"Program: {type(part).__name__} stands in the {role}'s place",
                    expected="the generative program first, then its guide",
                    got=f"a {'guide' if role == 'model' else 'model'} as the {role}",
                    fix="ppgen.Program(model, guide)",
                    code="M020",
                )
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


class ProgramPart(ProgramModule):
    """One side of a :class:`Program`, called as declared models are: ``part(batch, size)``.

    Its sites and plates are known after :meth:`setup`: nothing but a run tells of them.

    Args:
        function: the Pyro program.
        store: where its ``pyro.param`` live, shared by the pair.
        passed_on: arguments that a function of ``**kwargs`` gets too.
    """

    sites: Mapping[str, Site] = MappingProxyType({})
    _columns: Mapping[str, str] = MappingProxyType({})
    explained: frozenset[str] = frozenset()  # the arguments that are values of observed sites
    plates: tuple[str, ...] = ()
    data_plates: frozenset[str] | None = None
    """Names of the plates over the rows of the batch; ``None`` before :meth:`setup`."""
    is_declared: bool = False

    def __init__(
        self, function: Callable[..., Any], store: Store, passed_on: dict[str, inspect.Parameter] | None = None
    ) -> None:
        super().__init__()
        self.function: Callable[..., Any]
        _verify_function(function)
        self.label = getattr(function, "__name__", type(function).__name__)  # a handler or an object has no name
        self.params = store
        self.networks = nn.ModuleList(networks_of(function))
        object.__setattr__(self, "function", function)  # a module is among the networks already
        own = signature_of(function)
        kinds = {parameter.kind for parameter in own.values()}
        variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        self.arguments = {name: parameter for name, parameter in own.items() if parameter.kind not in variadic}
        if passed_on and inspect.Parameter.VAR_KEYWORD in kinds:
            self.arguments = passed_on | self.arguments
        self._messenger, self._bits = Parameters(self, store), ObservedBits()

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
        with pyro.get_param_store().scope(), self._messenger, self._bits:
            return self.function(**self._fill(batch, size))

    def setup(self, batch: Batch, size: int | None = None) -> None:
        """Run once in evaluation mode to create parameters and to learn the sites; arguments as in :meth:`forward`.

        Args:
            batch: tensors ``[rows, ...]`` by argument.
            size: of the whole data set.
        """
        nodes = random_sites(look(self, batch, size))
        self._columns, self.explained = observed_columns(nodes, batch), explained_columns(nodes, batch)
        self.written = computed_columns(nodes, batch)
        whole: frozenset[str] = frozenset()
        self.data_plates = whole if self.is_whole else self._find_data_plates(nodes, batch, batch_rows(batch, size))
        frames = [frame for node in nodes.values() for frame in node["cond_indep_stack"] if frame.vectorized]
        self.nesting = max((-frame.dim for frame in frames), default=0)
        self.enumerated = frozenset(
            name for name, node in nodes.items() if not node["is_observed"] and node["infer"].get("enumerate")
        )
        factors = {name: node["fn"] for name, node in nodes.items() if not is_normalised(node["fn"])}
        self.scored = frozenset(name for name, fn in factors.items() if not fn.has_rsample)
        told = {name for name, node in nodes.items() if node["is_observed"] and is_delta(node["fn"])}
        self.sites = {
            name: site_of(name, node, self.data_plates)
            for name, node in nodes.items()
            if name not in told or name in self._columns  # else a latent's, reparameterised with its density
        }
        self.plates = tuple(dict.fromkeys(plate for site in self.sites.values() for plate in site.plates))

    def _find_data_plates(self, nodes: Mapping[str, Any], batch: Batch, rows: int) -> frozenset[str]:
        """The plates of as many rows as the batch that follow another batch too: others are so by chance.

        One of the usual name is taken for what it says.
        """
        found = plates_of(nodes, rows)
        if found <= {DATA_PLATE} or not batch:
            return found
        other = {name: value[1:] if rows > 1 else torch.cat([value, value]) for name, value in batch.items()}
        try:
            return found & plates_of(random_sites(look(self, other, None)), batch_rows(other, None))
        except Exception:  # it runs on all rows at once only, and nothing tells its plates apart
            return found

    @property
    def covariates(self) -> tuple[str, ...]:
        """The arguments that are neither values of observed sites, nor the batch or the size of the data."""
        known = {*self.explained, "size", "batch"}
        return tuple(name for name in self.arguments if name not in known)

    def column_of(self, site: str) -> str:
        """The argument whose tensor an observed site was given, as a run has shown it; else that of its name."""
        return self._columns.get(site, site)

    @property
    def own_parameters(self) -> nn.ParameterList:
        """Those that it has asked for itself; the store holds those of its pair's other part too."""
        return nn.ParameterList(dict.fromkeys([*self.networks.parameters(), *self._messenger.stored]))

    def _get_name(self) -> str:
        return self.label

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
                    code="M021",
                )
        return filled

    def __str__(self) -> str:
        factors = [f"p({site.name})" for site in self.sites.values()]
        return f"{self.label}: {' '.join(factors)}" if factors else f"{self.label}: a hand-written Pyro program"


def as_guide(guide: Any, model: Any) -> Any:
    """One of Pyro's automatic guides, such as ``AutoNormal(model)``, as a part of a program; all others as they are.

    Args:
        guide: what was given.
        model: whose arguments it gets.
    """
    return Program(model, guide).guide if isinstance(guide, AutoGuide) else guide


def _verify_function(function: Any) -> None:
    """Refuse what cannot be run as a Pyro program, or would hide its arguments."""
    got, fix = type(function).__name__, "ppgen.Program(model, guide)"
    if isinstance(function, type):
        got, fix = f"the class {function.__name__}", f"{function.__name__}(...)"
    elif isinstance(function, (Program, ProgramPart)):
        got, fix = f"a {type(function).__name__}, which is a program already", "ppgen.fit(program, data)"
    elif inside := wrapped_in(function):
        got = f"{type(function).__name__} around {type(getattr(function, inside)).__name__}, which hides its arguments"
        fix = f"pass what is inside: module.{inside}"
    elif isinstance(function, torch.jit.ScriptModule):
        got, fix = "a scripted module, which hides its pyro.sample statements", "pass the module that it was made from"
    elif callable(function) and not isinstance(function, Distribution):
        return
    raise DeclarationError(
        "Program: model and guide must be functions or modules",
        expected="def model(x): ... with pyro.sample statements",
        got=got,
        fix=fix,
        code="M022",
    )


def wrapped_in(module: Any) -> str | None:
    """Where a wrapper such as ``DataParallel`` or a compiled module keeps what it is around; ``None`` if it is none."""
    if not isinstance(module, nn.Module) or isinstance(module, ProgramModule):
        return None
    kinds = {parameter.kind for parameter in inspect.signature(module.forward).parameters.values()}
    hides = kinds <= {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
    return next((name for name in ("module", "_orig_mod") if hides and name in module._modules), None)


def signature_of(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Arguments of a function, or of a module's ``forward``, seen through Pyro's handlers."""
    inner = unwrap(function)
    return dict(inspect.signature(inner.forward if isinstance(inner, nn.Module) else inner).parameters)
