"""Ranks of simulation-based calibration: how far their shares are from uniform, and the bands of an exact guide."""

from __future__ import annotations

import numpy as np

from ppgen.evaluation import Calibration
from ppgen.reporting.illustration import Illustration
from ppgen.reporting.style import PALETTE, STONE, MaybeAxes, house_style, panels

__all__ = ["calibration_figure"]


def calibration_figure(found: Calibration, *, ax: MaybeAxes = None) -> Illustration:
    """One line a coordinate: the share of ranks at or below each value, less that of an exact guide, and the bands.

    A line that leaves the band fails. A guide that is too narrow draws an S lying down, first above and then below the
    axis; one that is too wide the reverse; one that is shifted an arch.

    Args:
        found: by :func:`ppgen.evaluation.simulation_based_calibration`.
        ax: to draw in; default: a new figure.

    Returns:
        The figure.
    """
    bands = found.bands
    places = np.concatenate([[0.0], bands.places, [1.0]])
    with house_style():
        ((axes,),) = panels(ax, (4.2, 3.0))
        low, high = (np.pad(edge - bands.places, 1) for edge in (bands.low, bands.high))
        axes.fill_between(places, low, high, color=STONE, alpha=0.35, linewidth=0, label="an exact guide")
        for colour, (name, ranks) in zip(_colours(len(found.ranks)), found.ranks.items(), strict=True):
            shares = bands.shares(ranks.reshape(len(ranks), -1).numpy()) - bands.places[:, None]
            for coordinate, share in enumerate(shares.T):
                label = name if coordinate == 0 else None
                axes.plot(places, np.pad(share, 1), color=colour, linewidth=1.0, alpha=0.8, label=label)
        axes.set_xlabel("rank of the truth among the guide's draws, as a share")
        axes.set_ylabel("share of ranks below, less that")
        axes.set_title("calibrated" if found.passes else "not calibrated", loc="left")
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return Illustration(axes.figure, f"Shares of ranks, less those of an exact guide: {found.verdict}.", found.verdict)


def _colours(count: int) -> list[str]:
    return [PALETTE[i % len(PALETTE)] for i in range(count)]
