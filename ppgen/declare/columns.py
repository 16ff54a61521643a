"""Which entry of the batch each observed site of a hand-written program was given, told by the tensor itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ppgen.declare.observed_bits import given_of

__all__ = ["computed_columns", "explained_columns", "observed_columns"]


def observed_columns(nodes: Mapping[str, Any], batch: Mapping[str, Tensor]) -> dict[str, str]:
    """The entry of the batch that is an observed site's value, by site, whatever the two are called.

    A value in another shape (``obs=images.flatten(1)``) is the same numbers still. What was computed from an entry has
    numbers of its own: there the name decides.

    Args:
        nodes: of a trace of the program.
        batch: that it ran on, [rows, ...] each.
    """
    found = {}
    for site, node in nodes.items():
        if node["is_observed"] and isinstance(node["value"], Tensor):
            same = [key for key, given in batch.items() if _numbers(given) == _numbers(given_of(node))]
            found.update({site: same[0]} if same else {site: site} if site in batch else {})
    return found


def explained_columns(nodes: Mapping[str, Any], batch: Mapping[str, Tensor]) -> frozenset[str]:
    """The entries of the batch that the observed sites hold, each by one site or in parts by several (``obs=x[:, t]``).

    Args:
        nodes: of a trace of the program.
        batch: that it ran on, [rows, ...] each.
    """
    parts = dict.fromkeys(batch, 0)
    for node in nodes.values():
        for key, given in batch.items():
            value = given_of(node)
            if node["is_observed"] and isinstance(value, Tensor) and _memory(value) == _memory(given):
                parts[key] += value.numel()
    whole = {key for key, numel in parts.items() if numel >= batch[key].numel()}
    return frozenset(whole.union(observed_columns(nodes, batch).values()))


def computed_columns(nodes: Mapping[str, Any], batch: Mapping[str, Tensor]) -> dict[str, str]:
    """How a reader would write the sites that have a column's name, and other numbers than it: ``{"x": "f(x)"}``.

    ``pyro.sample("x", fn, obs=x.log())`` has the density of log x, which is that of x without the Jacobian. A column in
    another type, or with its missing values filled in, is still itself.

    Args:
        nodes: of a trace of the program.
        batch: that it ran on, [rows, ...] each.

    Example:
        >>> import torch
        >>> given = {"x": torch.tensor([1.0, 2.0])}
        >>> node = {"is_observed": True, "value": given["x"].log(), "infer": {}}
        >>> computed_columns({"x": node}, given)
        {'x': 'f(x)'}
    """
    found = {}
    for site, node in nodes.items():
        value, column = given_of(node), batch.get(site)
        if node["is_observed"] and isinstance(value, Tensor) and column is not None and value.numel() == column.numel():
            ours, theirs = value.detach().double().flatten(), column.double().flatten()
            if not bool(((ours == theirs) | theirs.isnan()).all()):
                found[site] = f"f({site})"
    return found


def _numbers(value: Tensor) -> tuple[Any, ...]:
    return value.data_ptr(), value.numel(), value.dtype, value.device


def _memory(value: Tensor) -> tuple[Any, ...]:
    return value.untyped_storage().data_ptr(), value.dtype, value.device
