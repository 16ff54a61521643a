"""Scores of outliers against closed forms: of a Gaussian without latents, and of probabilistic PCA."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

import ppgen
from ppgen.errors import DataError, SettingError, Unanswerable
from ppgen.evaluation import OUTLIER_SCORES, OutlierScore, compressed_bits, suspects
from ppgen.evaluation.outlier_measure import scored
from ppgen.evaluation.outlier_scores import chosen_score, chosen_scores
from ppgen.fitted import Fit
from ppgen.guides import FullRank
from ppgen.inference import pareto_k
from tests.oracles.exact_gaussian import gaussian_fit, normal
from tests.oracles.linear_gaussian import PPCA, frozen, log_evidence, marginal

SCORES = {score.key: score for score in OUTLIER_SCORES}


@pytest.fixture(scope="module")
def exact() -> Fit:
    return gaussian_fit()


@pytest.fixture(scope="module")
def guided() -> Fit:
    torch.manual_seed(0)
    model = frozen(PPCA(latent_dim=2, x_dim=6))
    x = marginal(model).sample((400,)).float()
    return ppgen.fit(model, x, guide=FullRank(model), max_epochs=40, learning_rate=1e-2, progress=False)


def values(key: str, fit: Fit, x: Tensor, **settings: Any) -> Tensor:
    return scored(SCORES[key], suspects(fit, x, **settings))


def test_exact_scores_are_the_formulas(exact: Fit) -> None:
    x = 2.0 * torch.randn(30, 20)
    assert torch.allclose(values("log_prob", exact, x), -normal(x), rtol=1e-5)
    background = gaussian_fit(2.0)
    assert torch.allclose(values("ratio", exact, x, background=background), normal(x, 2.0) - normal(x), rtol=1e-4)
    entropy = -float(normal(exact.data.split("train")["x"]).mean())  # all 320 rows are usual ones
    assert torch.allclose(values("typicality", exact, x), (-normal(x) - entropy).abs(), atol=1e-3)
    assert suspects(exact, x).said == "exact"


def test_typicality_sees_what_is_too_probable(exact: Fit) -> None:
    mode = torch.zeros(1, 20)  # the most probable of all, and nothing like a draw
    surprise, typicality = (exact.outlier_score(mode, key).p_values for key in ("log_prob", "typicality"))
    assert surprise == 1.0
    assert typicality < 0.05


def test_the_bound_ranks_as_the_exact_evidence_does(guided: Fit) -> None:
    x = marginal(guided.model).sample((60,)).float() * torch.linspace(0.5, 3.0, 60).unsqueeze(1)
    found, truth = values("log_prob", guided, x, num_particles=200), -log_evidence(guided.model, x)
    assert (
        float(torch.corrcoef(torch.stack([found.argsort().argsort(), truth.argsort().argsort()]).double())[0, 1]) > 0.99
    )
    assert float((found - truth).abs().max()) < 0.5
    assert "lower bound, IWAE-100" in suspects(guided, x).said


def test_regret_is_larger_where_the_encoder_has_not_been(guided: Fit) -> None:
    inside = guided.data.split("test")["x"][:20]
    far = inside + 30.0 * guided.model.weight.detach()[:, 0]
    digest, state, guide = guided.weights_digest, torch.get_rng_state(), guided.guide
    near, off = (values("regret", guided, x) for x in (inside, far))
    assert guided.weights_digest == digest  # and nothing else was changed
    assert guided.guide is guide
    assert torch.equal(torch.get_rng_state(), state)
    assert float(near.min()) > -0.5
    assert off.median() > 10 * near.median()


def test_reconstruction_and_weights_are_those_of_the_fit(guided: Fit) -> None:
    x = guided.data.split("test")["x"][:10]
    error = (guided.reconstruct({"x": x})["x"] - x).double().square().mean(1)
    assert torch.allclose(values("reconstruction", guided, x), error)
    assert torch.equal(values("pareto_k", guided, x), pareto_k(guided.log_weights({"x": x}, 100)))


@pytest.mark.parametrize(("shape", "levels"), [((1, 16, 16), 2), ((3, 16, 16), 256), ((400,), 7)])
def test_code_lengths_grow_with_what_there_is_to_say(shape: tuple[int, ...], levels: int) -> None:
    generator = torch.Generator().manual_seed(0)
    noise = torch.randint(levels, (5, *shape), generator=generator)
    half = torch.where(torch.rand(shape, generator=generator) < 0.25, noise, 0)
    lengths = [compressed_bits(x, levels) for x in (torch.zeros(5, *shape), half, noise)]
    assert bool((lengths[0] < lengths[1]).all())
    assert bool((lengths[1] < lengths[2]).all())
    assert float(lengths[2].min()) >= 0.99 * math.prod(shape) * math.log2(levels)  # noise has no shorter code


def test_complexity_is_the_difference_of_two_code_lengths() -> None:
    bits = torch.full((40, 1, 4, 4), 0.5).bernoulli(generator=torch.Generator().manual_seed(0))
    fit = ppgen.fit(ppgen.models.MADE((1, 4, 4)), bits, max_epochs=1, progress=False)
    x = torch.eye(4).reshape(1, 1, 4, 4).repeat(3, 1, 1, 1)
    found = values("log_prob", fit, x) - values("complexity", fit, x)
    assert torch.allclose(found, compressed_bits(x, 2) * math.log(2.0))
    with pytest.raises(DataError, match="no levels"):
        compressed_bits(x / 2, 2)


def test_what_has_no_answer_says_why(exact: Fit) -> None:
    x = torch.zeros(2, 20)
    for key, words in (("ratio", "no background"), ("regret", "no guide"), ("pareto_k", "no latent"),
                       ("reconstruction", "no latent"), ("complexity", "no levels")):  # fmt: skip
        with pytest.raises(Unanswerable, match=words):
            values(key, exact, x)
    with pytest.raises(SettingError, match="background"):
        suspects(exact, x, background=ppgen.models.MADE((1, 2, 2)))  # type: ignore[arg-type]


def test_scores_are_named_brought_or_refused(exact: Fit) -> None:
    def ink(rows: Any) -> Tensor:
        return rows.x.sum(1)

    assert chosen_score(ink).key == "ink"
    assert chosen_scores(None) == OUTLIER_SCORES
    assert torch.equal(scored(chosen_score(ink), suspects(exact, torch.ones(3, 20))), torch.full((3,), 20.0).double())
    for wrong in ("surprise", 3):
        with pytest.raises(SettingError, match="unknown score"):
            chosen_score(wrong)  # type: ignore[arg-type]
    for entries in ("ratio", [], [ink, ink], 3):
        with pytest.raises(SettingError, match="outliers"):
            chosen_scores(entries)  # type: ignore[arg-type]
    with pytest.raises(SettingError, match="a name and a function"):
        OutlierScore("", ink)
    for bad in (lambda rows: rows.x, lambda rows: rows.x[:, 0] * math.nan):
        with pytest.raises(DataError, match="not one number"):
            scored(OutlierScore("bad", bad), suspects(exact, torch.ones(3, 20)))
