"""The outlier score of data of a user's own, as a p-value among data that the fit has not been trained on."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ppgen.arguments import whole_number
from ppgen.checked import checked
from ppgen.declare import without_latents
from ppgen.evaluation.outlier_measure import OutlierScore, scored
from ppgen.evaluation.outlier_scores import chosen_score
from ppgen.evaluation.suspects import Suspects, some_rows, suspects
from ppgen.fitted import Fit

__all__ = ["CalibratedScores", "ReferenceRows", "outlier_score", "ranked_among", "reference_rows"]


@dataclasses.dataclass(frozen=True, eq=False)
class CalibratedScores:
    """What :meth:`ppgen.Fit.outlier_score` found of each row.

    Args:
        values: of the score, [N], float64: larger for what is less like the training data.
        p_values: [N]: of how many inliers in a hundred the score would be as large; small for an outlier.
        score: its title.
        num_reference: data among which the rows were ranked: no p-value is below ``1 / (num_reference + 1)``.
        density: what kind of number log p(x) is; ``""`` where the fit has none.
    """

    values: Tensor
    p_values: Tensor
    score: str
    num_reference: int
    density: str = ""

    def __len__(self) -> int:
        return len(self.values)

    def __str__(self) -> str:
        few = int((self.p_values <= 0.01).sum())
        of = f"log p(x): {self.density}; " if self.density else ""
        return (
            f"{self.score} of {len(self)} rows, p-values among {self.num_reference} reference rows: "
            f"{of}{few} of {len(self)} have p <= 0.01"
        )


@dataclasses.dataclass(eq=False)
class ReferenceRows:
    """A score and the reference rows that p-values are among, which are scored once, whatever is ranked.

    Args:
        score: of each row.
        reference: rows that are no outliers.
    """

    score: OutlierScore
    reference: Suspects

    @functools.cached_property
    def inliers(self) -> Tensor:
        """The scores of the reference rows, [R]."""
        return scored(self.score, self.reference)

    def of(self, data: Any = None) -> CalibratedScores:
        """Scores and p-values of rows.

        Args:
            data: as :meth:`ppgen.Fit.log_prob` takes it; default: the test split.
        """
        rows = self.reference.among(data)
        inliers, values = self.inliers, scored(self.score, rows)
        density = "" if rows.fit.unanswerable("density") else rows.said
        return CalibratedScores(values, ranked_among(values, inliers), self.score.title, len(inliers), density)


@checked
def outlier_score(
    fit: Fit,
    data: Any = None,
    score: str | OutlierScore | Callable[[Any], Any] = "typicality",
    *,
    reference: Any = None,
    background: Fit | None = None,
    num_particles: int = 100,
    num_reference: int = 1000,
    seed: int = 0,
) -> CalibratedScores:
    """How unlike the training data each row is, with a p-value: ``fit.outlier_score(x)``.

    A row's p-value is its rank among the scores of reference rows, ``(1 + #{reference >= row}) / (1 + R)``. For a row
    that comes from the same distribution as these, it is below any a with probability at most a, whatever the score;
    of an outlier, it is as small as the score is good. No outlier is used to calibrate anything. Among many rows, some
    are small by chance: 0.01 is reached by one inlier in a hundred.

    Reference: S. Bates, E. Candes, L. Lei, Y. Romano and M. Sesia, "Testing for outliers with conformal p-values",
    2023, section 1.2.

    Args:
        fit: what ``ppgen.fit`` returned.
        data: as :meth:`ppgen.Fit.log_prob` takes it; default: the test split.
        score: ``"log_prob"``, ``"typicality"``, ``"ratio"``, ``"complexity"``, ``"regret"``, ``"reconstruction"``,
            ``"pareto_k"``, an :class:`~ppgen.evaluation.OutlierScore`, or a function of
            :class:`~ppgen.evaluation.Suspects`.
        reference: rows that are no outliers, which the fit was not trained on; default: the validation split, which
            has at most chosen the epoch.
        background: for ``"ratio"``, a fit of the same model to :func:`ppgen.data.mutated` data.
        num_particles: of bounds on log p(x), where there are latents.
        num_reference: of more reference rows, so many by chance.
        seed: of all draws.

    Raises:
        Unanswerable: where the fit has no such score, with the reason.
        SettingError: for an unknown score, or a background of another measure.
        DataError: for data that the fit cannot take, and without reference rows.

    Example:
        >>> import ppgen
        >>> fit = ppgen.fit(ppgen.models.MADE((1, 8, 8)), "digits", max_epochs=2, progress=False)
        >>> found = fit.outlier_score(torch.ones(1, 1, 8, 8))
        >>> found.num_reference, bool(found.p_values < 0.01)
        (360, True)
    """
    references = reference_rows(
        fit,
        score,
        reference=reference,
        background=background,
        num_particles=num_particles,
        num_reference=num_reference,
        seed=seed,
    )
    return references.of(data)


@checked
def reference_rows(
    fit: Fit,
    score: str | OutlierScore | Callable[[Any], Any] = "typicality",
    *,
    reference: Any = None,
    background: Fit | None = None,
    num_particles: int = 100,
    num_reference: int = 1000,
    seed: int = 0,
) -> ReferenceRows:
    """What :func:`outlier_score` ranks rows among, for several data sets: the reference rows are scored once.

    Args:
        fit: what ``ppgen.fit`` returned.
        score: as of :func:`outlier_score`, and so are the others.
        reference: rows that are no outliers; default: the validation split.
        background: for ``"ratio"``.
        num_particles: of bounds on log p(x).
        num_reference: of more reference rows, so many by chance.
        seed: of all draws.

    Example:
        >>> import ppgen
        >>> fit = ppgen.fit(ppgen.models.MADE((1, 8, 8)), "digits", max_epochs=2, progress=False)
        >>> references = reference_rows(fit)
        >>> [len(references.of(fit.data.split("test")["x"][:n])) for n in (2, 5)]
        [2, 5]
    """
    whole_number("outlier_score: num_reference", num_reference, suggested=1000)
    one = chosen_score(score)
    known = without_latents(fit.model, fit.data.split("valid")) if reference is None else fit._batch(reference)
    rows = some_rows(known, num_reference, seed)
    return ReferenceRows(one, suspects(fit, rows, background=background, num_particles=num_particles, seed=seed))


def ranked_among(values: Tensor, reference: Tensor) -> Tensor:
    """``(1 + #{reference >= value}) / (1 + R)`` for each value.

    Args:
        values: [N].
        reference: [R].

    Example:
        >>> ranked_among(torch.tensor([0.0, 2.5, 9.0]), torch.tensor([1.0, 2.0, 3.0]))
        tensor([1.0000, 0.5000, 0.2500], dtype=torch.float64)
    """
    below = torch.searchsorted(reference.sort().values, values)
    return (1.0 + len(reference) - below).double() / (1.0 + len(reference))
