"""What a position of an autoregressive model sees of those before it, as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ppgen.distributions import Autoregressive, is_before, receptive_field
from ppgen.fitted import Fit
from ppgen.reporting.illustration import Illustration
from ppgen.reporting.mosaic import Array
from ppgen.reporting.ordered_site import ordered_site
from ppgen.reporting.style import INK, LINE, MUTED, PALETTE, Axes, MaybeAxes, house_style, panels

__all__ = ["draw_sight", "middle", "sight_figure"]

_DATA = 32
_SHADES = 0.35  # of what is seen least: seen is told from not seen before more is told from less


def middle(positions: tuple[int, ...]) -> int:
    """The position in the middle, counted along ``positions``; of channels the first.

    Example:
        >>> middle((8, 8)), middle((3, 8, 8)), middle((5,))
        (36, 36, 2)
    """
    place = 0
    for length in positions[-2:]:
        place = place * length + length // 2
    return place


def sight_figure(
    fit: Fit, test: Mapping[str, Tensor], position: int | None = None, ax: MaybeAxes = None
) -> Illustration:
    """Draw what one position sees: how strongly its conditional depends on each other position, by gradients.

    Args:
        fit: of an autoregressive model.
        test: data, [N, ...] each; over the first 32 the gradients are averaged.
        position: counted along the order's positions; default: the one in the middle.
        ax: to draw in; default: a new figure.

    Raises:
        Unanswerable: if the data are not drawn in one order, or the network looks its values up.
        SettingError: if there is no such position.
    """
    site = ordered_site(fit, {key: column[:_DATA] for key, column in test.items()})
    chosen = middle(site.fn.order.positions) if position is None else position
    with house_style():
        ((axes,),) = panels(ax, (3.2, 3.4) if site.x.dim() == 4 else (5.0, 1.2))
        unseen = draw_sight(axes, site.fn, site.x, chosen)
    height, width = _plane(torch.zeros(site.fn.order.positions)).shape
    row, column = divmod(chosen % (height * width), width)
    blind = f"{unseen} positions before it are not seen" if unseen else "it sees all positions before it"
    said = f"What position {(row, column) if height > 1 else column} sees: {blind}."
    scale = f" The darker, the larger is the gradient of its parameters there, a mean over {len(site.x)} data."
    return Illustration(axes.figure, said, said + scale)


def draw_sight(axes: Axes, fn: Autoregressive, x: Tensor, position: int) -> int:
    """Draw the receptive field of one position, and what is before it and not seen.

    Args:
        axes: to draw in.
        fn: the distribution.
        x: ``[N, *event]``, data over which gradients are averaged.
        position: counted along the order's positions.

    Returns:
        How many positions before it are not seen.
    """
    from matplotlib.patches import Patch, Rectangle

    field, before = receptive_field(fn, x, position).cpu(), is_before(fn.order, position)
    strength, is_known = _plane(field), _plane(before.float()) > 0
    colours = _colours(strength, is_known)
    axes.imshow(colours, interpolation="none")
    height, width = strength.shape
    row, column = divmod(position % (height * width), width)
    axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=INK, linewidth=1.6))
    axes.set(xticks=[], yticks=[])
    shown = {"seen": PALETTE[0], "before it, not seen": PALETTE[1], "drawn later": LINE}
    unseen = int((is_known & (strength == 0)).sum())
    if not unseen:
        del shown["before it, not seen"]
    handles = [Patch(facecolor=colour, label=name) for name, colour in shown.items()]
    axes.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(0.0, 0.0),
        ncols=3,
        borderaxespad=0.2,
        handlelength=0.9,
        columnspacing=1.2,
        labelcolor=MUTED,
    )
    return unseen


def _plane(values: Tensor) -> Array:
    """Numbers of positions as ``[height, width]``, summed over channels that are positions; a sequence is a line."""
    plane = values.sum(0) if values.dim() == 3 else values.reshape(1, -1) if values.dim() == 1 else values
    return plane.double().numpy()


def _colours(strength: Array, is_known: Any) -> Array:
    """``[height, width, 3]``: shades of one colour where something is seen, others where not."""
    from matplotlib.colors import to_rgb

    paper, seen, blind, later = (np.asarray(to_rgb(colour)) for colour in ("white", PALETTE[0], PALETTE[1], LINE))
    top = strength.max() or 1.0
    share = (_SHADES + (1.0 - _SHADES) * np.sqrt(strength / top))[..., None]
    shades = paper + share * (seen - paper)
    known = np.where((strength > 0)[..., None], shades, blind)
    return np.where(is_known[..., None], known, later)
