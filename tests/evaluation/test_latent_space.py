"""Maps whose neighbourhoods are known, and latent spaces with and without holes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from ppgen.data import Dataset
from ppgen.errors import DataError
from ppgen.evaluation import evaluate, neighbourhoods_kept
from tests.evaluation.conftest import FakeFit


def by_definition(x: Tensor, codes: Tensor, k: int) -> float:
    """Venna and Kaski (2001), equation 1, rank by rank."""
    n = len(x)
    near, rank = (torch.cdist(side, side).argsort(1).argsort(1) for side in (codes, x))
    lost = sum(float(rank[i, j] - k) for i in range(n) for j in range(n) if 0 < near[i, j] <= k < rank[i, j])
    return 1.0 - 2.0 / (n * k * (2 * n - 3 * k - 1)) * lost


def test_both_are_as_the_paper_defines_them() -> None:
    torch.manual_seed(0)
    x = torch.randn(60, 5, dtype=torch.float64)
    codes = x[:, :2]
    trusted, continuous = neighbourhoods_kept(x, codes, k=4)
    assert trusted.value == pytest.approx(by_definition(x, codes, 4))
    assert continuous.value == pytest.approx(by_definition(codes, x, 4))


def test_a_fold_is_continuous_and_a_cut_can_be_trusted() -> None:
    line = torch.linspace(-1.0, 1.0, 101, dtype=torch.float64).reshape(-1, 1) + 1e-3
    trusted, continuous = neighbourhoods_kept(line, line.abs(), k=5)  # both halves on top of each other
    assert continuous.value > 0.97 > 0.85 > trusted.value
    cut = torch.where(line > 0.0, line + 9.0, line)
    trusted, continuous = neighbourhoods_kept(line, cut, k=5)
    assert trusted.value > 0.99 > continuous.value - 0.009


def test_codes_by_chance_keep_half() -> None:
    torch.manual_seed(0)
    trusted, continuous = neighbourhoods_kept(torch.randn(400, 3), torch.randn(400, 3))
    for found in (trusted, continuous):
        assert found.standard_error is not None
        assert found.value == pytest.approx(0.5, abs=0.03)
        assert 0.0 < found.standard_error < 0.03


@pytest.mark.parametrize("codes", [torch.zeros(30, 2), torch.full((60, 2), float("nan")), torch.zeros(59, 2)])
def test_what_has_no_neighbours_is_refused(codes: Tensor) -> None:
    with pytest.raises(DataError, match="neighbourhoods of data and codes"):
        neighbourhoods_kept(torch.randn(len(codes) if len(codes) != 59 else 60, 3), codes)


class Holed(FakeFit):
    """Half of its latent space decodes to training data, the other half to nothing of the kind."""

    def sample(self, n: int, *, site: Any = None, seed: int = 0, mean: bool = False, **covariates: Tensor) -> Any:
        assert mean
        x = self.train["x"][:n].clone()
        x[: n // 2] = 30.0
        return x


def test_a_fit_beside_principal_components(digits: Dataset) -> None:
    card = evaluate(Holed(digits), ["trustworthiness", "continuity", "completeness"], num_samples=100, progress=False)
    found = card["latent-space"]
    assert found["continuity"].value == pytest.approx(card.baselines_of("continuity")["PCA-6"].value)
    assert 0.4 < found["completeness"].value <= 0.5
    assert set(card.baselines_of("completeness")) == {"real/real", "decoded training codes"}


def test_without_codes_there_is_no_latent_space(fake_fit: Callable[..., FakeFit]) -> None:
    card = evaluate(fake_fit(refused={"representation": "no codes"}), ["latent-space"], progress=False)
    assert set(card.refusals.values()) == {"no codes"}
