"""The figures of a fit: those that it can answer, and why it cannot answer others."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ppgen.declare import without_latents
from ppgen.errors import SettingError, Unanswerable
from ppgen.evaluation.density import explained_site
from ppgen.fitted import Fit
from ppgen.reporting.anatomy import anatomy
from ppgen.reporting.canvas_figure import canvas_figure
from ppgen.reporting.codes import latent_space, reconstructions
from ppgen.reporting.conditions import find_conditions
from ppgen.reporting.density_figure import density_figure
from ppgen.reporting.grids import grids, joint_limits, to_points
from ppgen.reporting.illustration import Illustration
from ppgen.reporting.learning_curves import learning_curves
from ppgen.reporting.nearest import extremes, nearest_neighbours
from ppgen.reporting.ordered_site import has_order
from ppgen.reporting.position_maps import entropy_figure, surprise_figure
from ppgen.reporting.sight_figure import sight_figure
from ppgen.reporting.strip import shuffled_test
from ppgen.reporting.translation_figure import translation_figure
from ppgen.reporting.walk_figures import interpolation_figure, traversal_figure
from ppgen.translate import translations

__all__ = ["MOST_CODES", "FitFigures", "fit_figures", "save_figures"]

MOST_CODES = 1500
"""Codes in a latent space: those of the first test data in the order of ``shuffled_test``."""

_SAMPLES, _VECTORS, _RECONSTRUCTIONS = 64, 500, 12
_A_ROW = 8  # samples of one value of what a model is told


@dataclasses.dataclass(frozen=True)
class FitFigures:
    """The figures of one fit by name, and the reasons why others are missing.

    Args:
        figures: ``"learning_curve"``, ``"anatomy"``, ``"samples"``, ``"density"`` (of data of one or
            two dimensions), ``"neighbours"``, ``"traversal"``,
            ``"interpolation"``, ``"reconstructions"``, ``"extremes"``, ``"latent_space"`` (or one
            ``"latent_space_NAME"`` a latent site), and of data that are drawn position by position
            ``"generation"``, ``"surprise"``, ``"entropy"``, ``"receptive_field"``, and of models that translate
            ``"translations"``: those that the fit can answer.
        omitted: the same names, each with the plain reason why it is not there.
    """

    figures: Mapping[str, Illustration]
    omitted: Mapping[str, str]


def fit_figures(fit: Fit, *, seed: int = 0, beside_data: bool = True) -> FitFigures:
    """Draw what a fit can answer, on its test split.

    Test data are a random selection (never the first rows: some files are sorted by class), the same for every model
    on the same data.

    Args:
        fit: a finished fit.
        seed: chooses the test data and the samples.
        beside_data: draw test data beside the samples, too; a page shows them once for all models.

    Returns:
        Figures and the reasons for those that are missing.
    """
    shuffled = shuffled_test(fit, seed)
    count = len(next(iter(shuffled.values())))
    figures: dict[str, Illustration] = {}
    omitted: dict[str, str] = {}
    painters: dict[str, Callable[[], dict[str, Illustration]]] = {
        "learning_curve": lambda: {"learning_curve": learning_curves(fit.history)},
        "anatomy": lambda: {"anatomy": anatomy(fit.history)},
        "samples": lambda: {"samples": _samples(fit, shuffled, seed, beside_data)},
        "density": lambda: {"density": density_figure(fit, shuffled, seed)},
        "neighbours": lambda: {"neighbours": nearest_neighbours(fit, shuffled, seed)},
        "traversal": lambda: {"traversal": traversal_figure(fit, shuffled, seed)},
        "interpolation": lambda: {"interpolation": interpolation_figure(fit, shuffled, seed)},
        "reconstructions": lambda: {"reconstructions": _reconstructions(fit, shuffled)},
        "extremes": lambda: {"extremes": extremes(fit, shuffled)},
        "latent_space": lambda: _latent_spaces(fit, shuffled),
        **(_of_orders(fit, shuffled, seed) if count and has_order(fit, shuffled) else {}),
        **({"translations": lambda: {"translations": translation_figure(fit, shuffled)}} if translations(fit) else {}),
    }
    if math.prod(fit.data.x_shape) > 2:  # nobody misses a histogram of pictures
        del painters["density"]
    for name, paint in painters.items():
        if count == 0 and name not in ("learning_curve", "anatomy"):
            omitted[name] = "the test split is empty"
            continue
        try:
            figures.update(paint())
        except Unanswerable as error:
            omitted[name] = error.what
    return FitFigures(figures, omitted)


def save_figures(fit: Fit, folder: str | os.PathLike[str] | None = None, *, seed: int = 0) -> list[Path]:
    """Write a fit's figures as PNG files.

    Args:
        fit: a finished fit.
        folder: where to; by default ``figures/`` in the fit's run folder.
        seed: chooses the test data and the samples.

    Returns:
        The files, ``learning_curve.png`` and so on.

    Raises:
        SettingError: if there is no folder to write to.
    """
    target = fit.folder / "figures" if folder is None and fit.folder is not None else folder
    if target is None:
        raise SettingError(
            "save_figures: this fit has no run folder",
            expected="a folder",
            fix='save_figures(fit, "figures"), or fit with out="runs/NAME"',
            code="S099",
        )
    return [drawn.save(Path(target) / f"{name}.png") for name, drawn in fit_figures(fit, seed=seed).figures.items()]


def _samples(fit: Fit, test: Mapping[str, Tensor], seed: int, beside_data: bool) -> Illustration:
    """Samples beside test data; of a model that is told a class or attributes, a row for each value."""
    main = explained_site(fit, test)
    x = test[fit.model.column_of(main)]
    pictures, covariates = x.dim() in (3, 4), fit.covariates
    told = find_conditions(fit, test) if pictures else None
    if told is not None:
        rows = told.rows_of(test, _A_ROW)
    else:
        rows = torch.arange(min(len(x), _SAMPLES if pictures or (x.dim() == 2 and x.shape[1] > 2) else _VECTORS))
    given: dict[str, Any] = {key: test[key][rows] for key in covariates if key in test}
    panels = {}
    roles = {site.role for site in fit.model.sites.values()}
    if is_decoder := fit.has_point_codes:
        panels["decoded codes of the prior"] = fit.sample(len(rows), site=main, seed=seed, mean=True, **given)
        train = fit.data.split("train")
        some = torch.randperm(len(train[main]), generator=torch.Generator().manual_seed(seed))[: len(rows)]
        if told is not None:
            some = told.rows_of(train, _A_ROW)
        seen = without_latents(fit.model, {key: column[some] for key, column in train.items()})
        panels["decoded training codes"] = fit.reconstruct(seen, site=main, seed=seed)
    else:
        panels["samples"] = fit.sample(len(rows), site=main, seed=seed, **given)
        if pictures and roles == {"latent", "observed"}:  # there is a p(x | z) whose mean differs from its samples
            panels["means of p(x | z)"] = fit.sample(len(rows), site=main, seed=seed, mean=True, **given)
    limits = joint_limits([to_points(panel) for panel in (x[rows], *panels.values())])
    caption = "Samples."
    if beside_data:
        panels["test data"] = x[rows]
        caption = "Samples beside test data that the model never saw."
    labelled: dict[str, Any] = {} if told is None else {"columns": _A_ROW, "row_labels": told.labels}
    drawn = grids(panels, limits=limits, **labelled)
    if told is not None:
        caption += f" {told.caption}"
    elif given:
        caption += f" Samples share {', '.join(given)} with the test data in the same place."
    if is_decoder:
        caption += " They are decoded codes, without the noise of the likelihood: the guide gives a code as a point."
    elif "means of p(x | z)" in panels:
        caption += " The means are smoother than any sample, since they leave out the noise of the likelihood."
    return dataclasses.replace(drawn, caption=f"{caption} {drawn.caption}".strip())


def _of_orders(fit: Fit, test: Mapping[str, Tensor], seed: int) -> dict[str, Callable[[], dict[str, Illustration]]]:
    """What is asked of data that are drawn position by position alone."""
    return {
        "generation": lambda: {"generation": canvas_figure(fit, test, seed)},
        "surprise": lambda: {"surprise": surprise_figure(fit, test)},
        "entropy": lambda: {"entropy": entropy_figure(fit, test)},
        "receptive_field": lambda: {"receptive_field": sight_figure(fit, test)},
    }


def _reconstructions(fit: Fit, test: Mapping[str, Tensor]) -> Illustration:
    main = explained_site(fit, test)
    x = test[fit.model.column_of(main)]
    count = _RECONSTRUCTIONS if x.dim() != 2 or x.shape[1] > 2 else _VECTORS
    chosen = {key: column[:count] for key, column in test.items()}
    return reconstructions(x[:count], fit.reconstruct(without_latents(fit.model, chosen), site=main))


def _latent_spaces(fit: Fit, test: Mapping[str, Tensor]) -> dict[str, Illustration]:
    """One scatter a latent site, coloured by the class label where the data has one."""
    chosen = {key: column[:MOST_CODES] for key, column in test.items()}
    codes = fit.encode(without_latents(fit.model, chosen))
    classes = [key for key in fit.data.num_classes if key in chosen and chosen[key].dim() == 1]
    label = "y" if "y" in classes else next(iter(classes), None)
    labels = chosen[label] if label is not None else None
    if not codes:
        raise Unanswerable("the model has no latent variable of single data points", code="U019")
    names = ["latent_space"] if len(codes) == 1 else [f"latent_space_{site}" for site in codes]
    return {
        name: latent_space(z, labels, label_name=label or "") for name, z in zip(names, codes.values(), strict=True)
    }
