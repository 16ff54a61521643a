"""Scores of disentanglement: the papers' formulas written out, and codes made by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

import ppgen
from ppgen.errors import DataError, SettingError, Unanswerable
from ppgen.estimate import Estimate
from ppgen.evaluation import (
    DISENTANGLEMENT,
    FactorCodes,
    beta_vae_score,
    dci_scores,
    disentanglement,
    factor_vae_score,
    modularity_score,
    mutual_information_gap,
    separated_predictability,
)
from ppgen.evaluation.alike_rows import alike_rows
from ppgen.evaluation.dci import importances
from ppgen.evaluation.factor_information import entropies, factor_information
from ppgen.evaluation.separated_predictability import balanced_accuracies
from tests.oracles.hand_made_codes import VALUES, copies, doubled, grid, mixed, noise, of_codes, rotated


def information(found: FactorCodes, bins: int = 20) -> np.ndarray:
    """By scikit-learn, on the same bins."""
    from sklearn.metrics import mutual_info_score

    table = np.empty((found.num_codes, found.num_factors))
    for d in range(found.num_codes):
        edges = np.histogram(found.train[:, d], bins)[1]
        binned = np.digitize(found.train[:, d], edges[:-1])
        for k in range(found.num_factors):
            table[d, k] = mutual_info_score(binned, found.train_factors[:, k])
    return table


@pytest.mark.parametrize("make", [copies, mixed, rotated])
def test_mutual_information_is_that_of_the_joint_histogram(make: Callable[[], FactorCodes]) -> None:
    found = make()
    np.testing.assert_allclose(factor_information(found), information(found), atol=1e-10)
    np.testing.assert_allclose(entropies(found), np.log(VALUES), rtol=1e-2)  # half of the rows are nearly even


def test_the_gap_is_the_papers() -> None:
    found = mixed()
    told, gaps = information(found), []
    for k in range(found.num_factors):
        share = np.bincount(found.train_factors[:, k]) / len(found.train)
        first, second = sorted(told[:, k])[::-1][:2]
        gaps.append((first - second) / -(share * np.log(share)).sum())
    assert mutual_information_gap(found).value == pytest.approx(np.mean(gaps), abs=1e-9)
    one = of_codes(1.0 * grid()[:, :1])
    assert mutual_information_gap(one).value == pytest.approx(
        (information(one) / entropies(one)).mean(), abs=1e-9
    )  # no rival


def test_modularity_is_the_papers() -> None:
    found = mixed()
    told, scores = information(found), []
    for row in told:
        template = np.where(row == row.max(), row.max(), 0.0)
        scores.append(1.0 - ((row - template) ** 2).sum() / (row.max() ** 2 * (found.num_factors - 1)))
    assert modularity_score(found).value == pytest.approx(np.mean(scores), abs=1e-9)


def test_dci_is_the_papers_of_any_importances() -> None:
    importance = np.abs(np.random.default_rng(0).normal(size=(5, 3)))
    importance[2] = 0.0  # a code that nothing uses
    disentangled = completeness = 0.0
    for d in (0, 1, 3, 4):
        p = importance[d] / importance[d].sum()
        disentangled += importance[d].sum() / importance.sum() * (1.0 + (p * np.log(p)).sum() / np.log(3))
    for k in range(3):
        p = importance[[0, 1, 3, 4], k] / importance[:, k].sum()
        completeness += (1.0 + (p * np.log(p)).sum() / np.log(5)) / 3
    assert dci_scores(importance) == pytest.approx((disentangled, completeness), abs=1e-12)
    assert dci_scores(np.ones((1, 2))) == pytest.approx((0.0, 1.0))
    with pytest.raises(Unanswerable, match="no code predicts"):
        dci_scores(np.zeros((2, 2)))


def test_a_threshold_on_a_code_is_the_best_there_is() -> None:
    rng = np.random.default_rng(0)
    factor = rng.integers(2, size=(600, 2))
    codes = factor[:, :1] + 0.6 * rng.normal(size=(600, 1))
    found = FactorCodes(codes, factor, codes, factor)
    code, label = codes[:, 0], factor[:, 0]
    best = max(((code[label == 1] > t).mean() + (code[label == 0] <= t).mean()) / 2 for t in code)
    assert best - 0.03 < balanced_accuracies(found)[0, 0] <= best + 1e-12  # the tree's criterion is Gini's


def test_sap_is_the_gap_between_the_two_best_codes() -> None:
    found = mixed()
    scores = balanced_accuracies(found)
    gaps = [sorted(scores[:, k])[-1] - sorted(scores[:, k])[-2] for k in range(found.num_factors)]
    assert separated_predictability(found).value == pytest.approx(np.mean(gaps), abs=1e-12)


def test_alike_rows_share_one_value_and_nothing_else() -> None:
    factors = grid()
    sets = alike_rows(factors[:, 1], 300, 64, np.random.default_rng(0))
    assert sets.shape == (300, 64)
    assert (factors[sets, 1] == factors[sets[:, :1], 1]).all()
    assert np.bincount(factors[sets[:, 0], 1], minlength=4).min() > 40  # of 75
    assert np.bincount(factors[sets, 0].ravel()).min() > 0.3 * sets.size


def test_the_vote_of_factor_vae_is_the_papers() -> None:
    """Algorithm of section 4, with its own draws."""
    rng = np.random.default_rng(7)
    found = of_codes(grid() + 2.0 * rng.normal(size=grid().shape))
    spread, counts, hits = found.train.var(0), np.zeros((found.num_codes, found.num_factors)), []
    for vote in range(3000):
        codes, factors = (found.train, found.train_factors) if vote < 2000 else (found.test, found.test_factors)
        k = rng.integers(found.num_factors)
        rows = rng.choice(np.flatnonzero(factors[:, k] == rng.choice(factors[:, k])), 64)
        code = (codes[rows].var(0) / spread).argmin()
        if vote < 2000:
            counts[code, k] += 1
        else:
            hits.append(counts[code].argmax() == k)
    told = factor_vae_score(found)
    assert told.value == pytest.approx(np.mean(hits), abs=4 * np.hypot(told.standard_error or 0.0, 0.01))
    assert 0.4 < told.value < 0.99


@pytest.mark.parametrize(
    ("score", "of_copies", "of_noise"),
    [
        (mutual_information_gap, 1.0, 0.0),
        (modularity_score, 1.0, None),
        (separated_predictability, 1.0 - np.mean(1.0 / np.array(VALUES)), 0.0),
        (factor_vae_score, 1.0, 1 / 3),
        (beta_vae_score, 1.0, 1 / 3),
    ],
)
def test_copies_and_noise_have_the_known_scores(
    score: Callable[[FactorCodes], Estimate], of_copies: float, of_noise: float | None
) -> None:
    told = score(copies())
    assert told.value == pytest.approx(of_copies, abs=0.04)
    assert told.better == "higher"
    if of_noise is not None:
        assert score(noise()).value == pytest.approx(of_noise, abs=0.06)


def test_a_code_in_duplicate_has_no_gap_and_loses_completeness_alone() -> None:
    assert mutual_information_gap(doubled()).value == 0.0
    assert abs(separated_predictability(doubled()).value) < 1e-12
    assert modularity_score(doubled()).value == pytest.approx(1.0, abs=0.01)
    disentangled, complete = dci_scores(importances(doubled())[0])
    assert disentangled == pytest.approx(1.0, abs=1e-9)
    assert complete < 0.9


def test_forests_find_copies_exactly_and_rotations_not() -> None:
    table, accuracy = importances(copies())
    np.testing.assert_allclose(table, np.eye(3), atol=1e-12)
    assert dci_scores(table) == (1.0, 1.0)
    assert accuracy == 1.0
    turned = rotated()
    assert dci_scores(importances(turned)[0])[0] < 0.6
    assert mutual_information_gap(turned).value < 0.5
    assert beta_vae_score(copies()).value >= beta_vae_score(turned).value


def test_codes_that_have_collapsed_have_no_vote() -> None:
    dead = np.concatenate([1.0 * grid(), 1e-3 * np.random.default_rng(0).normal(size=(len(grid()), 2))], 1)
    assert factor_vae_score(of_codes(dead)).value == 1.0
    still = of_codes(np.zeros_like(1.0 * grid()))
    assert factor_vae_score(still).value == pytest.approx(1 / 3, abs=0.05)
    with pytest.raises(Unanswerable, match="nothing to tell apart"):
        modularity_score(still)


def test_a_function_is_scored_on_data_with_factors() -> None:
    sprites = ppgen.data.load("sprites")
    few = {name: {key: value[:1500] for key, value in columns.items()} for name, columns in sprites.splits.items()}
    data = ppgen.Dataset("sprites", "binary", few, num_classes=sprites.num_classes)

    def centre(x: torch.Tensor) -> torch.Tensor:
        """Where the ink is: two of the five factors, and how much of it."""
        place = torch.arange(32.0)
        ink = x.sum((1, 2, 3))
        return torch.stack([(x.sum((1, 2)) * place).sum(1) / ink, (x.sum((1, 3)) * place).sum(1) / ink, ink / 100], 1)

    found = disentanglement(centre, data, factors=["pos_x", "pos_y"])
    assert set(found) == {metric.key for metric in DISENTANGLEMENT}
    assert found["dci_disentanglement"].value > 0.7
    assert found["factor_vae_score"].value > 0.95
    assert found["mig"].value > 0.6
    with pytest.raises(SettingError, match="factors"):
        disentanglement(centre, data, factors=["colour"])


def test_a_fit_is_scored_beside_principal_components() -> None:
    factors = torch.from_numpy(grid()[:600])
    data = ppgen.data.from_tensors({"x": factors.float() + 0.1 * torch.randn(600, 3), "a": factors[:, 0],
                                    "b": factors[:, 1], "c": factors[:, 2]})  # fmt: skip
    fit = ppgen.fit(ppgen.models.FactorAnalysis(x_dim=3, latent_dim=2), data, max_epochs=2, progress=False)
    card = ppgen.evaluate(fit, ["mig", "modularity"], progress=False)
    assert set(card["disentanglement"]) == {"mig", "modularity"}
    assert set(card.baselines_of("mig")) == {"PCA-2"}
    digits = ppgen.fit(ppgen.models.VAE((1, 8, 8), latent_dim=2), "digits", max_epochs=1, progress=False)
    assert "too few factors" in ppgen.evaluate(digits, ["mig"], progress=False).reason("disentanglement")


@pytest.mark.parametrize(
    ("codes", "factors", "words"),
    [
        (np.zeros(4), np.zeros((4, 1), dtype=int), "do not fit"),
        (np.zeros((4, 1)), np.zeros((3, 1), dtype=int), "do not fit"),
        (np.full((4, 1), np.nan), np.arange(4)[:, None], "not finite"),
        (np.zeros((4, 1)), 0.5 * np.arange(4)[:, None], "no whole numbers"),
        (np.zeros((4, 1)), -np.arange(4)[:, None], "no whole numbers"),
        (np.zeros((4, 1)), np.zeros((4, 1), dtype=int), "one value only"),
    ],
)
def test_what_is_no_codes_or_factors_is_refused(codes: np.ndarray, factors: np.ndarray, words: str) -> None:
    with pytest.raises(DataError, match=words):
        FactorCodes(codes, factors, codes, factors)
