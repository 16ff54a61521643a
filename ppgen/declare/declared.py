"""What models and guides share: sites declared by methods, run as one ordinary Pyro program."""

from __future__ import annotations

import contextlib
import difflib
import inspect
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import pyro
import torch
from pyro.infer.util import is_validation_enabled
from torch import Tensor, nn

from ppgen.declare.site import Site, collect
from ppgen.declare.verify import explain_failure, verify_draw
from ppgen.errors import DataError, DeclarationError

__all__ = ["DATA_PLATE", "Batch", "Declared", "batch_rows", "inner_plates"]

Batch = Mapping[str, Tensor]
DATA_PLATE = "data"


class Declared(nn.Module):
    """A program whose random variables are methods; the base of :class:`Model` and :class:`Guide`.

    Local sites stand in ``pyro.plate("data", size, subsample_size=rows)``. Its dim is -1, or further left by one for
    each further plate that a site declares, so that inner plates are nested to its right.
    """

    sites: ClassVar[Mapping[str, Site]] = {}
    inner: ClassVar[tuple[str, ...]] = ()

    def __new__(cls, *args: Any, **kwargs: Any) -> Declared:
        declared = super().__new__(cls)
        # Kept so that a run folder can say how the object was made. Unpickling calls __new__ without arguments.
        with contextlib.suppress(TypeError):
            bound = inspect.signature(cls.__init__).bind(declared, *args, **kwargs)
            arguments = dict(list(bound.arguments.items())[1:])
            object.__setattr__(declared, "constructor_arguments", arguments)
        return declared

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.sites = collect(cls, frozenset(dir(Declared)) | {"observation"})
        cls.inner = inner_plates(cls.sites.values())

    @property
    def plate_sizes(self) -> Mapping[str, int]:
        """Sizes of further plates, where the batch does not show them; a subclass may set ``self.sizes = {...}``."""
        return getattr(self, "sizes", {})

    def run_sites(self, batch: Batch, size: int, rows: int, values: dict[str, Tensor]) -> dict[str, Tensor]:
        """Run every site in order, global ones first, and return ``values`` with all sites in it."""
        inner = self.inner
        device = _device(self, batch)
        with contextlib.ExitStack() as stack:
            if device.type != "cpu":
                stack.enter_context(torch.device(device))  # priors written as dist.Normal(0., 1.) land here
            for site in self.sites.values():
                if not site.local:
                    self._draw(site, batch, values, ())
            data = pyro.plate(DATA_PLATE, size, subsample=torch.arange(rows), dim=-1 - len(inner))
            plates: dict[str, Any] = {}
            with data:
                for site in self.sites.values():
                    if not site.local:
                        continue
                    if not site.plates:
                        self._draw(site, batch, values, (rows,) + (1,) * len(inner))
                        continue
                    shape = [rows] + [1] * len(inner)
                    with contextlib.ExitStack() as nest:
                        for name in site.plates:
                            index = inner.index(name)
                            if name not in plates:
                                length = self._plate_length(name, batch)
                                plates[name] = pyro.plate(name, length, dim=index - len(inner))
                            shape[1 + index] = plates[name].size
                            nest.enter_context(plates[name])
                        self._draw(site, batch, values, tuple(shape))
        return values

    def _draw(self, site: Site, batch: Batch, values: dict[str, Tensor], shape: tuple[int, ...]) -> None:
        raise NotImplementedError("a subclass says what a draw is")

    def call_site(self, site: Site, batch: Batch, values: Mapping[str, Tensor]) -> Any:
        """Call the site's method with its parents' values."""
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
        except (RuntimeError, IndexError, ValueError, TypeError) as error:
            raise explain_failure(type(self).__name__, site, arguments, error) from error

    def draw_from(self, site: Site, fn: Any, given: Tensor | None, shape: tuple[int, ...]) -> Tensor:
        """``pyro.sample`` with the checks that Pyro does not make."""
        if given is not None and self.inner:
            given = self._align(given, site, shape)
        if is_validation_enabled():
            verify_draw(type(self).__name__, site, fn, given, shape)
        return pyro.sample(site.name, fn, obs=given)

    def _align(self, value: Tensor, site: Site, shape: tuple[int, ...]) -> Tensor:
        """Give [rows, own plates..., event...] a dim of size 1 for each plate that the site does not stand in."""
        own = tuple(length for i, length in enumerate(shape) if i == 0 or self.inner[i - 1] in site.plates)
        return value.reshape(*shape, *value.shape[len(own) :]) if value.shape[: len(own)] == own else value

    def _plate_length(self, name: str, batch: Batch) -> int:
        for site in self.sites.values():
            if name in site.plates and site.name in batch:
                return batch[site.name].shape[1 + site.plates.index(name)]
        if name in self.plate_sizes:
            return int(self.plate_sizes[name])
        raise DeclarationError(
            f"{type(self).__name__}: the size of plate {name!r} is not known",
            expected=f"a batch with an observed site in plate {name!r}, or a declared size",
            got=f"batch keys {sorted(batch)}",
            fix=f'in __init__: self.sizes = {{"{name}": 40}}',
        )


def inner_plates(sites: Iterable[Site]) -> tuple[str, ...]:
    """Names of all plates inside the data plate, outermost first, in the order in which sites declare them."""
    return tuple(dict.fromkeys(name for site in sites for name in site.plates))


def batch_rows(batch: Batch, size: int | None) -> int:
    """Number of data points in a batch, or ``size`` (1 by default) if the batch is empty.

    Raises:
        DataError: if the batch's tensors disagree about the number of rows.
    """
    if not batch:
        return 1 if size is None else size
    first, *others = batch.items()
    rows = first[1].shape[0]
    for name, value in others:
        if value.shape[0] != rows:
            raise DataError(
                f"{name}: its number of rows is not that of {first[0]}",
                expected=f"{rows} rows, as {first[0]} has",
                got=f"{value.shape[0]} rows",
                fix="give every site and covariate one row per data point",
            )
    return rows


def _device(module: nn.Module, batch: Batch) -> torch.device:
    for tensor in batch.values():
        return tensor.device
    for parameter in module.parameters():
        return parameter.device
    return torch.device("cpu")


def _missing_parent(owner: str, site: Site, parent: str, known: tuple[str, ...]) -> DataError | DeclarationError:
    near = difflib.get_close_matches(parent, [name for name in dict.fromkeys(known) if name != site.name], n=1)
    names = ", ".join(dict.fromkeys(known)) or "none"
    fix = f'add it to the data: {{"x": x, "{parent}": ...}}, or give the argument a default value'
    if near:
        fix = f"rename the argument to {near[0]!r}, or {fix}"
    return DeclarationError(
        f"{owner}.{site.name}: unknown parent {parent!r}",
        expected=f"a site of {owner} or a covariate in the batch (known: {names})",
        got=f"def {site.name}(self, {', '.join(site.parents)})",
        fix=fix,
    )
