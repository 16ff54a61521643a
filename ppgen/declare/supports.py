"""Distributions, supports and tensors in words, and when two supports are the same."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.distributions import biject_to, constraints

__all__ = [
    "CIRCLE",
    "degrees_of_freedom",
    "describe_tensor",
    "has_discrete_support",
    "has_finite_support",
    "is_bits",
    "is_circular",
    "is_delta",
    "is_fixed",
    "is_normalised",
    "mask_of",
    "name_of",
    "num_values",
    "same_support",
    "support_name",
    "support_of",
    "unwrapped",
]

CIRCLE = constraints.interval(-math.pi, math.pi)
_WRAPPERS = ("Independent", "ExpandedDistribution", "MaskedDistribution")
_CIRCULAR = ("VonMises", "SineBivariateVonMises", "SineSkewed")

# Open and closed ends differ by a set of measure zero: torch calls LogNormal's support positive, Gamma's non-negative.
_ABOVE = (constraints.greater_than, constraints.greater_than_eq)
_ENDS = ("lower_bound", "upper_bound")
_INSIDE = (constraints.interval, constraints.half_open_interval)
_WORDS = {
    "_Real": "real numbers",
    "_Boolean": "0 or 1",
    "_Simplex": "points of the simplex (non-negative, summing to 1)",
    "_OneHot": "one-hot vectors",
}


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
    return type(unwrapped(fn)).__name__


def is_circular(fn: Any) -> bool:
    """Whether a distribution is one of angles. torch calls its support real, but its density is one on the circle."""
    while True:
        inner = getattr(fn, "base_dist", None) or getattr(fn, "_component_distribution", None)
        if type(fn).__name__ in _CIRCULAR or inner is None:
            return type(fn).__name__ in _CIRCULAR
        fn = inner


def is_delta(fn: Any) -> bool:
    """Whether a distribution is a Delta, inside whatever wraps it."""
    while fn is not None and type(fn).__name__ != "Delta":
        fn = getattr(fn, "base_dist", None)
    return fn is not None


def mask_of(fn: Any) -> Tensor | bool | None:
    """The mask [...] of a distribution made by ``fn.mask(...)``, inside whatever wraps it; ``None`` if it has none."""
    masked = unwrapped(fn, _WRAPPERS[:2])
    return masked._mask if type(masked).__name__ == "MaskedDistribution" else None


def support_of(fn: Any) -> Any:
    """The constraint that holds for a distribution's values, or ``None`` if it does not say."""
    try:
        support = fn.support
    except (NotImplementedError, AttributeError):
        return _flow_support(unwrapped(fn))
    if type(support).__name__ == "MixtureSameFamilyConstraint" and is_fixed(support):
        return support.base_constraint  # the same for every component, and so that of the mixture
    return support


def _flow_support(fn: Any) -> Any:
    """The support of a flow of zuko, which does not say it, be it in Pyro's wrapper ``ZukoToPyro``.

    It is where the flow's transform starts, if the base that this leads to lies on all real numbers.
    """
    flow = getattr(fn, "dist", fn)
    transform, base = getattr(flow, "transform", None), getattr(flow, "base", None)
    is_whole = base is not None and support_name(support_of(base)) == _WORDS["_Real"]
    return getattr(transform, "domain", None) if is_whole else None


def degrees_of_freedom(fn: Any, value: Tensor) -> int:
    """How many real numbers a draw is made of, where its support is made of them: K - 1 for a simplex of K corners.

    A Delta leaves none: its value is told by what it was made from.

    Args:
        fn: the distribution, whose support it is.
        value: a draw, [*plates, *event].
    """
    if is_delta(fn):
        return 0
    try:
        return biject_to(support_of(fn)).inverse_shape(value.shape).numel()
    except (NotImplementedError, AttributeError):  # no support, or one that no bijection from real numbers reaches
        return value.numel()


