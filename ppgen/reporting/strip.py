"""The strip: a row of samples of each family, and real data last."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ppgen.errors import PpgenError
from ppgen.evaluation.density import explained_site
from ppgen.fitted import Fit
from ppgen.reporting.grids import is_picture, joint_limits, to_points
from ppgen.reporting.sheet import Tiles, make_tiles

__all__ = ["Strip", "shuffled_test", "strips"]

_TILES = 12


@dataclasses.dataclass(frozen=True)
class Strip:
    """One row of pictures.

    Args:
        name: whose they are.
        tiles: the pictures.
        alt: what it shows, in words.
        is_real: whether these are data.
    """

    name: str
    tiles: Tiles
    alt: str
    is_real: bool = False


def shuffled_test(fit: Fit, seed: int) -> dict[str, Tensor]:
    """The test split in random order, the same for all fits to the same data; some files are sorted by class.

    Args:
        fit: whose data.
        seed: of the order.
    """
    test = fit.data.split("test")
    order = torch.randperm(len(next(iter(test.values()))), generator=torch.Generator().manual_seed(seed))
    return {key: column[order.to(column.device)] for key, column in test.items()}


def strips(fits: Mapping[str, Fit], *, seed: int = 0) -> list[Strip]:
    """Samples of each fit of pictures, in rows of a dozen, then test data of each data set among them.

    A conditional model draws with the covariates of the test data in the row of real data.

    Args:
        fits: by name.
        seed: of the samples and of the choice of data.
    """
    drawn: list[Strip] = []
    real: dict[str, Strip] = {}
    for name, fit in fits.items():
        test = {key: column[:_TILES] for key, column in shuffled_test(fit, seed).items()}
        try:
            site = explained_site(fit, test)
            x = to_points(test[fit.model.column_of(site)], site)
            if not is_picture(x):
                continue
            given: dict[str, Any] = {key: test[key] for key in fit.covariates if key in test}
            made = to_points(fit.sample(len(x), site=site, seed=seed, mean=fit.has_point_codes, **given), site)
        except PpgenError:  # nothing to draw here; the model's own section says why
            continue
        limits = joint_limits([x, made])
        drawn.append(Strip(name, make_tiles(made, limits, len(x)), f"{len(x)} samples of {name}"))
        data = fit.data
        key = data.fingerprint("test")
        title = "real data" if len({other.data.fingerprint("test") for other in fits.values()}) == 1 else data.name
        real.setdefault(key, Strip(title, make_tiles(x, limits, len(x)), f"{len(x)} test data of {data.name}", True))
    return [*drawn, *real.values()]
