"""An image while it is drawn: the canvas after an eighth of its positions, two eighths, and so on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ppgen.distributions import Order
from ppgen.fitted import Fit
from ppgen.reporting.grids import joint_limits
from ppgen.reporting.illustration import Illustration
from ppgen.reporting.mosaic import draw_mosaic, mosaic
from ppgen.reporting.ordered_site import ordered_site
from ppgen.reporting.position_maps import as_tiles
from ppgen.reporting.style import MaybeAxes, house_style, panels

__all__ = ["canvas_figure", "drawn_by"]

_STAGES = 8
_ROWS = 4
_BLANK = (0.62, 0.79, 0.90)  # of what is not yet drawn: no grey, lest it be taken for a pixel


def drawn_by(order: Order, stages: int) -> Tensor:
    """Which positions are drawn after k of so many equal parts of the order: bool ``[stages, *positions]``.

    Args:
        order: of the positions.
        stages: how many; the last has all.

    Example:
        >>> from ppgen.distributions import orders
        >>> drawn_by(orders.raster((2, 2)), 2).int().tolist()
        [[[1, 1], [0, 0]], [[1, 1], [1, 1]]]
    """
    turns = order.restore(torch.arange(len(order)).reshape(order.scanned))
    parts = torch.arange(1, stages + 1) * len(order) / stages
    return turns < parts.reshape(-1, *(1 for _ in order.positions))


def canvas_figure(fit: Fit, test: Mapping[str, Tensor], seed: int, ax: MaybeAxes = None) -> Illustration:
    """Draw samples while they come into being, position by position.

    Args:
        fit: of an autoregressive model.
        test: data whose covariates the samples share.
        seed: of the samples.
        ax: to draw in; default: a new figure.

    Raises:
        Unanswerable: if the data are not drawn in one order, position by position.
    """
    rows = {key: column[:_ROWS] for key, column in test.items()}
    site = ordered_site(fit, rows)
    given: dict[str, Any] = {key: rows[key] for key in fit.covariates if key in rows}
    made = fit.sample(len(site.x), site=site.name, seed=seed, **given)
    if made.dim() != 4:
        made = made[:1]  # a line each stage
    pictures, columns = as_tiles(made, site.name)
    low, high = joint_limits([as_tiles(site.x, site.name)[0]])
    colours = np.clip((pictures - low) / (high - low), 0.0, 1.0)
    colours = np.broadcast_to(colours, (len(colours), 3, *colours.shape[2:]))
    there = drawn_by(site.fn.order, _STAGES)
    shown = there.reshape(_STAGES, -1, *pictures.shape[2:]).all(1).numpy()  # all channels of a pixel
    stages = np.where(shown[None, :, None], colours[:, None], np.reshape(_BLANK, (1, 1, 3, 1, 1)))
    across = _STAGES if columns > 1 else 1
    with house_style():
        size = (0.62 * _STAGES, 0.62 * len(pictures) * pictures.shape[2] / pictures.shape[3] if across > 1 else 1.6)
        ((axes,),) = panels(ax, (size[0], size[1] + 0.1))
        draw_mosaic(axes, mosaic(stages.reshape(-1, *stages.shape[2:]), across, (0.0, 1.0)))
    length = len(site.fn.order)
    many = "Each row is a sample" if across > 1 else "A sample"
    caption = f"{many} while it is drawn: its first eighth of {length} positions, two eighths ... and all."
    return Illustration(axes.figure, f"{len(pictures)} samples in {_STAGES} stages of being drawn.", caption)
