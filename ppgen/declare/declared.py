"""What models and guides share: sites declared by methods, run as one ordinary Pyro program."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import pyro
import torch
from pyro.infer.util import is_validation_enabled
from torch import Tensor, nn

from ppgen.arguments import Recorded
from ppgen.context import preserved_state
from ppgen.declare import unwatched
from ppgen.declare.batch import Batch
from ppgen.declare.failure import explain_failure
from ppgen.declare.observed_bits import as_numbers
from ppgen.declare.parameters import ProgramModule
from ppgen.declare.site import DATA_PLATE, Site, collect, covariate_names
from ppgen.declare.verify import verify_draw
from ppgen.errors import DeclarationError, PpgenError

__all__ = ["DATA_PLATE", "Declared", "inner_plates"]

_ANSWERS = frozenset({"covariates", "is_declared", "is_implicit", "plates", "sites"})  # of PyroProgram


class Declared(ProgramModule, Recorded):
    """A program whose random variables are methods; the base of :class:`Model` and :class:`Guide`.

    Local sites stand in ``pyro.plate("data", size, subsample_size=rows)``. Its dim is -1, or further left by one for
    each further plate that a site declares, so that inner plates are nested to its right.

    A class may name its further plates, outermost first, by ``plates = ("words",)``: where their order is not the one
    in which its sites come, or where a guide declares no site in a plate that the model has.
    """

    sites: Mapping[str, Site] = MappingProxyType({})  # of the class, as the two below
    covariates: tuple[str, ...] = ()
    plates: tuple[str, ...] = ()
    sizes: Mapping[str, int] = MappingProxyType({})  # of further plates, where the batch does not show them
    _first_plates: ClassVar[tuple[str, ...]] = ()  # as the class names them; the sites may add others

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.sites = collect(cls, _taken_names(cls))
        cls.covariates = tuple(covariate_names(cls.sites))
        if "plates" in vars(cls):
            cls._first_plates = (cls.plates,) if isinstance(cls.plates, str) else tuple(cls.plates)
        cls.plates = inner_plates(cls.sites.values(), cls._first_plates, cls.__name__)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _ANSWERS:
            raise DeclarationError(
                f"{type(self).__name__}.{name}: an attribute would hide what the sites say",
                expected="attributes with names of their own",
                got=f"self.{name} = {type(value).__name__}(...)",
                fix='in the class body: plates = ("words",)' if name == "plates" else f"self.my_{name} = ...",
                code="M012",
            )
        if name in self.sites:
            raise DeclarationError(
                f"{type(self).__name__}.{name}: an attribute would hide the site of the same name",
                expected="attributes with names of their own",
                got=f"self.{name} = {type(value).__name__}(...)",
                fix=f"self.{name}_net = ...",
                code="M013",
            )
        if "_parameters" not in vars(self) and isinstance(value, (nn.Module, Tensor)):
            raise DeclarationError(
                f"{type(self).__name__}.{name}: set before the module was initialised",
                expected="__init__ that begins with super().__init__()",
                got=f"self.{name} = {type(value).__name__}(...) before it, or without it",
                fix=f"def __init__(self, ...): super().__init__(); self.{name} = ...",
                code="M073",
            )
        super().__setattr__(name, value)

    def run_sites(self, batch: Batch, size: int, rows: int, values: dict[str, Tensor]) -> dict[str, Tensor]:
        """Run every site in order, global ones first.

        Args:
            batch: tensors ``[rows, ...]`` by site and covariate.
            size: of the whole data set.
            rows: of the batch.
            values: of sites that are known already; all others are put into it.

        Returns:
            ``values``.
        """
        device = _device(self, batch)
        drawn = [site for site in self.sites.values() if not self._is_given(site, batch)]
        # Priors written as dist.Normal(0., 1.) land on the device of the rest.
        with contextlib.nullcontext() if device.type == "cpu" else torch.device(device):
            for site in drawn:
                if not site.local:
                    values[site.name] = self._draw(site, self.call_site(site, batch, values), batch, ())
            plates: dict[str, Any] = {}
            with unwatched.data_plate(DATA_PLATE, size, rows, -1 - len(self.plates)):
                for site in drawn:
                    if site.local:
                        fn = self.call_site(site, batch, values)
                        values[site.name] = self._draw_local(site, fn, batch, rows, plates)
        return values

    def _draw_local(self, site: Site, fn: Any, batch: Batch, rows: int, plates: dict[str, Any]) -> Tensor:
        """Draw inside the data plate; ``plates`` holds the further ones that are made already."""
        if not self.plates:
            return self._draw(site, fn, batch, (rows,))
        for name in site.plates:
            if name not in plates:
                dim = self.plates.index(name) - len(self.plates)
                plates[name] = pyro.plate(name, self._plate_length(name, dim, site, fn, batch), dim=dim)
        shape = (rows, *(plates[name].size if name in site.plates else 1 for name in self.plates))
        with contextlib.ExitStack() as nest:
            for name in site.plates:
                nest.enter_context(plates[name])
            return self._draw(site, fn, batch, shape)

    def _is_given(self, site: Site, batch: Batch) -> bool:
        """Whether a value in the batch stands in for the site, which then is no part of the run."""
        return False

    def _draw(self, site: Site, fn: Any, batch: Batch, shape: tuple[int, ...]) -> Tensor:
        """One site's value, from what its method returned, inside its plates of sizes ``shape``."""
        raise NotImplementedError("a subclass says what a draw is")

    def call_site(self, site: Site, batch: Batch, values: Mapping[str, Tensor]) -> Any:
        """Call the site's method with its parents' values.

        Args:
            site: the site.
            batch: tensors ``[rows, ...]`` by site and covariate.
            values: of the sites before this one, ``[*plates, *event]`` each.
        """
        arguments = {}
        for parent in site.parents:
            if parent in values:
                arguments[parent] = values[parent]
            elif parent in batch:
                arguments[parent] = batch[parent]
            elif parent not in site.optional:
                raise _missing_parent(type(self).__name__, site, parent, (*self.sites, *values, *batch))
        method = getattr(self, site.name)
        if not is_validation_enabled():
            return method(**arguments)
        try:
            return method(**arguments)
        except (PpgenError, RuntimeError, IndexError, ValueError, TypeError) as error:
            again = preserved_state(self)(lambda given: method(**given))
            raise explain_failure(f"{type(self).__name__}.{site.name}", arguments, error, again) from error

    def draw_from(self, site: Site, fn: Any, given: Tensor | None, shape: tuple[int, ...]) -> Tensor:
        """``pyro.sample`` with the checks that Pyro does not make.

        Args:
            site: the site.
            fn: its distribution.
            given: its value ``[rows, ...]`` in the batch, if there is one.
            shape: sizes of the plates around the site.
        """
        if given is not None and self.plates:
            given = self._align(given, site, shape, len(getattr(fn, "event_shape", ())))
        if is_validation_enabled():
            verify_draw(type(self).__name__, site, fn, given, shape)
        return unwatched.sample(site.name, fn, None if given is None else as_numbers(given, fn))

    def _align(self, value: Tensor, site: Site, shape: tuple[int, ...], event_dim: int) -> Tensor:
        """Give [rows, own plates..., event...] a dim of size 1 for each plate that the site does not stand in."""
        own = tuple(length for i, length in enumerate(shape) if i == 0 or self.plates[i - 1] in site.plates)
        lacks = value.dim() == len(own) + event_dim and value.shape[: len(own)] == own
        return value.reshape(*shape, *value.shape[len(own) :]) if lacks else value

    def _plate_length(self, name: str, dim: int, site: Site, fn: Any, batch: Batch) -> int:
        """A plate's size as the data show it, or as declared, or as the first distribution in it shows it."""
        for other in self.sites.values():
            if name in other.plates and other.name in batch:
                position = 1 + other.plates.index(name)
                if batch[other.name].dim() > position:
                    return batch[other.name].shape[position]
        if name in self.sizes:
            return int(self.sizes[name])
        shape = fn.shape if isinstance(fn, Tensor) else getattr(fn, "batch_shape", ())
        if len(shape) >= -dim and shape[dim] > 1:
            return int(shape[dim])
        raise DeclarationError(
            f"{type(self).__name__}.{site.name}: the size of plate {name!r} is not known",
            expected=f"a batch with an observed site in plate {name!r}, or a declared size",
            got=f"batch keys {sorted(batch)}",
            fix=f'in __init__: self.sizes = {{"{name}": 40}}',
            code="M014",
        )


