from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import ppgen
from ppgen.errors import DataError, SettingError
from ppgen.evaluation.outlier_p_value import ranked_among, reference_rows
from ppgen.evaluation.suspects import Suspects
from ppgen.fitted import Fit
from tests.oracles.exact_gaussian import gaussian_fit


@pytest.fixture(scope="module")
def fit() -> Fit:
    return gaussian_fit()


@given(st.lists(st.integers(0, 5), min_size=1, max_size=20), st.integers(-1, 6))
def test_a_p_value_counts_what_is_as_large(reference: list[int], value: int) -> None:
    found = float(ranked_among(torch.tensor([float(value)]), torch.tensor([float(r) for r in reference])))
    assert found == (1 + sum(r >= value for r in reference)) / (1 + len(reference))


@given(st.lists(st.integers(0, 3), min_size=2, max_size=30))
def test_of_exchangeable_rows_at_most_a_share_a_has_p_below_a(scores: list[int]) -> None:
    # Each in turn is the new one: the mean over these is the probability, exactly.
    rows = torch.tensor(scores, dtype=torch.float64)
    p = torch.stack([ranked_among(rows[i : i + 1], torch.cat([rows[:i], rows[i + 1 :]]))[0] for i in range(len(rows))])
    for level in (0.05, 0.2, 0.5):
        assert float((p <= level).double().mean()) <= level + 1e-12


def test_p_values_of_held_out_inliers_are_uniform(fit: Fit) -> None:
    from scipy.stats import kstest

    fresh = torch.randn(2000, 20, generator=torch.Generator().manual_seed(5))
    reference = torch.randn(1000, 20, generator=torch.Generator().manual_seed(6))
    for score in ("log_prob", "typicality"):
        found = fit.outlier_score(fresh, score, reference=reference)
        assert found.num_reference == 1000
        assert kstest(found.p_values.numpy(), "uniform").statistic < 1.95 * np.sqrt(1 / 2000 + 1 / 1000)


def test_an_outlier_has_the_smallest_p_value(fit: Fit) -> None:
    found = fit.outlier_score(9.0 + torch.zeros(3, 20))
    assert torch.allclose(found.p_values, torch.tensor(1.0 / (1 + fit.data.size("valid"))).double())
    assert len(found) == 3
    assert "log p(x): exact" in str(found)
    assert "3 of 3" in str(fit.outlier_score(9.0 + torch.zeros(3, 20), reference=torch.randn(300, 20)))


def test_no_reference_no_p_value(fit: Fit) -> None:
    splits = {name: {"x": fit.data.split(name)["x"]} for name in ("train", "valid", "test")}
    splits["valid"] = {"x": splits["valid"]["x"][:0]}
    data = ppgen.Dataset("none held out", "continuous", splits)
    alone = ppgen.fit(type(fit.model)(), data, max_epochs=1, patience=None, progress=False)
    with pytest.raises(DataError, match="no rows"):
        alone.outlier_score(torch.zeros(1, 20))
    with pytest.raises(SettingError, match="num_reference"):
        fit.outlier_score(torch.zeros(1, 20), num_reference=0)


def test_the_reference_rows_are_scored_once_for_several_sets(fit: Fit) -> None:
    sizes = []

    def norm(rows: Suspects) -> torch.Tensor:
        sizes.append(rows.size)
        return rows.x.norm(dim=1).double()

    sets = [torch.randn(n, 20, generator=torch.Generator().manual_seed(n)) for n in (3, 5)]
    references = reference_rows(fit, norm, num_reference=40)
    found = [references.of(x) for x in sets]
    assert sorted(sizes) == [3, 5, 40]
    for x, one in zip(sets, found, strict=True):
        alone = fit.outlier_score(x, norm, num_reference=40)
        assert torch.equal(one.values, alone.values)
        assert torch.equal(one.p_values, alone.p_values)