def is_normalised(fn: Any) -> bool:
    """Whether a log-density is one of a distribution: not a ``pyro.factor``, nor a prior without an integral."""
    return name_of(fn) not in ("Unit", "ImproperUniform")


def has_discrete_support(fn: Any) -> bool:
    """Whether a distribution's values are known to be discrete."""
    support = support_of(fn)
    return support is not None and bool(support.is_discrete)


def has_finite_support(fn: Any) -> bool:
    """Whether a distribution's values can be listed, so that a latent with it can be summed out."""
    return bool(getattr(unwrapped(fn), "has_enumerate_support", False))


def num_values(fn: Any) -> int:
    """How many values a discrete distribution has; 0 where they cannot be listed."""
    if is_bits(fn):
        return 2 ** int(fn.event_shape.numel())
    return len(fn.enumerate_support(expand=False)) if fn.has_enumerate_support else 0


def is_bits(fn: Any) -> bool:
    """Whether a distribution is one over vectors of bits, whose values torch does not list."""
    return bool(fn.event_shape) and type(unwrapped(fn, _WRAPPERS[:2])).__name__ == "Bernoulli"


def unwrapped(fn: Any, wrappers: tuple[str, ...] = _WRAPPERS) -> Any:
    """The distribution inside ``to_event``, ``expand`` and ``mask``: that of a value no other value is drawn with.

    Args:
        fn: the distribution.
        wrappers: names of the classes to look into.
    """
    while type(fn).__name__ in wrappers:
        fn = fn.base_dist
    return fn


def is_fixed(support: Any) -> bool:
    """Whether a support is known, and the same for every row, so that other rows can be held against it."""
    while hasattr(support, "base_constraint"):
        support = support.base_constraint
    bounds = [getattr(support, end, None) for end in _ENDS]
    return support is not None and not any(isinstance(bound, Tensor) and bound.dim() for bound in bounds)


def support_name(support: Any) -> str:
    """A support in words."""
    support = _base(support)
    if isinstance(support, _ABOVE):
        strict = isinstance(support, constraints.greater_than)
        bound = _number(support.lower_bound)
        if bound == "0":
            return "positive numbers" if strict else "non-negative numbers"
        return f"numbers {'above' if strict else 'from'} {bound}" + ("" if strict else " on")
    if isinstance(support, _INSIDE):
        return f"numbers in [{_number(support.lower_bound)}, {_number(support.upper_bound)}]"
    if isinstance(support, constraints.integer_interval):
        return f"integers from {_number(support.lower_bound)} to {_number(support.upper_bound)}"
    if isinstance(support, type(constraints.nonnegative_integer)):
        return f"integers from {_number(support.lower_bound)} on"
    return _WORDS.get(type(support).__name__, str(support))


def same_support(first: Any, second: Any) -> bool:
    """Whether two supports are equal up to a set of measure zero.

    Args:
        first: a constraint of torch.
        second: another.
    """
    first, second = _base(first), _base(second)
    same_kind = _kind(first) is _kind(second)
    return same_kind and all(_same_bound(getattr(first, end, None), getattr(second, end, None)) for end in _ENDS)


def _base(support: Any) -> Any:
    while isinstance(support, constraints.independent):
        support = support.base_constraint
    return support


def _kind(support: Any) -> Any:
    return next((kinds for kinds in (_ABOVE, _INSIDE) if isinstance(support, kinds)), type(support))


def _same_bound(first: Any, second: Any) -> bool:
    if first is None or second is None:
        return first is second
    a, b = (torch.as_tensor(bound, dtype=torch.get_default_dtype()).detach() for bound in (first, second))
    try:
        return bool(torch.isclose(a, b).all())
    except RuntimeError:  # shapes that do not broadcast
        return False


def _number(bound: Any) -> str:
    """One number, or the range of bounds that differ from element to element."""
    values = torch.as_tensor(bound).detach().double()
    low, high = values.min().item(), values.max().item()
    return f"{low:g}" if low == high else f"{low:g}..{high:g}"
