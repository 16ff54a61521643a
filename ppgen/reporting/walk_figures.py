"""A fit's walks for a page: its dimensions one by one, and ways from one data point or draw to another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ppgen.declare import without_latents
from ppgen.errors import SettingError, Unanswerable
from ppgen.evaluation.density import explained_site
from ppgen.fitted import Fit
from ppgen.reporting.draw_walk import draw_walk
from ppgen.reporting.grids import is_picture, to_points
from ppgen.reporting.illustration import Illustration
from ppgen.reporting.style import house_style, new_figure
from ppgen.walks import Walk

__all__ = ["interpolation_figure", "traversal_figure", "walk_start"]

_ROWS = 6
_WAYS = 4


def traversal_figure(fit: Fit, test: Mapping[str, Tensor], seed: int) -> Illustration:
    """The dimensions that carry most, one a row, from one data point; of a fit without a code from a draw.

    Args:
        fit: with a latent.
        test: data, [N, ...] each; the first is the start.
        seed: of draws.

    Raises:
        Unanswerable: if there is no latent to walk along.
    """
    start, given = walk_start(fit, test, 1)
    try:
        walk = fit.traverse(start, n=1, steps=11, seed=seed, **given)
    except SettingError as error:
        raise Unanswerable(error.what, code="U041") from error
    walk = first_rows(walk, _ROWS)
    what = "a test data point" if start is not None else "a draw of the prior"
    return _drawn(fit, test, walk, f"Traversal from {what}: {walk.caption}")


def interpolation_figure(fit: Fit, test: Mapping[str, Tensor], seed: int) -> Illustration:
    """Ways between test data, two by two; of a fit without a code between draws of its noise.

    Args:
        fit: with a latent.
        test: data, [N, ...] each.
        seed: of draws.

    Raises:
        Unanswerable: if there is no latent to walk along.
    """
    ways = min(_WAYS, len(next(iter(test.values()))) // 2)
    if not ways:
        raise Unanswerable("one test data point is no way from one to another", code="U042")
    (start, given), (end, _) = (
        walk_start(fit, {key: column[part] for key, column in test.items()}, ways)
        for part in (slice(0, ways), slice(ways, 2 * ways))
    )
    try:
        walk = fit.interpolate(start, end, steps=11, n=ways, seed=seed, **given)
    except SettingError as error:
        raise Unanswerable(error.what, code="U043") from error
    what = "test data" if start is not None else "draws of the prior, a walk through its noise"
    return _drawn(fit, test, walk, f"Interpolation between {what}. {walk.caption}")


def walk_start(fit: Fit, test: Mapping[str, Tensor], n: int) -> tuple[Any, dict[str, Tensor]]:
    """Where a walk starts: data, if codes can be read from them; else no data, and the covariates of some.

    Args:
        fit: that walks.
        test: data, [N, ...] each.
        n: how many rows.
    """
    rows = {key: column[:n] for key, column in test.items()}
    if fit.guide is not None:
        return without_latents(fit.model, rows), {}
    if not any(site.role == "latent" for site in fit.model.sites.values()):
        return None, {}  # there is no walk, whatever the model is told
    return None, {key: rows[key] for key in fit.covariates if key in rows}


def first_rows(walk: Walk, count: int) -> Walk:
    """The first rows of a walk, which carry most."""
    from dataclasses import replace

    from ppgen.by_site import BySite

    latents, values = (
        BySite({name: named.at(name)[:count] for name in named}) for named in (walk.latents, walk.values)
    )
    return replace(
        walk,
        latents=latents,
        values=values,
        coordinates=walk.coordinates[:count],
        row_labels=walk.row_labels[:count],
    )


def _drawn(fit: Fit, test: Mapping[str, Tensor], walk: Walk, caption: str) -> Illustration:
    site = explained_site(fit, test)
    values = walk.values.at(site)
    rows, columns = values.shape[:2]
    points = to_points(values.flatten(0, 1)[:1])
    with house_style():
        if is_picture(points):
            across = min(0.42 * columns, 5.6)
            figure = new_figure(across + 0.6, across * rows * points.shape[2] / (columns * points.shape[3]) + 0.3)
        else:
            figure = new_figure(6.2, 0.6 * rows + 0.5 if points.shape[1] > 2 else 3.4)
        draw_walk(walk, figure.subplots(), site=site)
    return Illustration(figure, caption, caption)
