"""The checks of a single draw that Pyro leaves out, or explains from inside itself."""

from __future__ import annotations

from typing import Any

import torch
from pyro.poutine.enum_messenger import EnumMessenger
from pyro.poutine.indep_messenger import IndepMessenger
from pyro.poutine.runtime import _PYRO_STACK
from torch import Tensor
from torch.distributions import constraints

from ppgen.declare.batch import MISSING, is_missing
from ppgen.declare.site import DATA_PLATE, Site
from ppgen.declare.supports import describe_tensor, is_normalised, name_of, support_name, support_of
from ppgen.errors import DataError, DeclarationError

__all__ = ["verify_draw", "verify_finite", "verify_generated", "verify_support"]


def verify_draw(owner: str, site: Site, fn: Any, given: Tensor | None, shape: tuple[int, ...]) -> None:
    """Check one site's distribution and value against the plates around it.

    Args:
        owner: the program's name, for the message.
        site: the site.
        fn: what its method returned.
        given: the value in the batch ``[*shape, *event]``, if there is one.
        shape: sizes of the plates around the site.

    Raises:
        DeclarationError: if the method returned no distribution, or one whose batch shape is not the plates'.
        DataError: if the given value has another shape, is not finite, or lies outside the distribution's support.
    """
    where = f"{owner}.{site.name}"
    if not hasattr(fn, "event_shape") or not hasattr(fn, "log_prob"):
        raise DeclarationError(
            f"{where}: the method must return a distribution",
            expected="a pyro.distributions object, such as dist.Normal(loc, scale).to_event(1)",
            got=f"{type(fn).__name__}" + (" (did the method forget to return?)" if fn is None else ""),
            fix="return a distribution, or mark the method @ppgen.implicit if it returns a generated tensor",
            code="M038",
        )
    if not is_normalised(fn):
        raise DeclarationError(
            f"{where}: this density has no integral, so that nothing can be drawn from it",
            expected="a distribution, however wide: dist.Normal(0.0, 1000.0)",
            got=type(fn).__name__,
            fix=f"return a proper distribution from def {site.name}, or write the pair by hand for ppgen.Program",
            code="M074",
        )
    _verify_batch_shape(where, site, fn, shape)
    if given is not None:
        _verify_shape(where, site, given, shape, tuple(fn.event_shape))
        verify_support(where, site.name, fn, given, role=site.role)


def verify_generated(owner: str, site: Site, made: Any, given: Tensor | None, shape: tuple[int, ...]) -> None:
    """Check what an implicit site's method made against the plates around it, and against the data.

    Args:
        owner: the program's name, for the message.
        site: the site.
        made: what its method returned.
        given: the value in the batch ``[*shape, *event]``, if there is one.
        shape: sizes of the plates around the site.

    Raises:
        DeclarationError: if it is no tensor, or one without a row for each data point.
        DataError: if the given value has another shape.
    """
    where = f"{owner}.{site.name}"
    if not isinstance(made, Tensor):
        raise DeclarationError(
            f"{where}: an implicit site generates a tensor",
            expected=f"a tensor [batch, ...] from def {site.name}(self, {', '.join(site.parents)})",
            got=type(made).__name__,
            fix="return a tensor, or mark the method @ppgen.observed if it returns a distribution",
            code="M039",
        )
    if tuple(made.shape[: len(shape)]) != shape and not _is_vectorised_outside(site):
        raise DeclarationError(
            f"{where}: the generated tensor has not one row for each data point",
            expected=f"shape [{', '.join(map(str, shape))}, ...]",
            got=f"shape {list(made.shape)}",
            fix="keep the batch dim of the parents: flatten and reshape from dim 1 on",
            code="M040",
        )
    if given is not None:
        _verify_shape(where, site, given, shape, tuple(made.shape[len(shape) :]))


def _is_vectorised_outside(site: Site) -> bool:
    """Whether a handler around the program adds dims to the left of its plates: particles, samples, enumeration."""
    own = int(site.local) + len(site.plates)
    plates = sum(isinstance(handler, IndepMessenger) for handler in _PYRO_STACK)
    return plates > own or any(isinstance(handler, EnumMessenger) for handler in _PYRO_STACK)


def _verify_batch_shape(where: str, site: Site, fn: Any, shape: tuple[int, ...]) -> None:
    batch_shape = tuple(fn.batch_shape)
    surplus = batch_shape[: max(0, len(batch_shape) - len(shape))]
    own = batch_shape[len(surplus) :]
    fits = all(b in (1, s) for b, s in zip(reversed(own), reversed(shape), strict=False))
    if fits and (all(length == 1 for length in surplus) or _is_vectorised_outside(site)):
        return
    plates = ([DATA_PLATE] if site.local else []) + list(site.plates)
    around = f"{list(shape)} ({' x '.join(plates)})" if plates else "[] (a global site: no plate)"
    count = len(surplus) or len(batch_shape)
    fix = f"append .to_event({count}) if the last {count} dim(s) are one observation, or check the method's shapes"
    if batch_shape == shape[:1] != shape:
        fix = f"give the parameters a dim of size 1 for each plate that {site.name} is not in: loc.unsqueeze(1)"
    raise DeclarationError(
        f"{where}: the batch shape of the distribution is not that of the plates around it",
        expected=f"batch shape {around}, everything else being the event",
        got=f"{name_of(fn)} with batch shape {list(batch_shape)} and event shape {list(fn.event_shape)}",
        fix=fix,
        code="M041",
    )


