"""The importance-weighted bound as a function of the number of particles, from one run of weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from ppgen.arguments import whole_number
from ppgen.checked import checked
from ppgen.declare import chunks
from ppgen.errors import SettingError
from ppgen.estimate import Estimate
from ppgen.fitted import Fit

__all__ = ["bound_curve", "nested_bounds"]

_ROWS = 128


@checked
def bound_curve(
    fit: Fit, data: Any = None, num_particles: Sequence[int] = (1, 5, 50, 500, 5000), *, seed: int = 0
) -> dict[int, Estimate]:
    """IWAE-K for several K, the ELBO at 1: how far the bound still rises says how far it may be below log p(x).

    The largest number of weights is drawn once; a smaller K takes the mean of the bounds of all groups of K among them,
    so that the curve never falls (:func:`nested_bounds`), and small K have the least noise. A curve that is flat need
    not be near log p: weights may miss what the guide never draws; :func:`ppgen.evaluation.annealed_log_prob` goes
    there.

    Reference: Burda, Grosse & Salakhutdinov, "Importance weighted autoencoders", 2016, theorem 1.

    Args:
        fit: with a guide, and latents with one value per datum.
        data: as :meth:`ppgen.Fit.log_prob` takes it; default: the test split.
        num_particles: numbers K, rising, each a divisor of the next.
        seed: of the draws.

    Returns:
        The bound by K, means over data in nats.

    Raises:
        SettingError: for numbers of which one does not divide the next.
        Unanswerable: as :meth:`ppgen.Fit.log_weights` says.

    Example:
        >>> import ppgen
        >>> model = ppgen.models.VAE(x_shape=(1, 8, 8), latent_dim=2)
        >>> fit = ppgen.fit(model, "digits", max_epochs=1, progress=False)
        >>> curve = bound_curve(fit, fit.data.split("test")["x"][:20], (1, 10, 100))
        >>> [found.estimator for found in curve.values()]
        ['IWAE-1', 'IWAE-10', 'IWAE-100']
        >>> curve[1].value <= curve[10].value <= curve[100].value
        True
    """
    counts = [whole_number("bound_curve: num_particles", count, suggested=1000) for count in num_particles]
    if not counts or any(more % few or more == few for few, more in pairwise(counts)):
        raise SettingError(
            "bound_curve: groups of particles do not nest",
            expected="rising numbers, each a divisor of the next",
            got=str(counts),
            fix="num_particles=(1, 5, 50, 500, 5000)",
            code="S234",
        )
    batch = fit._batch(data)
    pieces = [
        nested_bounds(fit.log_weights(chunk, counts[-1], seed=seed + number), counts)
        for number, chunk in enumerate(chunks(batch, _ROWS))
    ]
    bounds = torch.cat(pieces, 1)
    return {
        count: fit._estimate(values, "lower bound", f"IWAE-{count}", batch)
        for count, values in zip(counts, bounds, strict=True)
    }


def nested_bounds(log_weights: Tensor, num_particles: Sequence[int]) -> Tensor:
    """``log 1/K sum_k w_k`` of each datum, a mean over all groups of K weights that follow each other: [len(K), N].

    Each group of a larger K is made of whole groups of a smaller one, and the logarithm of a mean is no less than the
    mean of logarithms, so that the bound of no datum ever falls.

    Args:
        log_weights: [M, N].
        num_particles: numbers K, of which each divides the next, and the last divides M.

    Example:
        >>> nested_bounds(torch.tensor([[1.0], [3.0]]).log(), [1, 2]).exp().flatten()
        tensor([1.7321, 2.0000])
    """
    bounds = [(log_weights.unflatten(0, (-1, count)).logsumexp(1) - math.log(count)).mean(0) for count in num_particles]
    return torch.stack(bounds)
