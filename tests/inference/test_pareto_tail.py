"""Pareto k against weights of a known tail, and against ArviZ."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ppgen.errors import SettingError
from ppgen.inference import pareto_k
from ppgen.inference.arviz_data import import_arviz


def weights_of(k: float, count: int, rows: int) -> torch.Tensor:
    """Generalised Pareto draws by inversion, [count, rows], logs."""
    u = torch.rand(count, rows, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    return ((u**-k - 1.0) / k).log()


@pytest.mark.parametrize("k", [0.2, 0.5, 0.7, 1.0])
def test_known_tails_are_found(k: float) -> None:
    found = pareto_k(weights_of(k, 10_000, 50))
    assert abs(float(found.mean()) - k) < 0.1
    assert abs(float(pareto_k(weights_of(k, 100_000, 1))) - k) < 0.1


def test_it_is_arviz_s_number_of_the_right_sign() -> None:
    arviz = import_arviz()
    if not hasattr(arviz, "psislw"):
        pytest.skip("ArviZ 1 has no psislw")
    weights = torch.cat([weights_of(k, 1000, 3) for k in (0.2, 0.7, 1.2)], 1)
    theirs = [float(arviz.psislw(np.asarray(one))[1]) for one in weights.T.numpy()]
    assert np.allclose(pareto_k(weights).numpy(), theirs, atol=2e-3)


def test_a_factor_changes_nothing_and_an_exact_guide_has_no_tail() -> None:
    weights = weights_of(0.5, 500, 4)
    assert torch.allclose(pareto_k(weights + 300.0), pareto_k(weights), atol=1e-8)
    assert (pareto_k(torch.full((100, 2), -80.0)) == -torch.inf).all()
    # Single precision knows a log-density of -80 nats to five millionths, and that noise has a tail like any other.
    noisy = torch.full((500, 2), -80.0).double() + 5e-6 * weights_of(1.0, 500, 2).exp().clamp(max=3.0)
    assert (pareto_k(noisy) == -torch.inf).all()


def test_too_few_weights_have_no_tail() -> None:
    with pytest.raises(SettingError, match="too few weights"):
        pareto_k(torch.zeros(10, 2))
