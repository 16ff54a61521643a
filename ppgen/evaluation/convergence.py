"""Whether chains have met: R-hat and effective sample size of each datum, the worst of its latents."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from ppgen.inference.arviz_data import arviz_data, import_arviz

__all__ = ["Convergence", "convergence_of"]


@dataclasses.dataclass(frozen=True)
class Convergence:
    """Of the chains of each datum.

    Args:
        r_hat: the largest of its latents' rank-normalised split R-hat, [N].
        ess: the smallest of their bulk effective sample sizes, [N].
    """

    r_hat: np.ndarray
    ess: np.ndarray

    def failed(self, max_r_hat: float, min_ess: float) -> np.ndarray:
        """The data whose chains have not met, or say too little, [M].

        Args:
            max_r_hat: above which chains are apart.
            min_ess: below which they say too little.
        """
        passed = (self.r_hat <= max_r_hat) & (self.ess >= min_ess)  # not by a number that is none
        return np.flatnonzero(~passed)


def convergence_of(draws: Mapping[str, np.ndarray]) -> Convergence:
    """ArviZ's diagnostics of every number (Vehtari et al., 2021, Rank-normalization, folding, and localization).

    Args:
        draws: by latent, [chain, draw, N, *event] each.
    """
    arviz = import_arviz()
    flat = np.concatenate([value.reshape(*value.shape[:3], -1) for value in draws.values()], 3)
    every = arviz_data({"posterior": {"z": flat}}).posterior["z"].to_dataset(name="z")  # which both lines of ArviZ take
    with np.errstate(divide="ignore", invalid="ignore"):  # chains that stay where they are: infinite, or no number
        r_hat, ess = (np.asarray(measure(every)["z"]) for measure in (arviz.rhat, arviz.ess))
    return Convergence(r_hat.max(1), ess.min(1))
