"""Data of one or two dimensions: they, samples of the model, and its density, in one picture."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ppgen.errors import Unanswerable
from ppgen.evaluation.density import explained_site
from ppgen.fitted import Fit
from ppgen.reporting.grids import to_points
from ppgen.reporting.illustration import Illustration
from ppgen.reporting.mosaic import Array
from ppgen.reporting.style import PALETTE, STONE, Axes, MaybeAxes, house_style, panels

__all__ = ["MASSES", "LowDimensions", "density_figure", "draw_density", "low_dimensions", "mass_levels"]

MASSES = (0.95, 0.8, 0.5)
"""What the contours of a density in the plane hold, from the outermost inward."""

_POINTS = 1000
_STEPS = {1: 240, 2: 56}
_PARTICLES = 100
_MOST_BARS = 60


@dataclasses.dataclass(frozen=True)
class LowDimensions:
    """What is drawn of data of one or two dimensions.

    Args:
        data: [N, D], D is 1 or 2.
        samples: [M, D].
        grid: coordinates of the points at which the density is known, D arrays of [S]; numbers that are whole in the
            data stand one apart.
        log_density: at the points of the grid, [S] or, first coordinate first, [S, S]; ``None`` without a density.
        is_discrete: whether these are log-probabilities of whole numbers.
        said: how the density was found, or why there is none; in a sentence.
    """

    data: Array
    samples: Array
    grid: tuple[Array, ...]
    log_density: Array | None
    is_discrete: bool
    said: str


def density_figure(fit: Fit, test: Mapping[str, Tensor], seed: int, ax: MaybeAxes = None) -> Illustration:
    """Draw data of one or two dimensions, samples, and the learned density where the model has one.

    Args:
        fit: of such data.
        test: data, [N, ...] each; the first thousand are drawn.
        seed: of samples and of the density's bound.
        ax: to draw in; default: a new figure.

    Raises:
        Unanswerable: if the data have more dimensions.
    """
    shown = low_dimensions(fit, test, seed)
    with house_style():
        ((axes,),) = panels(ax, (4.6, 4.0 if shown.data.shape[1] == 2 else 3.0))
        draw_density(axes, shown)
    count = f"{len(shown.data)} test data and {len(shown.samples)} samples"
    return Illustration(axes.figure, f"{count}. {shown.said}", f"{count}. {shown.said}")


def low_dimensions(fit: Fit, test: Mapping[str, Tensor], seed: int) -> LowDimensions:
    """Data, samples, and the density on a grid that spans both.

    Where the density is a bound, so is what is given here: by 100 importance weights at each point.

    Args:
        fit: whose data have one or two dimensions.
        test: data, [N, ...] each; the first thousand are looked at.
        seed: of samples and of the density's bound.

    Raises:
        Unanswerable: if the data have more dimensions, or are classes.

    Example:
        >>> import ppgen
        >>> x = torch.linspace(-1.0, 1.0, 200).unsqueeze(-1)
        >>> model = ppgen.models.VAE((1,), 1, likelihood=ppgen.nets.GaussianLikelihood((1,)))
        >>> fit = ppgen.fit(model, {"x": x}, max_epochs=1, progress=False)
        >>> low_dimensions(fit, fit.data.split("test"), seed=0).log_density.shape
        (240,)
    """
    site = explained_site(fit, test)
    name = fit.model.column_of(site)
    column, rows = fit.data.columns[name], {key: value[:_POINTS] for key, value in test.items()}
    x = rows[name]
    dims = math.prod(x.shape[1:])
    if dims > 2 or column.kind == "categorical":
        raise Unanswerable(
            f"{name} is no point on a line or in a plane",
            expected="numbers, one or two a data point",
            got=f"{column}, {dims} dimension{'s' * (dims != 1)}",
            fix="fit.plot.samples()",
            code="U047",
        )
    given: dict[str, Any] = {key: rows[key] for key in fit.covariates if key in rows}
    made = fit.sample(len(x), site=site, seed=seed, mean=fit.has_point_codes, **given)
    data, samples = (to_points(value.reshape(len(value), -1), name) for value in (x, made))
    is_discrete = column.measure in ("binary", "integer", "8-bit") and bool((data == np.round(data)).all())
    grid = _grid(np.concatenate([data, samples]), is_discrete)
    try:
        values, said = _log_density(fit, name, x, grid, seed)
    except Unanswerable as error:
        values, said = None, f"No density is drawn: {error.what}."
    return LowDimensions(data, samples, grid, values, is_discrete, said)


def _grid(points: Array, is_discrete: bool) -> tuple[Array, ...]:
    """Coordinates that span the points: a likelihood of positive numbers, say, has no density outside of them."""
    ends = np.stack([points.min(axis=0), points.max(axis=0)], axis=1)
    if is_discrete and np.ptp(ends, axis=1).max() <= _STEPS[points.shape[1]]:
        return tuple(np.arange(low, high + 1.0) for low, high in ends)
    return tuple(np.linspace(low, high, _STEPS[points.shape[1]]) for low, high in ends)


def _log_density(fit: Fit, name: str, x: Tensor, grid: tuple[Array, ...], seed: int) -> tuple[Array, str]:
    """Log-densities at all points of the grid, and what they are."""
    others = [fit.model.column_of(site) for site in fit.observed if fit.model.column_of(site) != name]
    if told := [*fit.covariates, *others]:
        raise Unanswerable(f"{fit.density_of} is another one for each value of {', '.join(told)}", code="U048")
    places = np.stack(np.meshgrid(*grid, indexing="ij"), axis=-1)
    points = torch.as_tensor(places.reshape(-1, *x.shape[1:]), dtype=x.dtype)
    rows = {name: points}
    is_exact = fit.log_prob({name: points[:2]}, num_particles=2, seed=seed).kind == "exact"
    values = fit.log_prob_per_datum(rows, num_particles=_PARTICLES, seed=seed)
    whole = "The learned density" if is_exact else f"A lower bound of the learned density, by {_PARTICLES} draws of q"
    held = ", ".join(f"{mass:.0%}" for mass in MASSES)
    contours = f"; lines enclose {held} of it" if len(grid) == 2 else ""
    return values.cpu().double().numpy().reshape(places.shape[:-1]), f"{whole}{contours}."


def mass_levels(log_density: Array, masses: tuple[float, ...] = MASSES) -> list[float]:
    """The log-densities whose contours hold these shares of the mass on the grid: regions of highest density.

    Args:
        log_density: at evenly spaced points.
        masses: shares, each between 0 and 1.

    Example:
        >>> mass_levels(np.log(np.array([0.5, 0.3, 0.2])), (0.5, 0.8)) == [np.log(0.5), np.log(0.3)]
        True
    """
    ordered = np.sort(log_density.ravel())[::-1]
    held = np.cumsum(np.exp(ordered - ordered[0]))
    return [float(ordered[np.searchsorted(held, mass * held[-1] * (1 - 1e-9))]) for mass in masses]


def draw_density(axes: Axes, shown: LowDimensions) -> None:
    """Draw a histogram and a curve, or two scatters and contours.

    Args:
        axes: to draw in.
        shown: what :func:`low_dimensions` found.
    """
    if shown.data.shape[1] == 1:
        _draw_line(axes, shown)
    else:
        _draw_plane(axes, shown)
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3, handletextpad=0.5, columnspacing=1.4)


def _draw_line(axes: Axes, shown: LowDimensions) -> None:
    """Data as bars, samples as an outline, the density as a line; of whole numbers, a dot for each."""
    (places,) = shown.grid
    if shown.is_discrete and len(places) <= _MOST_BARS:
        bins = np.append(places - 0.5, places[-1] + 0.5)
    else:
        bars = int(np.clip(1.5 * np.sqrt(len(shown.data)), 10, 40))
        bins = np.linspace(places[0], places[-1] + (places[0] == places[-1]), bars + 1)
    axes.hist(shown.data[:, 0], bins=bins.tolist(), density=True, color=STONE, alpha=0.6, label="data")
    axes.hist(
        *(shown.samples[:, 0], bins.tolist()),
        density=True,
        histtype="step",
        color=PALETTE[1],
        linewidth=1.2,
        label="samples",
    )
    if shown.log_density is not None:
        style: dict[str, Any] = {"marker": "o", "markersize": 3.0} if shown.is_discrete else {}
        axes.plot(places, np.exp(shown.log_density), color=PALETTE[0], label="density", **style)
    axes.set_ylim(0.0)
    axes.set(xlabel="x", ylabel="probability" if shown.is_discrete else "density")


def _draw_plane(axes: Axes, shown: LowDimensions) -> None:
    """Data and samples in shapes of their own, so that grey paper tells them apart, and contours over them."""
    axes.scatter(shown.data[:, 0], shown.data[:, 1], s=9, color=STONE, linewidths=0, label="data")
    across, up = shown.samples.T
    axes.scatter(across, up, s=11, color=PALETTE[1], marker="x", linewidths=0.7, label="samples")
    if shown.log_density is not None:
        levels = sorted(set(mass_levels(shown.log_density)))
        style: dict[str, Any] = {"linestyles": "solid", "linewidths": np.linspace(0.8, 1.8, len(levels))}
        axes.contour(*shown.grid, shown.log_density.T, levels=levels, colors=PALETTE[0], **style)
        axes.plot([], [], color=PALETTE[0], label="density")
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(0.05)
    axes.autoscale()  # to all points: contours had drawn the limits in
    axes.set(xlabel="x₁", ylabel="x₂")
