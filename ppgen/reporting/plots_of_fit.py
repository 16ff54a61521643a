"""What all plots of a fit share: the fit, a selection of its test data, and axes that are the user's or new."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from ppgen.errors import DataError, PpgenError
from ppgen.fitted import Fit
from ppgen.reporting.style import Axes, MaybeAxes, house_style, new_axes

__all__ = ["PlotsOfFit"]


class PlotsOfFit:
    """Axes in, axes out; without ``ax=``, a new figure of pyplot's.

    Args:
        fit: a finished fit.
    """

    def __init__(self, fit: Fit) -> None:
        self._fit = fit

    def _illustrated(self, ax: MaybeAxes, size: tuple[float, float], draw: Callable[[Axes], Any]) -> Axes:
        """What a page draws, in the user's axes or a new figure's; no empty figure stays where there is no answer."""
        with house_style():
            place = new_axes(ax, *size)
        try:
            draw(place)
        except PpgenError:
            if ax is None:
                from matplotlib import pyplot

                pyplot.close(pyplot.gcf())  # the one that was just made
            raise
        return place

    def _rows(self, n: int | None, seed: int) -> dict[str, torch.Tensor]:
        """A random selection of the test split; all of it in random order, where ``n`` is ``None``."""
        test: Mapping[str, torch.Tensor] = self._fit.data.split("test")
        first = next(iter(test.values()))
        if not len(first):
            raise DataError(
                "plot: the test split is empty", expected="test data", got="0 rows", fix="test=0.1", code="D086"
            )
        chosen = torch.randperm(len(first), generator=torch.Generator().manual_seed(seed))[:n].to(first.device)
        return {key: column[chosen] for key, column in test.items()}