def inner_plates(sites: Iterable[Site], first: tuple[str, ...] = (), owner: str = "") -> tuple[str, ...]:
    """Names of all plates inside the data plate, outermost first, in the order in which sites declare them.

    Args:
        sites: the sites.
        first: names that come before those of the sites.
        owner: the class, for the message.

    Raises:
        DeclarationError: if two sites name their plates in contrary orders.
    """
    sites = list(sites)
    inner = tuple(dict.fromkeys((*first, *(name for site in sites for name in site.plates))))
    for site in sites:
        if list(site.plates) != sorted(site.plates, key=inner.index):
            raise DeclarationError(
                f"{owner}.{site.name}: the site names its plates in another order than the sites before it",
                expected=f"plates in the order {', '.join(inner)}",
                got=", ".join(site.plates),
                fix=f"name them from the outermost to the innermost everywhere, or fix the order: plates = {inner}",
                code="M015",
            )
    return inner


def _taken_names(cls: type) -> frozenset[str]:
    """Names that torch and ppgen use on every object of the class, so that no site can have them."""
    ours = (b for b in cls.__mro__[1:] if b.__module__.startswith(("torch.", f"{__package__}.")))
    own = {"training", "constructor_arguments", "observation", DATA_PLATE}
    return frozenset(own.union(*(vars(base) for base in ours)))


def _device(module: nn.Module, batch: Batch) -> torch.device:
    for tensor in batch.values():
        return tensor.device
    found = _first_parameter(module)
    return torch.device("cpu") if found is None else found.device


def _first_parameter(module: nn.Module) -> nn.Parameter | None:
    """The first of ``module.parameters()``, without the generators around it, which a small step feels."""
    for parameter in module._parameters.values():
        if parameter is not None:
            return parameter
    for child in module._modules.values():
        if child is not None and (found := _first_parameter(child)) is not None:
            return found
    return None


def _missing_parent(owner: str, site: Site, parent: str, known: tuple[str, ...]) -> DeclarationError:
    others = [name for name in dict.fromkeys(known) if name != site.name]
    near = difflib.get_close_matches(parent, others, n=1)
    beside = '"x": x, ' if parent != "x" else ""
    fix = f'add it to the data: {{{beside}"{parent}": ...}}, or give the argument a default value'
    if near:
        fix = f"rename the argument to {near[0]!r}, or {fix}"
    return DeclarationError(
        f"{owner}.{site.name}: unknown parent {parent!r}",
        expected=f"a site of {owner} or a covariate in the batch (known: {', '.join(others) or 'none'})",
        got=f"def {site.name}(self, {', '.join(site.parents)})",
        fix=fix,
        code="M016",
    )
