"""Traversal: one dimension of a latent at a time, along its range, from a few starts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ppgen.arguments import whole_number
from ppgen.fitted import Fit
from ppgen.inference import at
from ppgen.walks.spans import QUANTILES, activity, chosen_span, find_range, verified_dims
from ppgen.walks.starts import Start, find_start, walked_site
from ppgen.walks.walk import Walk

__all__ = ["traverse"]

ACTIVE = 0.01
"""Nats, or the variance of a code, from which on a dimension is active."""

MOST_ROWS = 10
"""How many dimensions are walked where none are named."""


def traverse(
    self: Fit,
    x: Any = None,
    site: str | None = None,
    dims: Sequence[int] | None = None,
    *,
    steps: int = 9,
    span: str | None = None,
    hold: bool = False,
    n: int = 1,
    seed: int = 0,
    **values: Any,
) -> Walk:
    """Walk along one dimension of a latent at a time, everything else as it is: what each dimension stands for.

    A discrete latent goes through its values. A continuous one goes through quantiles, evenly spaced from 0.05 to
    0.95. Latents below the one that moves take the mean of p(z | its parents) at each step; all others keep their
    code.

    Args:
        x: data to start from, a row of the walk for each and each dimension; or codes by latent, ``{"z": z}``;
            default: ``n`` draws of the prior. A model without an encoder (a GAN) takes codes or draws.
        site: the latent to walk along; default: the first of the model, which is the top of a hierarchy.
        dims: which of its dimensions, as numbers in the flattened event; default: the active ones, those that carry
            most first, at most 10. That is their KL from the prior on test data (the variance of the code, where
            there is no KL); without a guide, by how much moving along them changes what is decoded.
        steps: columns, where the values are not counted.
        span: ``"prior"``: quantiles of p(z | its parents) at each start; ``"posterior"``: of draws of q(z | x) over
            500 test data; default: the posterior where the guide is a point, whose codes no prior holds together,
            else the prior.
        hold: keep the codes of latents below, too.
        n: how many draws, where there are no data.
        seed: of what is drawn.
        **values: of covariates, in place of those of ``x``: ``fit.traverse(x, y=3)``.

    Returns:
        The walk, [len(x) * len(dims), steps, *event] by site; the rows of a start are together.

    Raises:
        Unanswerable: for data without an encoder, covariates that are missing, and a walk that leaves the support.
        SettingError: for a latent or dimension that there is not.

    Example:
        >>> import ppgen
        >>> fit = ppgen.fit(ppgen.models.VAE((1, 8, 8), 3), "digits", max_epochs=1, progress=False)
        >>> walk = fit.traverse(fit.data.split("test")["x"][:2], dims=[0, 2], steps=5)
        >>> walk.values["x"].shape
        torch.Size([4, 5, 1, 8, 8])
        >>> walk.row_labels
        ('z[0] from 0', 'z[2] from 0', 'z[0] from 1', 'z[2] from 1')
    """
    whole_number("traverse: steps", steps, at_least=2, suggested=9)
    start = find_start(self, x, n, seed, values)
    name = walked_site(self, site)
    over = chosen_span("traverse", self, span)
    with torch.no_grad():
        found = find_range(start, name, steps, over)
        size = found.values[0, 0].numel()
        if dims is not None:
            chosen = verified_dims("traverse", name, dims, size)
            return _walk(start, name, chosen, found.values, over, hold, found.is_listed)
        if self.guide is None and not found.is_listed:
            ends = found.values[[0, -1]]
            swing = _walk(start, name, list(range(size)), ends, over, hold, False)
            carried = _change(swing, len(start))
        else:
            carried = torch.ones(size) if found.is_listed else activity(self, name, seed)
        return _walk(start, name, _most_active(carried), found.values, over, hold, found.is_listed)


def _most_active(carried: Tensor) -> list[int]:
    """The active dimensions, most active first; the most active one, where none is."""
    ranked = carried.argsort(descending=True, stable=True)[:MOST_ROWS].tolist()
    return [dim for dim in ranked if carried[dim] > ACTIVE] or ranked[:1]


def _change(swing: Walk, starts: int) -> Tensor:
    """How far the two ends of each row of a walk decode apart, as a share of the row that moves most, [D]."""
    far = torch.stack(
        [
            (value[:, 1] - value[:, 0]).to(torch.get_default_dtype()).flatten(1).square().sum(1)
            for value in swing.values.values()
        ]
    )
    each = far.sum(0).reshape(starts, -1).mean(0)
    return each / each.max().clamp(min=torch.finfo(each.dtype).tiny)


def _walk(start: Start, site: str, dims: list[int], values: Tensor, span: str, hold: bool, is_listed: bool) -> Walk:
    """The walk over ``dims`` from every start, each through ``values`` [K, N, *event]."""
    columns, starts = len(values), len(start)
    spread = start.repeat(len(dims) * columns)
    coordinates = values.reshape(columns, starts, -1)[..., dims].permute(1, 2, 0)  # [N, dims, K]
    moved = spread.codes[site].clone()
    lines = moved.reshape(starts, len(dims), columns, -1)
    for row, dim in enumerate(dims):
        lines[:, row, :, dim] = coordinates[:, row]
    codes = dict(spread.codes) | {site: lines.reshape(moved.shape)}
    follow = [] if hold else start.below(site)
    placed = spread.place({name: at(value) for name, value in codes.items() if name not in follow})
    latents, decoded = spread.decode(placed, columns)
    shape = tuple(moved.shape[1:])
    names = [_element(site, dim, shape) for dim in dims]
    how = (
        f"through its {columns} values"
        if is_listed
        else f"from quantile {QUANTILES[0]} to {QUANTILES[1]} of the {span}"
    )
    then = f"; {', '.join(follow)} as the prior expects given that" if follow else ""
    return Walk(
        "traversal",
        latents,
        decoded,
        coordinates.reshape(-1, columns).cpu(),
        tuple(f"{name} from {row}" if starts > 1 else name for row in range(starts) for name in names),
        tuple(f"{value:g}" for value in values.reshape(columns, -1)[:, 0].tolist()) if is_listed else (),
        f"{site} {how}, one dimension a row{then}." if len(dims) > 1 else f"{site} {how}{then}.",
        start.ranges(),
    )


def _element(site: str, dim: int, shape: tuple[int, ...]) -> str:
    """``z[3]``; ``c`` of a single number."""
    place = ", ".join(str(int(index)) for index in np.unravel_index(dim, shape)) if shape else ""
    return f"{site}[{place}]" if place else site
