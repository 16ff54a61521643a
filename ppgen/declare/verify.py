"""The checks of a single draw that Pyro leaves out, or explains from inside itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints

from ppgen.declare.site import Site
from ppgen.errors import DataError, DeclarationError, PpgenError

__all__ = ["describe_tensor", "explain_failure", "name_of", "support_name", "verify_draw", "verify_support"]


def verify_draw(owner: str, site: Site, fn: Any, given: Tensor | None, shape: tuple[int, ...]) -> None:
    """Check one site's distribution and value against the plates around it.

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
        )
    _verify_batch_shape(where, site, fn, shape)
    if given is not None:
        _verify_value(where, site, fn, given, shape)


def _verify_batch_shape(where: str, site: Site, fn: Any, shape: tuple[int, ...]) -> None:
    batch_shape = tuple(fn.batch_shape)
    # Dims to the left of the plates belong to particles or enumeration; these are Pyro's to judge.
    surplus = batch_shape[: max(0, len(batch_shape) - len(shape))]
    own = batch_shape[len(surplus) :]
    fits = all(b in (1, s) for b, s in zip(reversed(own), reversed(shape), strict=False))
    if fits and not any(length != 1 for length in surplus):
        return
    plates = (["data"] if site.local else []) + list(site.plates)
    around = f"{list(shape)} ({' x '.join(plates)})" if plates else "[] (a global site: no plate)"
    count = max(1, len(batch_shape) - len(shape)) if len(batch_shape) > len(shape) else len(batch_shape)
    raise DeclarationError(
        f"{where}: the batch shape of the distribution is not that of the plates around it",
        expected=f"batch shape {around}, everything else being the event",
        got=f"{name_of(fn)} with batch shape {list(batch_shape)} and event shape {list(fn.event_shape)}",
        fix=f"append .to_event({count}) if the last {count} dim(s) are one observation, or check the method's shapes",
    )


def _verify_value(where: str, site: Site, fn: Any, given: Tensor, shape: tuple[int, ...]) -> None:
    event = tuple(fn.event_shape)
    if tuple(given.shape[given.dim() - len(event) :]) != event or given.dim() < len(event) + len(shape):
        raise DataError(
            f"{where}: the data's shape is not the model's",
            expected=f"{site.name} of shape [batch, {', '.join(map(str, event))}]".replace(", ]", "]"),
            got=f"shape {list(given.shape)}",
            fix=_shape_fix(site.name, given, event),
        )
    verify_support(where, site.name, fn, given)


def _shape_fix(name: str, given: Tensor, event: tuple[int, ...]) -> str:
    own = tuple(given.shape[1:])
    if len(event) == 3 and own == (event[1], event[2], event[0]):
        return f"channels stand last: {name} = {name}.permute(0, 3, 1, 2)"
    if len(event) == 3 and event[0] == 1 and own == event[1:]:
        return f"the channel is missing: {name} = {name}.unsqueeze(1)"
    if own and event and torch.Size(own).numel() == torch.Size(event).numel():
        return f"{name} = {name}.reshape(-1, {', '.join(map(str, event))})"
    return "build the model for this shape (x_shape=...), or resize the data"


def verify_support(where: str, name: str, fn: Any, given: Tensor) -> None:
    """Check that every value is finite and inside the distribution's support.

    Raises:
        DataError: naming the first offending value, the support and the likely remedy.
    """
    if given.is_floating_point() and not torch.isfinite(given).all():
        bad = (~torch.isfinite(given)).nonzero()
        raise DataError(
            f"{where}: {name} has {len(bad)} value(s) that are not finite, first at {bad[0].tolist()}",
            expected="finite numbers",
            got=str(given[tuple(bad[0])].item()),
            fix=f"remove or impute these data points: {name} = {name}[{name}.isfinite().flatten(1).all(1)]",
        )
    support = fn.support
    inside = support.check(given)
    if bool(inside.all()):
        return
    bad = (~inside).nonzero()[0].tolist()
    low, high = given.min().item(), given.max().item()
    raise DataError(
        f"{where}: {name} has values outside the support of {name_of(fn)}, first at {bad}",
        expected=f"{support_name(support)}",
        got=f"{given.dtype} values in [{low:g}, {high:g}]",
        fix=_support_fix(name, support, low, high),
    )


