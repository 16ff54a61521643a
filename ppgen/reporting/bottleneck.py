"""Reconstruction against the size of the code: how narrow a bottleneck may be."""

from __future__ import annotations

from collections.abc import Mapping

from ppgen.errors import DataError
from ppgen.estimate import Estimate
from ppgen.reporting.illustration import Illustration
from ppgen.reporting.numerals import numeral
from ppgen.reporting.style import PALETTE, house_style, new_figure

__all__ = ["bottleneck"]


def bottleneck(errors: Mapping[str, Mapping[int, Estimate]]) -> Illustration:
    """Draw reconstruction errors by the number of latent dimensions, one line a method, both axes logarithmic.

    Args:
        errors: for each method, the error at each size, as :func:`ppgen.evaluation.reconstruction_error` gives it.
            Bars of two standard errors are drawn where it has one.

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
        )
    sizes = sorted({size for _, size in flat})
    ends = []
    with house_style():
        figure = new_figure(4.6, 3.0)
        axes = figure.subplots()
        for (name, by_size), colour in zip(errors.items(), PALETTE, strict=False):
            own = sorted(by_size)
            values = [by_size[size].value for size in own]
            spread = [2.0 * (by_size[size].standard_error or 0.0) for size in own]
            axes.errorbar(own, values, yerr=spread, color=colour, marker="o", markersize=4, linewidth=1.4, label=name)
            ends.append((float(own[-1]), values[-1], name, colour))
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.set_xticks(sizes, [str(size) for size in sizes])
        axes.minorticks_off()
        axes.set_xlabel("latent dimensions")
        axes.set_ylabel("squared error per dimension")
        axes.set_title("Reconstruction through a bottleneck")
        axes.grid(axis="y")
        for x, y, name, colour in ends:
            axes.annotate(name, (x, y), xytext=(6, 0), textcoords="offset points", va="center", color=colour)
    last = sizes[-1]
    said = " and ".join(
        f"{numeral(by_size[last].value, 4)} for {name}" for name, by_size in errors.items() if last in by_size
    )
    caption = f"With {last} latent dimensions the squared error per dimension is {said}."
    return Illustration(figure, f"Bottleneck study: {caption}", caption)
