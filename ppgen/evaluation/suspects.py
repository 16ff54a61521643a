"""Data that may be outliers, and what several scores of them need, each computed once."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ppgen.data.dataset import main_site
from ppgen.declare import without_latents
from ppgen.errors import DataError, SettingError
from ppgen.evaluation.density import kind_of_density
from ppgen.fitted import Fit

__all__ = ["Suspects", "some_rows", "suspects"]

_USUAL = 1000  # training rows: the entropy is known to a thirtieth of the spread of -log p


@dataclasses.dataclass(eq=False)
class Suspects:
    """Rows that are scored, the fit that they are scored by, and the settings.

    Args:
        fit: trained on data that are no outliers.
        batch: the rows [N, ...] by site and covariate, where the fit's weights are.
        background: a fit of the same kind to data that hold less structure, for the likelihood ratio.
        num_particles: of bounds on log p(x), where there are latents.
        seed: of all draws.
        usual: rows of the training split; ``None`` of those rows themselves.
    """

    fit: Fit
    batch: Mapping[str, Tensor]
    background: Fit | None = None
    num_particles: int = 100
    seed: int = 0
    usual: Suspects | None = None

    def among(self, batch: Any) -> Suspects:
        """Other rows, scored in the same way.

        Args:
            batch: as :meth:`ppgen.Fit.log_prob` takes it.
        """
        return dataclasses.replace(self, batch=without_latents(self.fit.model, self.fit._batch(batch)))

    @property
    def size(self) -> int:
        """How many rows there are."""
        return len(next(iter(self.batch.values())))

    @property
    def main(self) -> str:
        """The column that the data set is about."""
        return main_site(self.fit.data.splits["train"])

    @property
    def x(self) -> Tensor:
        """Its values, [N, ...]."""
        return self.batch[self.main]

    @functools.cached_property
    def log_prob(self) -> Tensor:
        """``log p(x_i)``, or its bound, [N]."""
        return self.fit.log_prob_per_datum(self.batch, self.num_particles, seed=self.seed)

    @functools.cached_property
    def entropy(self) -> float:
        """The mean of ``-log p`` over the training rows, nats: that of the model's own draws, if it has learnt them."""
        return -float((self.usual or self).log_prob.mean())

    @functools.cached_property
    def said(self) -> str:
        """What kind of number :attr:`log_prob` is: ``"exact"``, ``"lower bound, IWAE-100"``."""
        return kind_of_density(self.fit, self.batch, self.num_particles, self.seed)


def suspects(
    fit: Fit, data: Any = None, *, background: Fit | None = None, num_particles: int = 100, seed: int = 0
) -> Suspects:
    """Data as they are scored.

    Args:
        fit: what ``ppgen.fit`` returned.
        data: as :meth:`ppgen.Fit.log_prob` takes it; default: the test split.
        background: for the likelihood ratio.
        num_particles: of bounds on log p(x).
        seed: of all draws.

    Raises:
        SettingError: for a background that is no fit, or one of another measure.
    """
    if background is not None and (not isinstance(background, Fit) or background.measure != fit.measure):
        raise SettingError(
            "outliers: the background is no fit whose densities could be divided by",
            expected=f"a Fit with densities of the measure {fit.measure!r}",
            got=repr(getattr(background, "measure", type(background).__name__)),
            fix="background=ppgen.fit(model_of_the_same_kind, ppgen.data.mutated(fit.data))",
            code="S230",
        )
    train = without_latents(fit.model, fit._batch(some_rows(fit.data.split("train"), _USUAL, seed)))
    usual = Suspects(fit, train, background, num_particles, seed)
    return dataclasses.replace(usual, usual=usual).among(data)


def some_rows(batch: Mapping[str, Tensor], count: int, seed: int) -> dict[str, Tensor]:
    """So many rows by chance, or all of them: never the first, since a file may be sorted.

    Args:
        batch: tensors [N, ...].
        count: of rows.
        seed: of the choice.

    Raises:
        DataError: where there are none.
    """
    size = len(next(iter(batch.values())))
    if not size:
        raise DataError(
            "outliers: there are no rows",
            expected="a split with at least one row",
            got="0 rows",
            fix="reference=rows that are no outliers, and that the fit has not seen",
            code="D126",
        )
    rows = torch.randperm(size, generator=torch.Generator().manual_seed(seed))[:count]
    return {name: values[rows.to(values.device)] for name, values in batch.items()}
