"""Whether a guide is as sure as it should be, in numbers: from the ranks of true latents among its draws."""

from __future__ import annotations

import numpy as np
import torch

from ppgen.estimate import Estimate
from ppgen.evaluation.calibration import Calibration, simulation_based_calibration
from ppgen.evaluation.mean_over_data import mean_over_data
from ppgen.evaluation.metric import Evaluation, Measured, metric

__all__ = ["deviation_of_ranks", "intervals_of_guide"]

_DATA, _DRAWS = 500, 199  # 95 % of the 200 ranks are whole ones: 5 on either side are outside
_OUTSIDE = 5
_SIMULATED, _RESAMPLED = 200, 100  # sets of uniform ranks, and of rows


def _ranks(evaluation: Evaluation) -> Calibration:
    """Of latents that the model draws, among draws of the guide for the data that the model makes of them."""
    return simulation_based_calibration(evaluation.fit, _DATA, _DRAWS, seed=evaluation.seed)


def _positions(found: Calibration) -> np.ndarray:
    """Of all coordinates of all latents, [num_data, coordinates], in the order of their names."""
    return torch.cat([found.positions(name) for name in sorted(found.ranks)], 1).numpy()


@metric(key="interval_95", prepare=_ranks, question="calibration", title="95 % intervals", unit="share")
def intervals_of_guide(found: Calibration) -> Measured:
    """How often the guide's central 95 % intervals hold the latents that made the data, which the model draws.

    Kind: unbiased.
    Source: Cook, Gelman and Rubin, 2006, Validation of software for Bayesian models using posterior quantiles.
    """
    margin = _OUTSIDE / (found.num_draws + 1)
    inside = np.abs(_positions(found) - 0.5) < 0.5 - margin
    share = mean_over_data(
        torch.as_tensor(inside.mean(1)), unit="share", estimator=f"{found.num_draws} draws for each of the model's"
    )
    exact = Estimate(1 - 2 * margin, None, kind="exact", unit="share", estimator="closed form")
    return Measured(share, {"exact guide": exact})


@metric(key="rank_deviation", prepare=_ranks, question="calibration", title="rank deviation", better="lower")
def deviation_of_ranks(found: Calibration) -> Measured:
    """How far ranks of true latents are from uniform: the mean Kolmogorov distance of a coordinate.

    Kind: biased.
    Source: Talts et al., 2018 (arXiv 1804.06788).
    """
    positions, generator = _positions(found), np.random.default_rng(0)
    rows = len(positions)
    redrawn = [_distance(positions[generator.integers(rows, size=rows)]) for _ in range(_RESAMPLED)]
    uniform = (generator.integers(found.num_draws + 1, size=(rows, _SIMULATED)) + 0.5) / (found.num_draws + 1)

    def estimate(distance: float, error: float | None) -> Estimate:
        how = f"SBC-{rows}x{found.num_draws}"
        return Estimate(distance, error, kind="biased", estimator=how, num_data=rows, better="lower")

    exact = estimate(_distance(uniform), None)
    return Measured(estimate(_distance(positions), float(np.std(redrawn, ddof=1))), {"exact guide": exact})


def _distance(positions: np.ndarray) -> float:
    """The largest difference between the shares of positions and uniform ones, mean over coordinates, [N, D]."""
    ordered = np.sort(positions, axis=0)
    steps = np.arange(len(ordered) + 1)[:, None] / len(ordered)
    return float(np.maximum(steps[1:] - ordered, ordered - steps[:-1]).max(0).mean())
