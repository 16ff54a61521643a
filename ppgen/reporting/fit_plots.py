"""``fit.plot``: the figures of a fit one by one, on axes of the user's own."""

from __future__ import annotations

import math
from typing import Any

from ppgen.checked import checked
from ppgen.declare import without_latents
from ppgen.errors import Unanswerable
from ppgen.evaluation.density import explained_site
from ppgen.reporting.anatomy import anatomy
from ppgen.reporting.codes import draw_codes, draw_pairs
from ppgen.reporting.conditions import find_conditions
from ppgen.reporting.density_figure import density_figure
from ppgen.reporting.grids import draw_points, is_picture, joint_limits, to_points
from ppgen.reporting.learning_curves import draw_history
from ppgen.reporting.mosaic import label_rows
from ppgen.reporting.nearest import extremes, nearest_neighbours
from ppgen.reporting.order_plots import OrderPlots
from ppgen.reporting.style import Axes, MaybeAxes, house_style, new_axes
from ppgen.reporting.translation_figure import translation_figure
from ppgen.reporting.walk_figures import walk_start

__all__ = ["FitPlots"]


@checked
class FitPlots(OrderPlots):
    """What a fit looks like: ``fit.plot``. Axes in, axes out; without ``ax=``, a new figure of pyplot's.

    ``ax=`` is one axes, whatever the figure: one of several panels lays them out inside it, as ``ax.child_axes``.

    Data come from the test split, a random selection of it. :func:`ppgen.reporting.fit_figures` draws the same with
    captions, for a page.

    Args:
        fit: a finished fit.

    Example:
        >>> import ppgen
        >>> fit = ppgen.fit(ppgen.models.VAE((1, 8, 8)), "digits", max_epochs=2, progress=False)
        >>> from matplotlib.figure import Figure
        >>> fit.plot.learning_curve(ax=Figure().subplots()).get_title(loc="left")
        'ELBO'
    """

    def learning_curve(self, ax: MaybeAxes = None) -> Axes:
        """The ELBO, log-likelihood or losses, epoch by epoch.

        Args:
            ax: to draw in.

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
            ax = new_axes(ax, 4.2, 2.8)
            draw_history(ax, "", self._fit.history)
        return ax

    def samples(self, ax: MaybeAxes = None, *, n: int = 64, mean: bool = False, seed: int = 0) -> Axes:
        """New data points; pictures of a model that is told a class or attributes in a row for each value of it.

        Others that are told something have the covariates of test data.

        Args:
            ax: to draw in.
            n: how many, shared out among the rows; of a conditional model, at most as many as the test split holds.
            mean: draw the likelihood's means instead.
            seed: of the draws, and of the choice of covariates.

        Raises:
            Unanswerable: if the fit has no samples of what the data set is about.
        """
        fit, told = self._fit, find_conditions(self._fit, self._fit.data.split("test"))
        columns = math.ceil(math.sqrt(n)) if told is None else max(1, n // len(told.labels))
        rows = self._rows(n, seed) if told is None else self._rows(None, seed)
        if told is not None:
            chosen = told.rows_of(rows, columns)
            rows = {key: column[chosen.to(column.device)] for key, column in rows.items()}
        given: dict[str, Any] = {key: rows[key] for key in fit.covariates if key in rows}
        count = len(next(iter(given.values()))) if given else n
        site = explained_site(fit, fit.data.split("train"))
        points = to_points(fit.sample(count, site=site, seed=seed, mean=mean, **given), site)
        with house_style():
            ax = new_axes(ax, 3.4, 3.4)
            draw_points(ax, points, columns, joint_limits([points]))
            if told is not None and is_picture(points):
                label_rows(ax, told.labels, points)
        return ax

    def reconstructions(self, ax: MaybeAxes = None, *, n: int = 8, seed: int = 0) -> Axes:
        """Test data and their reconstructions: pictures above each other, vectors in one plot.

        Args:
            ax: to draw in.
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
            ax = new_axes(ax, 0.66 * len(made) + 1.04, 1.6)
            draw_pairs(ax, upper, lower, len(made), joint_limits([upper, lower]))
        return ax

    def traversals(self, ax: MaybeAxes = None, *, n: int = 1, seed: int = 0, **options: Any) -> Axes:
        """The latent's dimensions one by one, from test data; of a fit without a code, from draws of the prior.

        Args:
            ax: to draw in.
            n: from how many data points.
            seed: chooses the data and draws.
            **options: of ``fit.traverse``: site, dims, steps, span, hold.

        Raises:
            Unanswerable: if codes cannot be walked along.
            SettingError: if the model has no latent of single data points.
        """
        fit = self._fit
        start, given = walk_start(fit, self._rows(n, seed), n)
        return fit.traverse(start, n=n, seed=seed, **options, **given).plot(ax=ax)

    def latent_space(self, ax: MaybeAxes = None, *, site: str | None = None, n: int = 1500, seed: int = 0) -> Axes:
        """Posterior means in two dimensions, coloured by the class label where the data have one.

        Args:
            ax: to draw in.
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
            ax = new_axes(ax, 4.6, 4.0)
            draw_codes(ax, codes.only if site is None else codes.at(site), rows.get(label or ""), label or "")
        return ax

    def anatomy(self, ax: MaybeAxes = None) -> Axes:
        """Distortion and rate over the epochs, and the KL of each latent dimension: two panels.

        Args:
            ax: to draw in.

        Raises:
            Unanswerable: if the fit has no ELBO.
        """
        return self._illustrated(ax, (6.4, 2.5), lambda place: anatomy(self._fit.history, ax=place))

    def density(self, ax: MaybeAxes = None, *, n: int = 1000, seed: int = 0) -> Axes:
        """Data of one or two dimensions, samples, and the learned density where the model has one.

        Args:
            ax: to draw in.
            n: of how many data points, at most 1000; as many samples are drawn.
            seed: chooses the data; of samples and of the density's bound.

        Raises:
            Unanswerable: if the data have more dimensions.
        """
        rows = self._rows(n, seed)
        return self._illustrated(ax, (4.6, 4.0), lambda place: density_figure(self._fit, rows, seed, place))

    def neighbours(self, ax: MaybeAxes = None, *, seed: int = 0) -> Axes:
        """Samples above the training pictures nearest to them.

        Args:
            ax: to draw in.
            seed: of the samples.

        Raises:
            Unanswerable: if the data are no pictures.
        """
        rows = self._rows(None, seed)
        return self._illustrated(ax, (6.6, 1.6), lambda place: nearest_neighbours(self._fit, rows, seed, place))

    def extremes(self, ax: MaybeAxes = None, *, seed: int = 0) -> Axes:
        """The test pictures that are reconstructed best, and those worst: two panels.

        Args:
            ax: to draw in.
            seed: chooses among more than a thousand data points.

        Raises:
            Unanswerable: if the fit has no code, or the data are no pictures.
        """
        rows = self._rows(None, seed)
        return self._illustrated(ax, (7.9, 1.6), lambda place: extremes(self._fit, rows, place))

    def translations(self, ax: MaybeAxes = None, *, seed: int = 0) -> Axes:
        """Test images above their translations, and the truth of pairs or the way back of a cycle below.

        Args:
            ax: to draw in.
            seed: chooses the images.

        Raises:
            Unanswerable: if the model translates nothing.
        """
        rows = self._rows(None, seed)
        return self._illustrated(ax, (7.4, 2.0), lambda place: translation_figure(self._fit, rows, place))

    def interpolations(self, ax: MaybeAxes = None, *, n: int = 4, seed: int = 0, **options: Any) -> Axes:
        """Ways between test data, two by two; of a fit without a code between draws of its noise.

        Args:
            ax: to draw in.
            n: how many ways.
            seed: chooses the data and draws.
            **options: of ``fit.interpolate``: site, steps, path, hold.

        Raises:
            Unanswerable: if codes cannot be walked along.
            SettingError: if the model has no latent of single data points.
        """
        fit, rows = self._fit, self._rows(2 * n, seed)
        ways = max(1, len(next(iter(rows.values()))) // 2)
        (start, given), (end, _) = (
            walk_start(fit, {key: column[part] for key, column in rows.items()}, ways)
            for part in (slice(0, ways), slice(ways, 2 * ways))
        )
        return fit.interpolate(start, end, n=ways, seed=seed, **options, **given).plot(ax=ax)
