"""Samples beside the training data nearest to them, and the data that are reconstructed best and worst."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ppgen.declare import without_latents
from ppgen.errors import Unanswerable
from ppgen.evaluation.density import explained_site
from ppgen.fitted import Fit
from ppgen.reporting.codes import draw_pairs
from ppgen.reporting.grids import is_picture, joint_limits, to_points
from ppgen.reporting.illustration import Illustration
from ppgen.reporting.style import MaybeAxes, house_style, panels

__all__ = ["extremes", "nearest_neighbours", "nearest_rows"]

_SHOWN, _EXTREME = 10, 6
_MOST_TRAINING, _MOST_TEST = 20_000, 1000


def nearest_neighbours(fit: Fit, test: Mapping[str, Tensor], seed: int, ax: MaybeAxes = None) -> Illustration:
    """Draw samples above the training pictures nearest to them: a model that copies shows pairs of twins.

    Args:
        fit: that can be sampled.
        test: data whose covariates the samples share.
        seed: of the samples.
        ax: to draw in; default: a new figure.

    Raises:
        Unanswerable: if the data are no pictures.
    """
    site = explained_site(fit, test)
    column = fit.model.column_of(site)
    _must_be_pictures(test[column])
    given: dict[str, Any] = {key: test[key][:_SHOWN] for key in fit.covariates if key in test}
    rows = min(_SHOWN, len(test[column]))
    made = fit.sample(rows, site=site, seed=seed, mean=fit.has_point_codes, **given)
    train = fit.data.split("train")[column][:_MOST_TRAINING]
    found, apart = nearest_rows(made, train)
    upper, lower = to_points(made, site), to_points(train[found.to(train.device)], site)
    with house_style():
        ((axes,),) = panels(ax, (0.55 * rows + 1.1, 1.25 * upper.shape[2] / upper.shape[3]))
        names = ("sample", "nearest in training")
        draw_pairs(axes, upper, lower, rows, joint_limits([lower, upper]), names)
    caption = (
        f"Samples, and below each the nearest of {len(train)} training data (least squared difference of pixels; "
        f"root mean squared, from {float(apart.min()):.3f} to {float(apart.max()):.3f}). Twins would be copies."
    )
    return Illustration(axes.figure, f"{rows} samples above their nearest training data.", caption)


def nearest_rows(x: Tensor, among: Tensor) -> tuple[Tensor, Tensor]:
    """For each point the row nearest to it in squared distance, and the root mean squared difference.

    Args:
        x: [N, ...].
        among: [M, ...].

    Example:
        >>> rows, apart = nearest_rows(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 0.0], [1.0, 2.0], [1.0, 0.5]]))
        >>> rows.tolist(), round(float(apart[0]), 3)
        ([2], 0.354)
    """
    flat, others = (value.detach().cpu().double().flatten(1) for value in (x, among))
    distances = torch.cdist(flat, others, compute_mode="donot_use_mm_for_euclid_dist")
    least = distances.min(dim=1)
    return least.indices, least.values / flat.shape[1] ** 0.5


def extremes(fit: Fit, test: Mapping[str, Tensor], ax: MaybeAxes = None) -> Illustration:
    """Draw the test pictures that are reconstructed best, and those worst.

    Args:
        fit: with a code.
        test: data, [N, ...] each; the first thousand are looked at.
        ax: to draw in; default: a new figure.

    Raises:
        Unanswerable: if the fit has no code, or the data are no pictures.
    """
    site = explained_site(fit, test)
    chosen = {key: column[:_MOST_TEST] for key, column in test.items()}
    x = chosen[fit.model.column_of(site)]
    upper = to_points(x, site)
    lower = to_points(fit.reconstruct(without_latents(fit.model, chosen), site=site), site)
    _must_be_pictures(x)
    errors = np.sqrt(((upper - lower) ** 2).reshape(len(upper), -1).mean(1))
    order = np.argsort(errors, kind="stable")
    count = min(_EXTREME, len(order))
    with house_style():
        size = (2 * (0.55 * count) + 1.3, 1.35 * upper.shape[2] / upper.shape[3] + 0.15)
        pair = panels(ax, size, columns=2, gap=0.05)[0]
        limits = joint_limits([upper, lower])
        halves: list[tuple[str, Any]] = [("best", order[:count]), ("worst", order[::-1][:count])]
        for axes, (title, rows) in zip(pair, halves, strict=True):
            draw_pairs(axes, upper[rows], lower[rows], count, limits)
            axes.set_title(f"{title}: {errors[rows].min():.3f} to {errors[rows].max():.3f}")
            if title == "worst":
                axes.set_yticks([])
    caption = f"Of {len(upper)} test data, those reconstructed best and worst, by root mean squared error."
    return Illustration(pair[0].figure, caption, caption)


def _must_be_pictures(x: Tensor) -> None:
    if not is_picture(to_points(x[:1])):
        raise Unanswerable("the data are no pictures, which an eye could compare", code="U040")
