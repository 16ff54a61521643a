"""``fit.plot`` of an autoregressive model: what a position sees, costs and leaves open, and how data are drawn."""

from __future__ import annotations

from ppgen.checked import checked
from ppgen.reporting.canvas_figure import canvas_figure
from ppgen.reporting.plots_of_fit import PlotsOfFit
from ppgen.reporting.position_maps import entropy_figure, surprise_figure
from ppgen.reporting.sight_figure import sight_figure
from ppgen.reporting.style import Axes, MaybeAxes

__all__ = ["OrderPlots"]


@checked
class OrderPlots(PlotsOfFit):
    """The plots of fits whose data are drawn in one order, position by position.

    Args:
        fit: a finished fit.
    """

    def receptive_field(self, ax: MaybeAxes = None, *, position: int | None = None, seed: int = 0) -> Axes:
        """What one position sees of those before it, by gradients; a blind spot has a colour of its own.

        Args:
            ax: to draw in.
            position: counted along the positions of the model's order; default: the one in the middle.
            seed: chooses the data over which gradients are averaged.

        Raises:
            Unanswerable: if the data are not drawn in one order, or the network looks its values up.
            SettingError: if there is no such position.
        """
        rows = self._rows(None, seed)
        return self._illustrated(ax, (3.2, 3.4), lambda place: sight_figure(self._fit, rows, position, place))

    def surprise(self, ax: MaybeAxes = None, *, seed: int = 0) -> Axes:
        """Test data, and below each the nats that each of its positions costs; they sum to ``-log p(x)``.

        Args:
            ax: to draw in.
            seed: chooses the data.

        Raises:
            Unanswerable: if the data are not drawn in one order, position by position.
        """
        rows = self._rows(None, seed)
        return self._illustrated(ax, (7.4, 1.7), lambda place: surprise_figure(self._fit, rows, place))

    def entropy(self, ax: MaybeAxes = None, *, seed: int = 0) -> Axes:
        """Test data, and below each the entropy of each position's conditional, given the positions before it.

        Args:
            ax: to draw in.
            seed: chooses the data.

        Raises:
            Unanswerable: if the data are not drawn in one order, or the family has no entropy in closed form.
        """
        rows = self._rows(None, seed)
        return self._illustrated(ax, (7.4, 1.7), lambda place: entropy_figure(self._fit, rows, place))

    def generation(self, ax: MaybeAxes = None, *, seed: int = 0) -> Axes:
        """Samples while they are drawn: the canvas after each eighth of the order.

        Args:
            ax: to draw in.
            seed: of the samples.

        Raises:
            Unanswerable: if the data are not drawn in one order, position by position.
        """
        rows = self._rows(None, seed)
        return self._illustrated(ax, (5.0, 2.6), lambda place: canvas_figure(self._fit, rows, seed, place))
