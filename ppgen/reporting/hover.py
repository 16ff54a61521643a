"""The lens: where each code lies in its figure, and the pictures of the data points that they are codes of."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from torch import Tensor

from ppgen.evaluation.density import explained_site
from ppgen.fitted import Fit
from ppgen.reporting.codes import flat_codes, plane_of
from ppgen.reporting.grids import is_picture, joint_limits, to_points
from ppgen.reporting.illustration import Illustration
from ppgen.reporting.sheet import Sheet, make_sheet

__all__ = ["code_places", "data_sheet"]

_PIXELS = 800_000
_PARTS = 10_000


def data_sheet(fit: Fit, test: Mapping[str, Tensor], most: int) -> Sheet | None:
    """The first data points as pictures, as many as a page can afford; ``None``, where they are none.

    Args:
        fit: that explains them.
        test: data, [N, ...] each.
        most: how many at most.
    """
    x = to_points(test[fit.model.column_of(explained_site(fit, test))][:most])
    if not is_picture(x):
        return None
    shown = x[: max(1, _PIXELS // int(np.prod(x.shape[1:])))]
    return make_sheet(shown, joint_limits([shown]))


def code_places(drawn: Illustration, z: Tensor, count: int) -> list[int]:
    """Where each of the first codes lies in the figure of :func:`ppgen.reporting.latent_space`.

    Args:
        drawn: the figure of these codes.
        z: [N, *event], N at most the number of codes that are drawn.
        count: how many of them.

    Returns:
        From the left and from the top, one after the other, in ten thousandths of the figure; nothing for a latent
        of one dimension, whose height means nothing.
    """
    codes = flat_codes(z)
    if codes.shape[1] < 2:
        return []
    points, _ = plane_of(codes)
    figure = drawn.figure
    for _ in range(2):  # where axes keep their aspect, the layout only settles at the second drawing
        figure.draw_without_rendering()
    shares = figure.axes[0].transData.transform(points[:count]) / [figure.bbox.width, figure.bbox.height]
    return np.round(np.stack([shares[:, 0], 1.0 - shares[:, 1]], axis=1) * _PARTS).astype(int).ravel().tolist()
