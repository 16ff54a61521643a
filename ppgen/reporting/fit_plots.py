"""``fit.plot``: the figures of a fit one by one, on axes of the user's own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch

from ppgen.checked import checked
from ppgen.declare import without_latents
from ppgen.errors import DataError, Unanswerable
from ppgen.evaluation.density import explained_site
from ppgen.fitted import Fit
from ppgen.reporting.codes import draw_codes, draw_pairs
from ppgen.reporting.grids import draw_points, joint_limits, to_points
from ppgen.reporting.learning_curves import draw_history
from ppgen.reporting.style import Axes, MaybeAxes, house_style

__all__ = ["FitPlots", "new_axes"]


@checked
class FitPlots:
    """What a fit looks like: ``fit.plot``. Axes in, axes out; without axes, a new figure of pyplot's.

    Data come from the test split, a random selection of it. :func:`ppgen.reporting.fit_figures` draws the same with
    captions, for a page.

    Args:
        fit: a finished fit.

    Example:
        >>> import ppgen
        >>> fit = ppgen.fit(ppgen.models.VAE((1, 8, 8)), "digits", max_epochs=2, progress=False)
        >>> from matplotlib.figure import Figure
        >>> fit.plot.learning_curve(Figure().subplots()).get_title(loc="left")
        'ELBO'
    """

    def __init__(self, fit: Fit) -> None:
        self._fit = fit

    def learning_curve(self, axes: MaybeAxes = None) -> Axes:
        """The ELBO, log-likelihood or losses, epoch by epoch.

        Args:
            axes: to draw in.

        Raises:
            Unanswerable: if no whole epoch was trained.
        """
        if not self._fit.history:
            raise Unanswerable(
                "no whole epoch was trained, so there is no learning curve",
                expected="at least one row of fit.history",
                fix="fit for at least one epoch",
                code="U020",
            )
        with house_style():
            axes = new_axes(axes, 4.2, 2.8)
            draw_history(axes, "", self._fit.history)
        return axes

    def samples(self, axes: MaybeAxes = None, *, n: int = 64, mean: bool = False, seed: int = 0) -> Axes:
        """New data points; those of a conditional model have the covariates of test data.

        Args:
            axes: to draw in.
            n: how many; of a conditional model, at most as many as the test split holds.
            mean: draw the likelihood's means instead.
            seed: of the draws, and of the choice of covariates.

        Raises:
            Unanswerable: if the fit has no samples of what the data set is about.
        """
        rows = self._rows(n, seed)
        given: dict[str, Any] = {key: rows[key] for key in self._fit.covariates if key in rows}
        count = len(next(iter(given.values()))) if given else n
        site = explained_site(self._fit, self._fit.data.split("train"))
        points = to_points(self._fit.sample(count, site=site, seed=seed, mean=mean, **given), site)
        with house_style():
            axes = new_axes(axes, 3.4, 3.4)
            draw_points(axes, points, math.ceil(math.sqrt(count)), joint_limits([points]))
        return axes

    def reconstructions(self, axes: MaybeAxes = None, *, n: int = 8, seed: int = 0) -> Axes:
        """Test data and their reconstructions: pictures above each other, vectors in one plot.

        Args:
            axes: to draw in.
            n: how many.
            seed: chooses the data.

        Raises:
            Unanswerable: if the fit has no representation.
        """
        rows = self._rows(n, seed)
        site = explained_site(self._fit, rows)
        made = self._fit.reconstruct(without_latents(self._fit.model, rows), site=site)
        upper, lower = to_points(rows[self._fit.model.column_of(site)], site), to_points(made, site)
        with house_style():
            axes = new_axes(axes, 0.66 * len(made) + 1.04, 1.6)
            draw_pairs(axes, upper, lower, len(made), joint_limits([upper, lower]))
        return axes

    def traversals(self, axes: MaybeAxes = None, *, n: int = 1, seed: int = 0, **options: Any) -> Axes:
        """The latent's dimensions one by one, from test data; of a fit without a code, from draws of the prior.

        Args:
            axes: to draw in.
            n: from how many data points.
            seed: chooses the data and draws.
            **options: of ``fit.traverse``: site, dims, steps, span, hold.

        Raises:
            Unanswerable: if codes cannot be walked along.
            SettingError: if the model has no latent of single data points.
        """
        fit, rows = self._fit, self._rows(n, seed)
        has_code = fit.guide is not None
        given = {} if has_code else {key: rows[key] for key in fit.covariates if key in rows}
        start = without_latents(fit.model, rows) if has_code else None
        return fit.traverse(start, n=n, seed=seed, **options, **given).plot(ax=axes)

    def latent_space(self, axes: MaybeAxes = None, *, site: str | None = None, n: int = 1500, seed: int = 0) -> Axes:
        """Posterior means in two dimensions, coloured by the class label where the data have one.

        Args:
            axes: to draw in.
            site: of which latent; needed where there are several.
            n: of how many data points.
            seed: chooses the data.

        Raises:
            Unanswerable: if the fit has no representation.
            SettingError: if there are several latents, or none of this name.
        """
        rows = self._rows(n, seed)
        codes = self._fit.encode(without_latents(self._fit.model, rows))
        labels = [key for key in self._fit.data.num_classes if key in rows and rows[key].dim() == 1]
        label = "y" if "y" in labels else next(iter(labels), None)
        with house_style():
            axes = new_axes(axes, 4.6, 4.0)
            draw_codes(axes, codes.only if site is None else codes.at(site), rows.get(label or ""), label or "")
        return axes

    def _rows(self, n: int, seed: int) -> dict[str, torch.Tensor]:
        """A random selection of the test split."""
        test: Mapping[str, torch.Tensor] = self._fit.data.split("test")
        first = next(iter(test.values()))
        if not len(first):
            raise DataError(
                "plot: the test split is empty", expected="test data", got="0 rows", fix="test=0.1", code="D086"
            )
        chosen = torch.randperm(len(first), generator=torch.Generator().manual_seed(seed))[:n].to(first.device)
        return {key: column[chosen] for key, column in test.items()}


def new_axes(axes: MaybeAxes, width: float, height: float) -> Axes:
    """The user's axes, or those of a new figure that a notebook shows.

    Args:
        axes: the user's, if there are any.
        width: of a new figure, inches.
        height: likewise.
    """
    if axes is not None:
        return axes
    from matplotlib import pyplot

    return pyplot.figure(figsize=(width, height), layout="constrained").subplots()
