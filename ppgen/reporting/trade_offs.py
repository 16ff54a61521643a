"""Trade-offs of a code: the rate-distortion plane, and reconstruction error against the size of the code."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ppgen.errors import DataError
from ppgen.estimate import Estimate
from ppgen.reporting.illustration import Illustration
from ppgen.reporting.style import INK, MUTED, PALETTE, Axes, MaybeAxes, house_style, numeral, panels

__all__ = ["bottleneck", "rate_distortion"]


def rate_distortion(points: Mapping[str, tuple[float, float]], *, ax: MaybeAxes = None) -> Illustration:
    """Draw fits by their rate ``KL(q(z | x) || p(z))`` and distortion ``-E_q[log p(x | z)]``.

    ``-ELBO`` is their sum, so that fits of one ELBO lie on one falling diagonal, drawn through the best fit and
    through the worst. A fit at rate 0 has a code that says nothing; fits of a weight above 1 on the rate lie to the
    left of the fit of the ELBO itself.

    Reference: A. Alemi et al., "Fixing a Broken ELBO", 2018 (arXiv 1711.00464).

    Args:
        points: ``(rate, distortion)`` in nats per datum by the name of the fit, in the order of a sweep: the points
            are joined by a line.
        ax: to draw in; default: a new figure.

    Returns:
        The figure. Both axes have one scale, so that the diagonals stand at 45 degrees.

    Raises:
        DataError: if there is no point, or one that is not finite.

    Example:
        >>> rate_distortion({"beta 1": (8.0, 15.0), "beta 4": (4.0, 20.0)}).caption
        'The ELBO is highest for beta 1: rate 8.0 + distortion 15.0 = 23.0 nats per datum.'
    """
    bad = next((name for name, values in points.items() if not all(map(math.isfinite, values))), None)
    if not points or bad is not None:
        raise DataError(
            "a rate-distortion plane needs fits with a rate and a distortion",
            expected='{"beta 1": (rate, distortion), ...}, finite numbers in nats per datum',
            got="no fit" if bad is None else f"{bad}: {points[bad]}",
            fix='row = fit.history[-1]["valid"]; (row["rate/z"], row["distortion"])',
            code="D090",
        )
    costs = {name: rate + distortion for name, (rate, distortion) in points.items()}
    best, worst = min(costs, key=costs.__getitem__), max(costs, key=costs.__getitem__)
    with house_style():
        ((axes,),) = panels(ax, (5.0, 4.2))
        rates, distortions = zip(*points.values(), strict=True)
        axes.plot(rates, distortions, color=PALETTE[0], marker="o", markersize=4.5, linewidth=1.2)
        reach = max(max(rates) - min(rates), max(distortions) - min(distortions), 1.0)
        for names, at in _merged(points, 0.02 * reach):
            colour = INK if best in names else MUTED
            axes.annotate(", ".join(names), at, xytext=(6, 5), textcoords="offset points", color=colour)
        left, right = min(0.0, min(rates)) - 0.05 * reach, max(rates) + 0.2 * reach
        low, high = min(distortions) - 0.15 * reach, max(distortions) + 0.1 * reach
        axes.set(xlabel="rate, nats per datum", ylabel="distortion, nats per datum", title="Rate and distortion")
        axes.set(xlim=(left, right), ylim=(low, high))
        for name in dict.fromkeys((best, worst)):
            _isoline(axes, costs[name], min(right, costs[name] - low), INK if name == best else MUTED)
        axes.set_aspect("equal", adjustable="box")
        axes.grid()
    rate, distortion = points[best]
    caption = (
        f"The ELBO is highest for {best}: rate {numeral(rate, 1)} + distortion {numeral(distortion, 1)} = "
        f"{numeral(costs[best], 1)} nats per datum."
    )
    return Illustration(axes.figure, f"Rate-distortion plane: {caption}", caption)


def _isoline(axes: Axes, cost: float, end: float, colour: str) -> None:
    """All pairs of rate and distortion with this sum; its name stands under the line, up to the rate ``end``."""
    axes.axline((0.0, cost), slope=-1.0, color=colour, linewidth=0.9, linestyle=(0, (4, 3)), zorder=0)
    axes.annotate(
        f"ELBO {numeral(-cost, 1)}",
        (end, cost - end),
        xytext=(-14, 9),
        textcoords="offset points",
        rotation=-45,
        rotation_mode="anchor",
        ha="right",
        va="top",
        color=colour,
        fontsize=8.0,
    )


def _merged(points: Mapping[str, tuple[float, float]], near: float) -> list[tuple[list[str], tuple[float, float]]]:
    """Names by place: those of points that would be written over each other share one."""
    places: list[tuple[list[str], tuple[float, float]]] = []
    for name, at in points.items():
        if close := [names for names, there in places if math.dist(there, at) < near]:
            close[0].append(name)
        else:
            places.append(([name], at))
    return places


def bottleneck(errors: Mapping[str, Mapping[int, Estimate]], *, ax: MaybeAxes = None) -> Illustration:
    """Draw reconstruction errors by the number of latent dimensions, one line a method, both axes logarithmic.

    Args:
        errors: for each method, the error at each size, as :func:`ppgen.evaluation.reconstruction_error` gives it.
            Bars of two standard errors are drawn where it has one.
        ax: to draw in; default: a new figure.

    Returns:
        The figure.

    Raises:
        DataError: if there is no method, one without sizes, or an error that is not above 0.

    Example:
        >>> error = lambda value: Estimate(value, kind="unbiased", unit="squared", per="dimension")
        >>> bottleneck({"PCA": {2: error(0.04), 8: error(0.01)}}).caption
        'With 8 latent dimensions the squared error per dimension is 0.0100 for PCA.'
    """
    from matplotlib.ticker import FuncFormatter, LogLocator

    flat = {(name, size): estimate for name, by_size in errors.items() for size, estimate in by_size.items()}
    if not flat or not all(errors.values()) or any(estimate.value <= 0 for estimate in flat.values()):
        raise DataError(
            "a bottleneck study needs an error above 0 for each method and size",
            expected='{"autoencoder": {2: Estimate, 4: Estimate}, ...}',
            got=", ".join(f"{name} at {size}: {estimate.value:g}" for (name, size), estimate in flat.items()) or "none",
            fix="errors[name][size] = ppgen.evaluation.reconstruction_error(x, fit.reconstruct(data))",
            code="D091",
        )
    sizes = sorted({size for _, size in flat})
    with house_style():
        ((axes,),) = panels(ax, (4.6, 3.0))
        for (name, by_size), colour in zip(errors.items(), PALETTE, strict=False):
            own = sorted(by_size)
            values = [by_size[size].value for size in own]
            spread = [2.0 * (by_size[size].standard_error or 0.0) for size in own]
            axes.errorbar(own, values, yerr=spread, color=colour, marker="o", markersize=4, linewidth=1.4, label=name)
            axes.annotate(
                name, (own[-1], values[-1]), xytext=(6, 0), textcoords="offset points", va="center", color=colour
            )
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.set_xticks(sizes, [str(size) for size in sizes])
        axes.minorticks_off()
        axes.set(xlabel="latent dimensions", ylabel="squared error per dimension")
        axes.set_title("Reconstruction through a bottleneck")
        axes.grid(axis="y")
    last = sizes[-1]
    said = " and ".join(
        f"{numeral(by_size[last].value, 4)} for {name}" for name, by_size in errors.items() if last in by_size
    )
    caption = f"With {last} latent dimensions the squared error per dimension is {said}."
    return Illustration(axes.figure, f"Bottleneck study: {caption}", caption)