def _verify_shape(where: str, site: Site, given: Tensor, shape: tuple[int, ...], event: tuple[int, ...]) -> None:
    if tuple(given.shape) == shape + event:
        return
    lengths = (["batch"] if site.local else []) + [str(length) for length in (*shape[1:], *event)]
    raise DataError(
        f"{where}: the data's shape is not the model's",
        expected=f"{site.name} of shape [{', '.join(lengths)}]",
        got=f"shape {list(given.shape)}",
        fix=_shape_fix(site, given, event),
        code="D053",
    )


def _shape_fix(site: Site, given: Tensor, event: tuple[int, ...]) -> str:
    name, own = site.name, tuple(given.shape[1:])
    if not site.local:
        return f"a global value is no part of a batch: pyro.poutine.condition(model, {{{name!r}: value}})"
    if len(event) == 3 and own == (event[1], event[2], event[0]):
        return f"channels stand last: {name} = {name}.permute(0, 3, 1, 2)"
    if len(event) == 3 and event[0] == 1 and own == event[1:]:
        return f"the channel is missing: {name} = {name}.unsqueeze(1)"
    if torch.Size(own).numel() == torch.Size(event).numel() and not site.plates:
        return f"{name} = {name}.reshape({', '.join(map(str, (-1, *event)))})"
    return "build the model for this shape (x_shape=...), or resize the data"


def verify_finite(where: str, name: str, given: Tensor) -> None:
    """Check that no value is NaN or infinite.

    Args:
        where: which data they are, for the message.
        name: of the site or covariate.
        given: its values ``[rows, ...]``.

    Raises:
        DataError: with the count, and the index of the first.
    """
    if not given.is_floating_point() or bool(torch.isfinite(given).all()):
        return
    bad = (~torch.isfinite(given)).nonzero()
    raise DataError(
        f"{where}: {name} has {len(bad)} value(s) that are not finite, first at {bad[0].tolist()}",
        expected="finite numbers",
        got=str(given[tuple(bad[0])].item()),
        fix=f"remove or impute these data points: {name} = {name}[{name}.isfinite().flatten(1).all(1)]",
        code="D054",
    )


def verify_support(where: str, name: str, fn: Any, given: Tensor, *, role: str = "", may_miss: bool = False) -> None:
    """Check that every value is finite and inside the distribution's support.

    Args:
        where: for the message: the site, and the data it was given.
        name: of the site.
        fn: its distribution.
        given: its values ``[rows, ...]``.
        role: of the site, for the remedy.
        may_miss: whether -1 marks a row without a value, which a bound then sums out.

    Raises:
        DataError: naming the first offending value, the support and the likely remedy.
    """
    verify_finite(where, name, given)
    support = support_of(fn)
    if support is None:
        return
    inside = support.check(given)
    if may_miss:
        inside = inside | is_missing(given).reshape(-1, *[1] * (inside.dim() - 1))
    if bool(inside.all()):
        return
    bad = (~inside).nonzero()[0].tolist()
    low, high = given.min().item(), given.max().item()
    raise DataError(
        f"{where}: {name} has values outside the support of {name_of(fn)}, first at {bad}",
        expected=support_name(support) + (f", or {MISSING} where it is not observed" if may_miss else ""),
        got=f"{describe_tensor(given)}",
        fix=_missing_fix(name, role)
        if may_miss or (low == MISSING and given.dim() == 1 and not given.is_floating_point())
        else _support_fix(name, support, low, high),
        code="D055",
    )


def _missing_fix(name: str, role: str) -> str:
    """What to do where labels are marked missing, yet no bound sums them out."""
    if role == "observed":
        return (
            f"every row needs a value of an observed site: drop the others, or mark the method {name} @ppgen.latent, "
            f"and {MISSING} means not observed"
        )
    if role == "latent":
        return f"a missing {name} has to be summed out: objective=ppgen.ELBO() and a guide with a site {name}"
    return f"renumber the values from 0; {MISSING} marks missing values of discrete latent sites only"


def _support_fix(name: str, support: Any, low: float, high: float) -> str:
    while isinstance(support, constraints.independent):
        support = support.base_constraint
    if support is not constraints.boolean:
        return "transform the data into the support, or choose a likelihood whose support they lie in"
    if low >= 0 and high <= 1:
        return (
            'a Bernoulli has no density on grey values: ppgen.data.load(..., binarize="static"), '
            f"{name} = ({name} > 0.5).float(), or a likelihood for grey values such as ContinuousBernoulli"
        )
    if low >= 0 and high <= 255:
        return f'scale and binarize: ppgen.data.load(..., binarize="static") or {name} = ({name} / 255 > 0.5).float()'
    return f"binarize: {name} = ({name} > threshold).float(), or use a likelihood with real support (Normal)"