def _support_fix(name: str, support: Any, low: float, high: float) -> str:
    while isinstance(support, constraints.independent):
        support = support.base_constraint
    if support is constraints.boolean or "Boolean" in type(support).__name__:
        if low >= 0 and high <= 1:
            return (
                'a Bernoulli has no density on grey values: ppgen.data.load(..., binarize="static"), '
                f"{name} = ({name} > 0.5).float(), or a likelihood for grey values such as ContinuousBernoulli"
            )
        if low >= 0 and high <= 255:
            return (
                f'scale and binarize: ppgen.data.load(..., binarize="static") or {name} = ({name} / 255 > 0.5).float()'
            )
        return f"binarize: {name} = ({name} > threshold).float(), or use a likelihood with real support (Normal)"
    return "transform the data into the support, or choose a likelihood whose support they lie in"


def explain_failure(owner: str, site: Site, arguments: Mapping[str, Any], error: Exception) -> PpgenError:
    """Say which site's method failed, on which inputs, and the likeliest mistake."""
    if isinstance(error, PpgenError):
        return error
    given = ", ".join(f"{name}: {describe_tensor(value)}" for name, value in arguments.items()) or "no parents"
    first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    labels = {
        name: value
        for name, value in arguments.items()
        if isinstance(value, Tensor) and not value.is_floating_point() and value.dim() <= 1
    }
    out_of_range = isinstance(error, IndexError) or "out of bounds" in first or "non-negative" in first
    if labels and (out_of_range or "smaller than num_classes" in first):
        name, value = next(iter(labels.items()))
        return DataError(
            f"{owner}.{site.name}: a label in {name!r} is out of range",
            expected="labels from 0 to the number of classes minus 1",
            got=f"{name} in [{value.min().item()}, {value.max().item()}] ({first})",
            fix=f"renumber the labels, or build {owner} for more classes",
        )
    return DeclarationError(
        f"{owner}.{site.name}: its method raised {type(error).__name__}: {first}",
        expected="a distribution for these parents",
        got=given,
        fix="check the shapes that the method's networks expect against these, and the data's dtype",
    )


def describe_tensor(value: Any) -> str:
    """Shape, dtype and range of a tensor in a few words."""
    if not isinstance(value, Tensor):
        return type(value).__name__
    words = f"{str(value.dtype).removeprefix('torch.')} {list(value.shape)}"
    if value.numel() and value.dtype != torch.bool and not value.is_complex():
        words += f" in [{value.detach().min().item():g}, {value.detach().max().item():g}]"
    return words


def name_of(fn: Any) -> str:
    """The family's name as a reader would say it: the one inside ``Independent``, without Pyro's wrappers."""
    while type(fn).__name__ in ("Independent", "ExpandedDistribution", "MaskedDistribution"):
        fn = fn.base_dist
    return type(fn).__name__


def support_name(support: Any) -> str:
    """A support in words."""
    while isinstance(support, constraints.independent):
        support = support.base_constraint
    words = {
        "_Real": "real numbers",
        "_Boolean": "0 or 1",
        "_GreaterThan": "positive numbers",
        "_GreaterThanEq": "non-negative numbers",
        "_Simplex": "points of the simplex (non-negative, summing to 1)",
        "_IntegerGreaterThan": "non-negative integers",
    }
    if type(support).__name__ in ("_Interval", "_HalfOpenInterval"):
        return f"numbers in [{float(support.lower_bound):g}, {float(support.upper_bound):g}]"
    if type(support).__name__ == "_IntegerInterval":
        return f"integers from {int(support.lower_bound)} to {int(support.upper_bound)}"
    return words.get(type(support).__name__, str(support))
