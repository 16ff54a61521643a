"""Rows that see each other: the density of one data point must not depend on which others are in the batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyro
import torch
from pyro.distributions.util import scale_and_mask
from torch import Tensor

from ppgen.declare.batch import batch_rows
from ppgen.declare.look import SIZED_PLATE, label_of, look, random_sites
from ppgen.declare.parameters import ProgramModule
from ppgen.declare.site import DATA_PLATE
from ppgen.errors import DeclarationError, PpgenError

__all__ = ["verify_rows_alone"]


def verify_rows_alone(model: ProgramModule, batch: Mapping[str, Tensor], size: int | None, trace: Any) -> None:
    """Check that what the model counts for a row is the same whether the other rows are there or not.

    A model that reads the batch's mean, or the row before, has no density of a single data point: its numbers change
    with the batch, and their sum is log p of nothing. Found by replay: the model runs once more on the rows in the
    middle, with the values that the latents had, and every row that is left must count as it did. A guide may read all
    rows: its bound holds whatever it reads.

    Args:
        model: the model.
        batch: tensors ``[rows, ...]`` by site and covariate, that the trace is of.
        size: number of data points that the batch is a part of.
        trace: of the model.

    Raises:
        DeclarationError: naming the site.
    """
    rows = batch_rows(batch, None) if batch else 0
    if rows < 3 or model.is_whole:
        return
    part = slice(rows // 4, rows - rows // 4)
    before = random_sites(trace)
    dims = {name: dim for name, node in before.items() if (dim := _row_dim(model, node, rows)) is not None}
    fewer = {name: value[part] for name, value in batch.items()}
    after = _densities(model, fewer, size, _on_part(trace, before, dims, part))
    for name, dim in dims.items():
        if name not in after or _agree(after[name], wanted := _rows_of(_density(before[name]), dim, part)):
            continue
        with torch.random.fork_rng(devices=[]):
            torch.rand(1)  # draws of no site give other numbers on the same rows too, and are refused as such
            again = _densities(model, batch, size, trace)
        if name in again and _agree(again[name], _density(before[name])):
            raise DeclarationError(
                f"{label_of(model)}.{name}: the log-density of a row depends on which other rows are in the batch",
                expected="the same number for a row, whatever stands beside it",
                got=f"up to {float((after[name] - wanted).detach().abs().max()):.2g} nats more or less in a part of "
                "the batch",
                fix="compute what rows share ahead of the fit, and keep it as a buffer; put what depends on each other "
                f"into one row: a sequence, a group. A hand-written program: {SIZED_PLATE}",
                code="M077",
            )


def _row_dim(model: ProgramModule, node: Any, rows: int) -> int | None:
    """The dim of the plate over the rows around a site, from the right; ``None`` outside of it."""
    names = getattr(model, "data_plates", None) or {DATA_PLATE}
    frames = node["cond_indep_stack"]
    return next((f.dim for f in frames if f.vectorized and f.size == rows and f.name in names), None)


def _on_part(trace: Any, nodes: Mapping[str, Any], dims: Mapping[str, int], part: slice) -> Any:
    """The trace with the values that its latents have in a part of the rows."""
    values = pyro.poutine.Trace()
    for name, node in nodes.items():
        if not node["is_observed"]:
            kept = _rows_of(node["value"], dims[name] - node["fn"].event_dim, part) if name in dims else node["value"]
            values.add_node(name, **{**trace.nodes[name], "value": kept})
    return values


def _densities(model: ProgramModule, batch: Mapping[str, Tensor], size: int | None, replayed: Any) -> dict[str, Tensor]:
    """What each site counts, [*plates]; nothing of a program that does not run on so few rows."""
    try:
        return {name: _density(node) for name, node in random_sites(look(model, batch, size, replayed)).items()}
    except PpgenError:
        return {}


def _density(node: Any) -> Tensor:
    return torch.as_tensor(scale_and_mask(node["fn"].log_prob(node["value"]), 1.0, node["mask"]))


def _rows_of(value: Tensor, dim: int, part: slice) -> Tensor:
    """A part of the rows; all of what has one value for every row."""
    is_shared = value.dim() < -dim or value.shape[dim] == 1
    return value if is_shared else value.narrow(dim, part.start, part.stop - part.start)


def _agree(found: Tensor, wanted: Tensor) -> bool:
    try:
        one, other = torch.broadcast_tensors(found, wanted)
    except RuntimeError:  # plates that follow the values of other rows
        return False
    return torch.allclose(one, other, rtol=1e-3, atol=1e-3, equal_nan=True)
