"""Bounds on log p(x) by the number of particles: where the curve is flat, more of them would not help."""

from __future__ import annotations

from collections.abc import Mapping

from ppgen.errors import DataError
from ppgen.estimate import Estimate
from ppgen.reporting.illustration import Illustration
from ppgen.reporting.style import PALETTE, MaybeAxes, house_style, label_line_ends, numeral, panels

__all__ = ["bound_curves"]


def bound_curves(curves: Mapping[str, Mapping[int, Estimate]], *, ax: MaybeAxes = None) -> Illustration:
    """Draw the importance-weighted bound by the number of particles, one line a fit.

    Args:
        curves: for each fit, the bound at each number, as :func:`ppgen.evaluation.bound_curve` gives it.
        ax: to draw in; default: a new figure.

    Returns:
        The figure.

    Raises:
        DataError: without a fit, or with one without numbers.

    Example:
        >>> bound = lambda value: Estimate(value, kind="lower bound", unit="nats")
        >>> bound_curves({"VAE": {1: bound(-90.0), 100: bound(-87.5)}}).caption
        'From 1 to 100 particles the bound rises by 2.50 nats for VAE.'
    """
    if not curves or not all(curves.values()):
        raise DataError(
            "a figure of bounds needs a bound for each fit",
            expected='{"VAE": ppgen.evaluation.bound_curve(fit)}',
            got=", ".join(f"{name}: {len(curve)}" for name, curve in curves.items()) or "none",
            fix="curves[name] = ppgen.evaluation.bound_curve(fit)",
            code="D132",
        )
    counts = sorted({count for curve in curves.values() for count in curve})
    with house_style():
        ((axes,),) = panels(ax, (4.6, 3.0))
        ends = []
        for (name, curve), colour in zip(curves.items(), PALETTE, strict=False):
            own = sorted(curve)
            axes.plot(own, [curve[count].value for count in own], color=colour, marker="o", markersize=4, label=name)
            ends.append((own[-1], curve[own[-1]].value, name, colour))
        axes.set_xscale("log")
        axes.set_xticks(counts, [str(count) for count in counts])
        axes.minorticks_off()
        axes.set(xlabel="particles", ylabel="nats per datum", title="Bound on log p(x)")
        axes.grid(axis="y")
        label_line_ends(axes, ends)
    said = " and ".join(
        f"{numeral(curve[max(curve)].value - curve[min(curve)].value, 2)} nats for {name}"
        for name, curve in curves.items()
    )
    caption = f"From {counts[0]} to {counts[-1]} particles the bound rises by {said}."
    return Illustration(axes.figure, f"Bounds by the number of particles: {caption}", caption)
