"""The explorer: every combination of a few latent dimensions, decoded when the page is written."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ppgen.declare import without_latents
from ppgen.errors import Unanswerable
from ppgen.evaluation.density import explained_site
from ppgen.fitted import Fit
from ppgen.reporting.grids import is_picture, joint_limits, to_points
from ppgen.reporting.mosaic import Array, Limits
from ppgen.reporting.sheet import Sheet, Tiles, make_sheet, make_tiles
from ppgen.walks import lattice

__all__ = ["Axis", "Explorer", "explorer"]

_MOST_CLASSES = 16
_STEPS = (11, 9, 7, 5)


@dataclasses.dataclass(frozen=True)
class Axis:
    """One slider.

    Args:
        name: of the dimension or the label.
        values: what it may be set to, in words.
        at: where it stands at first.
    """

    name: str
    values: tuple[str, ...]
    at: int


@dataclasses.dataclass(frozen=True)
class Explorer:
    """Decoded pictures over all combinations of some axes.

    Args:
        sheet: the pictures; the last axis runs fastest.
        axes: the sliders; the last two also span the pad.
        pad: the pictures over the last two axes at the first setting of the others, as they lie on the pad.
        gap: between them, in pixels.
        caption: what moves, and from where.
    """

    sheet: Sheet
    axes: tuple[Axis, ...]
    pad: Tiles
    gap: int
    caption: str


def explorer(fit: Fit, test: Mapping[str, Tensor], *, budget: int = 600_000, seed: int = 0) -> Explorer:
    """Decode what the page's sliders can be set to.

    Up to three dimensions of the first latent, those that carry most, starting from one data point; two and the class
    label, if the model takes one.

    Args:
        fit: a fit with a latent.
        test: data points; the first is the start.
        budget: pixels that may be spent; the lattice is as fine as they allow.
        seed: of what is drawn.

    Raises:
        Unanswerable: if there is no latent to move, or what is decoded is no picture, or too large a one.
    """
    main = explained_site(fit, test)
    row = {key: column[:1] for key, column in test.items()}
    start = None if fit.guide is None else without_latents(fit.model, row)
    given = {key: row[key] for key in fit.covariates if key in row} if start is None else {}
    swing = fit.traverse(start, steps=2, seed=seed, **given)
    if not is_picture(swing.values.at(main)[0]):
        raise Unanswerable("what this model decodes is no picture", code="U038")
    site = next(iter(swing.latents))
    moved = _moved_dims(swing.latents.at(site))
    label = next((key for key in fit.covariates if 1 < fit.data.num_classes.get(key, 0) <= _MOST_CLASSES), None)
    classes = int(fit.data.num_classes[label]) if label is not None else 1
    pixels = int(np.prod(to_points(swing.values.at(main)[0]).shape[1:]))
    listed = swing.coordinates.shape[1] if swing.column_labels else None
    size = _affordable(budget // pixels // classes, min(len(moved), 2 if label else 3), listed)
    if size is None:
        raise Unanswerable("its pictures are too large for sliders in a page", code="U039")
    steps, count = size
    dims = moved[:count]
    walks = [
        lattice(fit, dims, site, x=start, steps=steps, seed=seed, **(given | ({label: k} if label else {})))
        for k in range(classes)
    ]
    points = to_points(torch.cat([walk.values.at(main).flatten(0, 1) for walk in walks]), main)
    axes = [Axis(label, tuple(str(k) for k in range(classes)), int(row[label].flatten()[0]))] if label else []
    coordinates = walks[0].coordinates.reshape(*[steps] * count, count)
    for place, dim in enumerate(dims):
        line = coordinates.movedim(place, 0).reshape(steps, -1, count)[:, 0, place]
        axes.append(Axis(f"{site}[{dim}]", tuple(f"{value:.2f}" for value in line.tolist()), steps // 2))
    limits = joint_limits([to_points(test[fit.model.column_of(main)][:100]), points])
    sheet = make_sheet(points, limits)
    pad = _pad(points, axes, limits)
    across = len(axes[-1].values)
    gap = (pad.width - across * sheet.width) // (across - 1)
    return Explorer(sheet, tuple(axes), pad, gap, _caption(dims, site, start))


def _moved_dims(codes: Tensor) -> list[int]:
    """Of each row [2, *event] of a traversal, the one dimension that differs between its ends."""
    apart = (codes[:, 0] != codes[:, 1]).flatten(1).to(torch.int64)
    return list(dict.fromkeys(apart.argmax(1).tolist()))


def _affordable(tiles: int, dims: int, listed: int | None) -> tuple[int, int] | None:
    """The most dimensions, and then the finest steps, whose combinations are no more than ``tiles``."""
    for count in range(dims, 0, -1):
        for steps in (listed,) if listed else _STEPS:
            if steps**count <= tiles:
                return steps, count
    return None


def _pad(points: Array, axes: list[Axis], limits: Limits) -> Tiles:
    """The pictures over the last two axes: the one before the last grows upward, the last to the right."""
    shape = [len(axis.values) for axis in axes]
    grid = points.reshape(*shape, *points.shape[1:])[tuple(axis.at for axis in axes[:-2])]
    if len(axes) > 1:
        grid = grid[::-1].reshape(-1, *points.shape[1:])
    return make_tiles(grid, limits, columns=shape[-1])


def _caption(dims: list[int], site: str, start: Any) -> str:
    origin = "the code of a test data point" if start is not None else "a draw of the prior"
    most = "the dimension" if len(dims) == 1 else f"the {len(dims)} dimensions"
    return f"Each picture was decoded when this page was written: {most} of {site} that carry most, from {origin}."
