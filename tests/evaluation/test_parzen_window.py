"""The Parzen window against its formula, and the failure that it is known for."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pyro.distributions as dist
import pytest
import torch
from scipy.special import logsumexp

import ppgen
from ppgen.declare import Model, observed
from ppgen.errors import DataError
from ppgen.evaluation import evaluate
from ppgen.evaluation.parzen_window import parzen_log_prob


class Square(Model):
    """x ~ Normal(0, I) in four dims: no latents, an exact density."""

    def __init__(self) -> None:
        super().__init__()
        self.loc = torch.nn.Parameter(torch.zeros(4))

    @observed
    def x(self) -> Any:
        return dist.Normal(self.loc, 1.0).to_event(1)


def test_it_is_the_mean_of_gaussians() -> None:
    generator = np.random.default_rng(0)
    samples, x = generator.normal(size=(30, 2, 3)), generator.normal(size=(700, 2, 3))  # more than one piece
    squares = ((x.reshape(700, 1, 6) - samples.reshape(1, 30, 6)) ** 2).sum(-1)
    theirs = [
        logsumexp(-0.5 * squares / w**2 - 3 * math.log(2 * math.pi * w**2), axis=1) - math.log(30) for w in (0.1, 2.0)
    ]
    found = parzen_log_prob(torch.from_numpy(samples), torch.from_numpy(x), (0.1, 2.0))
    assert np.allclose(found.numpy(), theirs, atol=1e-9)


def test_it_widens_what_is_exact_and_says_so() -> None:
    model = Square().requires_grad_(False)
    x = torch.randn(1500, 4, generator=torch.Generator().manual_seed(5))  # not the stream that samples are drawn from
    fit = ppgen.fit(model, x, max_epochs=1, progress=False)
    card = evaluate(fit, ["kde", "log_prob"], progress=False, num_samples=500)
    found, exact = card["density"]["kde"], card["density"]["log_prob"]
    assert (found.kind, found.measure, found.num_data) == ("biased", "continuous", fit.data.size("test"))
    assert found.estimator.startswith("500 samples, width 0.")
    # In the mean the window's density is N(0, (1 + w^2) I): the true one less a little, and less the samples' noise.
    assert exact.value - 0.6 < found.value < exact.value - 0.02


def test_samples_of_another_shape_are_refused() -> None:
    with pytest.raises(DataError, match="Parzen"):
        parzen_log_prob(torch.zeros(3, 2), torch.zeros(3, 1), (1.0,))
