"""What is said of discrete latents: their probabilities, their most probable values, draws of the missing ones."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from ppgen.declare.batch import is_missing
from ppgen.declare.supports import name_of
from ppgen.objectives.enumeration import Expanded, enumerate_discrete
from ppgen.objectives.pairing import draw_guide

__all__ = ["draw_missing", "mean_by_datum", "most_probable", "probabilities"]


def mean_by_datum(values: Tensor, expanded: Expanded) -> Tensor:
    """``E_q[values]`` over what was summed out: [rows, ...] to [num_data, ...]."""
    weight = expanded.log_weight.exp().to(values.dtype).reshape(-1, *[1] * (values.dim() - 1))
    return values.new_zeros(expanded.num_data, *values.shape[1:]).index_add(0, expanded.datum, weight * values)


def probabilities(
    guide: nn.Module, batch: Mapping[str, Tensor], names: list[str], expanded: Expanded
) -> dict[str, Tensor]:
    """``q(y | x)`` of every discrete latent: the mean of its one-hot value, or of its bits, [num_data, ...].

    A row that is observed has probability 1 at its value.

    Args:
        guide: with the discrete sites ``names``.
        batch: [num_data, ...] each.
        names: in the guide's order.
        expanded: the batch over all their values.
    """
    free = {name: value for name, value in batch.items() if name not in names}
    drawn = draw_guide(guide, free, expanded.num_data)
    found = {}
    for name in names:
        value, fn = expanded.batch[name], drawn[name].guide_fn
        if name_of(fn) == "Categorical":
            value = one_hot(value.long(), len(fn.enumerate_support(expand=False)))
        found[name] = mean_by_datum(value.to(torch.get_default_dtype()), expanded)
    return found


def most_probable(guide: nn.Module, batch: Mapping[str, Tensor], names: list[str]) -> dict[str, Tensor]:
    """The jointly most probable values of the discrete latents under ``q(. | x)``; observed ones as they are."""
    expanded = enumerate_discrete(guide, batch, names)
    weight, datum = expanded.log_weight, expanded.datum
    top = weight.new_full((expanded.num_data,), -torch.inf).scatter_reduce(0, datum, weight, "amax")
    best = (weight == top[datum]).nonzero().flatten()
    first = datum.new_full((expanded.num_data,), len(datum)).scatter_reduce(0, datum[best], best, "amin")
    return {name: expanded.batch[name][first] for name in names}


def draw_missing(guide: nn.Module, batch: Mapping[str, Tensor], names: list[str]) -> dict[str, Tensor]:
    """A draw of the discrete latents where their values are missing or absent; observed ones as they are."""
    free = {name: value for name, value in batch.items() if name not in names}
    values: dict[str, Tensor] = {}
    for name in names:  # one after the other: a later one may depend on an earlier one that is observed
        value = draw_guide(guide, {**free, **values}, len(next(iter(batch.values()))))[name].value
        if name in batch:
            missing = is_missing(batch[name]).reshape(-1, *[1] * (value.dim() - 1))
            value = torch.where(missing, value, batch[name].to(value.dtype))
        values[name] = value
    return values
