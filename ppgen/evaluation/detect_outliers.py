"""Scores of outliers side by side: how well each tells other data, noise and constants from a fit's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from tqdm import tqdm

from ppgen.arguments import whole_number
from ppgen.checked import checked
from ppgen.data import Dataset
from ppgen.errors import PpgenError, SettingError
from ppgen.evaluation.answer import reason_of
from ppgen.evaluation.detection import Detection, detection
from ppgen.evaluation.foils import foils
from ppgen.evaluation.outlier_comparison import OutlierComparison, Pair
from ppgen.evaluation.outlier_measure import OutlierScore, scored
from ppgen.evaluation.outlier_scores import chosen_scores
from ppgen.evaluation.paired_interval import check_level
from ppgen.evaluation.suspects import Suspects, some_rows, suspects
from ppgen.fitted import Fit

__all__ = ["detect_outliers"]


@checked
def detect_outliers(
    fit: Fit,
    inside: Any = None,
    outside: Any = None,
    scores: Iterable[str | OutlierScore | Callable[[Any], Any]] | None = None,
    *,
    background: Fit | Sequence[Fit] | None = None,
    num_data: int = 1000,
    num_particles: int = 100,
    level: float = 0.95,
    seed: int = 0,
    progress: bool = True,
) -> OutlierComparison:
    """How well scores tell outliers from the data of a fit, in numbers that need no threshold.

    Of each score: AUROC, AUPRC and the false positives where 80 and 95 % of the outliers are found, with bootstrap
    intervals. Noise and constant images, which are surely no data, are told from the inliers too. Nothing is chosen by
    the outliers: neither a threshold nor a setting.

    Args:
        fit: what ``ppgen.fit`` returned.
        inside: data like those that it was fitted to, which it has not seen; default: its test split.
        outside: other data of the same shape and values, a data set (its test split) among them; or another fit: its
            test split, and the reverse direction is measured as well. Default: noise and constants alone.
        scores: as :meth:`ppgen.Fit.outlier_score` takes each; default: all of ours, those that have an answer.
        background: for the likelihood ratio, a fit of the same model to :func:`ppgen.data.mutated` data; with two
            fits, one for each.
        num_data: of each kind, so many by chance.
        num_particles: of bounds on log p(x), where there are latents.
        level: coverage of the intervals.
        seed: of all draws.
        progress: show a bar.

    Returns:
        The numbers by pair of data sets and score.

    Raises:
        SettingError: for unknown scores, or backgrounds that are no fits.
        DataError: for outside data that the fit cannot take: another shape, or values that it excludes.

    Reference: D. Hendrycks and K. Gimpel, "A baseline for detecting misclassified and out-of-distribution examples in
    neural networks", 2017, for the protocol.

    Example:
        >>> import ppgen, torch
        >>> fit = ppgen.fit(ppgen.models.MADE((1, 8, 8)), "digits", max_epochs=2, progress=False)
        >>> upside_down = fit.data.split("test")["x"].flip(-2)
        >>> found = ppgen.detect_outliers(fit, outside=upside_down, scores=["log_prob"], num_data=100, progress=False)
        >>> found["digits", "noise"]["-log p(x)"].auroc.value
        1.0
    """
    whole_number("detect_outliers: num_data", num_data, at_least=2, suggested=1000)
    check_level(level)
    chosen = chosen_scores(scores)
    fits = [fit, outside] if isinstance(outside, Fit) else [fit]
    backgrounds = _backgrounds(background, len(fits))
    own = [some_rows(one._batch(inside if one is fit else None), num_data, seed) for one in fits]
    names = [one.data.name for one in fits]
    if len(set(names)) < len(names):
        names = [f"{name} {place}" for place, name in enumerate(names, 1)]
    pairs = []
    with tqdm(total=len(fits), disable=not progress, leave=False, bar_format="{desc} {elapsed}") as stages:
        for place, one in enumerate(fits):
            others: dict[str, Any] = {}
            if len(fits) == 2:
                others[names[1 - place]] = own[1 - place]
            elif outside is not None:
                name = outside.name if isinstance(outside, Dataset) else "outside"
                others[name] = some_rows(one._batch(outside), num_data, seed)
            others |= foils(one, own[place], seed=seed)
            rows = suspects(one, own[place], background=backgrounds[place], num_particles=num_particles, seed=seed)
            pairs += _pairs(chosen, names[place], rows, others, {"level": level, "seed": seed}, stages)
    return OutlierComparison(tuple(pairs), level)


def _pairs(
    scores: Sequence[OutlierScore],
    name: str,
    rows: Suspects,
    others: Mapping[str, Any],
    settings: Mapping[str, Any],
    stages: Any,
) -> list[Pair]:
    """One direction: each set of outliers against the inliers, whose scores are computed once."""
    outliers = {other: rows.among(batch) for other, batch in others.items()}
    found: dict[str, dict[str, Detection]] = {other: {} for other in others}
    refused: dict[str, str] = {}
    for score in scores:
        stages.set_description_str(f"{name}: {score.title}")
        try:
            inliers = scored(score, rows).numpy()
            for other, suspected in outliers.items():
                found[other][score.title] = detection(inliers, scored(score, suspected).numpy(), **settings)
        except PpgenError as error:
            refused[score.title] = reason_of(error)
            for those in found.values():
                those.pop(score.title, None)
    density = () if rows.fit.unanswerable("density") else (f"log p(x): {rows.said}",)
    return [
        Pair(name, other, found[other], refused, (*density, f"{rows.size} inliers, {outliers[other].size} outliers"))
        for other in others
    ]


def _backgrounds(background: Fit | Sequence[Fit] | None, count: int) -> list[Fit | None]:
    """A background for each fit, or none."""
    each = list(background) if isinstance(background, Sequence) else [background]
    each += [None] * (count - len(each) if background is None else 0)
    if len(each) != count or not all(one is None or isinstance(one, Fit) for one in each):
        raise SettingError(
            "detect_outliers: the backgrounds do not go with the fits",
            expected=f"{'a fit' if count == 1 else f'{count} fits, one for each'}",
            got=repr(background)[:80],
            fix="background=(background_of_fit, background_of_outside)" if count > 1 else "background=a_fit",
            code="S223",
        )
    return each
