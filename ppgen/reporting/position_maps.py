"""Numbers of single positions as pictures: surprise, and how open each conditional was, beneath the data."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from ppgen.fitted import Fit
from ppgen.reporting.grids import is_picture, joint_limits, to_points
from ppgen.reporting.illustration import Illustration
from ppgen.reporting.mosaic import Array, Limits, draw_mosaic, mosaic, tile_boxes
from ppgen.reporting.ordered_site import OrderedSite, ordered_site
from ppgen.reporting.style import Axes, MaybeAxes, house_style, numeral, panels

__all__ = ["as_tiles", "entropy_figure", "heat", "surprise_figure"]

_SHOWN = 10
_HEAT = "magma"


def surprise_figure(fit: Fit, test: Mapping[str, Tensor], ax: MaybeAxes = None) -> Illustration:
    """Draw test data, and below each the nats that each of its positions costs.

    Args:
        fit: of an autoregressive model.
        test: data, [N, ...] each; the first ten are drawn.
        ax: to draw in; default: a new figure.

    Raises:
        Unanswerable: if the data are not drawn in one order, position by position.
    """
    site = _first(fit, test)
    with torch.no_grad():
        nats = site.maps(-site.fn.log_prob_per_position(site.x))
    return _drawn(site, nats, ax, "surprise", "Surprise: test data, and the nats −log p(xᵢ | before) of each position")


def entropy_figure(fit: Fit, test: Mapping[str, Tensor], ax: MaybeAxes = None) -> Illustration:
    """Draw test data, and below each how open each of its positions was, given those before it.

    Args:
        fit: of an autoregressive model.
        test: data, [N, ...] each; the first ten are drawn.
        ax: to draw in; default: a new figure.

    Raises:
        Unanswerable: if the data are not drawn in one order, or the family has no entropy in closed form.
    """
    site = _first(fit, test)
    with torch.no_grad():
        nats = site.maps(site.fn.entropy_per_position(site.x))
    return _drawn(site, nats, ax, "entropy", "Entropy: test data, and that of each position's conditional in nats")


def as_tiles(x: Tensor, name: str) -> tuple[Array, int]:
    """Data as pictures, and how many stand side by side: a sequence is a picture of one line.

    Args:
        x: ``[N, *event]``.
        name: of the site, for errors.
    """
    points = to_points(x, name)
    if is_picture(points):
        return points, len(points)
    return points[:, None, None], 1


def heat(maps: Array, limits: Limits) -> Array:
    """Numbers ``[N, H, W]`` as colours, ``[N, 3, H, W]`` from 0 to 1.

    Args:
        maps: the numbers.
        limits: drawn as the darkest and the lightest.
    """
    from matplotlib import colormaps

    low, high = limits
    scaled = np.clip((maps - low) / (high - low), 0.0, 1.0)
    return np.moveaxis(colormaps[_HEAT](scaled)[..., :3], -1, 1)


def _first(fit: Fit, test: Mapping[str, Tensor]) -> OrderedSite:
    return ordered_site(fit, {key: column[:_SHOWN] for key, column in test.items()})


def _drawn(site: OrderedSite, nats: Tensor, ax: MaybeAxes, name: str, said: str) -> Illustration:
    pictures, columns = as_tiles(site.x, site.name)
    maps = nats.cpu().double().numpy().reshape(len(pictures), *pictures.shape[2:])
    low, high = min(0.0, float(maps.min())), float(maps.max())
    limits = (low, high if high > low else low + 1.0)
    upper = mosaic(pictures, columns, joint_limits([pictures]))
    lower = mosaic(heat(maps, limits), columns, (0.0, 1.0))
    gap = np.zeros_like(upper[: max(1, len(upper) // 16)])
    sums = maps.reshape(len(maps), -1).sum(1)
    with house_style():
        tall = 1.3 * pictures.shape[2] / pictures.shape[3] if columns > 1 else 2.2
        ((axes,),) = panels(ax, (0.62 * max(columns, 7) + 1.2, tall + 0.4))
        draw_mosaic(axes, np.concatenate([upper, gap, lower]))
        height = len(upper)
        axes.set_yticks([height / 2, len(gap) + 1.5 * height], ["test data", name])
        axes.tick_params(length=0)
        if columns > 1:
            boxes = tile_boxes(upper)
            axes.set_xticks([left + wide / 2 for left, _, wide, _ in boxes], [numeral(each, 1) for each in sums])
        _scale(axes, limits)
    given = f" Given {site.given}." if site.given else ""
    per = "Below each is its sum" if columns > 1 else f"A line is one datum; the sums go from {sums.min():.1f} to"
    total = f"{per}." if columns > 1 else f"{per} {sums.max():.1f}."
    caption = f"{said}; colours from {numeral(limits[0], 2)} to {numeral(limits[1], 2)}. {total}{given}"
    return Illustration(axes.figure, f"{len(pictures)} test data and the {name} of each position.", caption)


def _scale(axes: Axes, limits: Limits) -> None:
    """What the colours mean, as a bar at the right."""
    bar = axes.inset_axes((1.02, 0.0, 0.015, 0.47))
    ramp = np.linspace(limits[1], limits[0], 64)[None, :, None]
    bar.imshow(np.moveaxis(heat(ramp, limits)[0], 0, -1), aspect="auto", extent=(0.0, 1.0, *limits))
    bar.yaxis.tick_right()
    bar.set(xticks=[], yticks=list(limits), yticklabels=[numeral(limits[0], 0), f"{numeral(limits[1], 1)} nats"])
    bar.tick_params(length=0)
    bar.spines[:].set_visible(False)
