"""Traversals go where the prior or the codes say, and what lies below follows."""

from __future__ import annotations

from typing import Any

import pyro.distributions as dist
import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

import ppgen
from ppgen.errors import SettingError, Unanswerable
from ppgen.fitted import Fit
from ppgen.walks.spans import activity
from tests.walks.conftest import DOWN, UP, quick

LEVELS = torch.linspace(0.05, 0.95, 5)
QUANTILES = Normal(0.0, 1.0).icdf(LEVELS)


def test_the_top_moves_through_quantiles_and_the_level_below_follows(levels: Fit, rows: Tensor) -> None:
    walk = levels.traverse(rows[:2], "b", [1, 0], steps=5)
    b = (rows[:2, :2] @ UP).reshape(2, 1, 1, 2).repeat(1, 2, 5, 1)
    b[:, 0, :, 1], b[:, 1, :, 0] = QUANTILES, QUANTILES
    assert torch.allclose(walk.latents["b"], b.reshape(4, 5, 2), atol=1e-6)
    assert torch.allclose(walk.latents["a"], walk.latents["b"] @ DOWN, atol=1e-6)
    assert torch.equal(walk.latents["e"], rows[[0, 0, 1, 1], 2:].reshape(4, 1, 1).expand(4, 5, 1))
    assert torch.equal(walk.values["x"], torch.cat([walk.latents["a"], walk.latents["e"]], -1))
    assert torch.allclose(walk.coordinates, QUANTILES.expand(4, 5))
    assert walk.row_labels == ("b[1] from 0", "b[0] from 0", "b[1] from 1", "b[0] from 1")


def test_levels_below_are_held_where_that_is_asked(levels: Fit, rows: Tensor) -> None:
    walk = levels.traverse(rows[:1], "b", [0], steps=5, hold=True)
    assert torch.equal(walk.latents["a"], rows[:1, :2].reshape(1, 1, 2).expand(1, 5, 2))


def test_a_level_below_has_the_quantiles_of_its_own_prior(levels: Fit, rows: Tensor) -> None:
    walk = levels.traverse(rows[:1], "a", [1], steps=5)
    b = rows[:1, :2] @ UP
    assert torch.allclose(walk.latents["b"], b.expand(1, 5, 2))
    assert torch.allclose(walk.coordinates, (b @ DOWN)[:, 1:] + 0.5 * QUANTILES)


def test_the_posterior_spans_what_the_codes_of_test_data_span(levels: Fit, rows: Tensor) -> None:
    walk = levels.traverse(rows[:1], "b", [0], steps=5, span="posterior")
    codes = levels.encode(site="b")[:, 0]
    assert torch.allclose(walk.coordinates[0, [0, -1]], codes.quantile(torch.tensor([0.05, 0.95])), atol=0.35)
    assert walk.coordinates.diff().min() >= 0


class Three(ppgen.Model):
    """z ~ Normal(0, I_3);  x | z ~ Normal((z0, z2), 1)."""

    @ppgen.latent
    def z(self) -> Any:
        return dist.Normal(torch.zeros(3), 1.0).to_event(1)

    @ppgen.observed
    def x(self, z: Tensor) -> Any:
        return dist.Normal(z[..., [0, 2]], 1.0).to_event(1)


class TwoOfThree(ppgen.Guide):
    """z0 told a little, z1 the prior, z2 told exactly; a point where the scales are left out."""

    def __init__(self, scales: tuple[float, ...] = (0.5, 1.0, 0.1)) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor([[0.2, 0.0, 0.0], [0.0, 0.0, 1.0]]))
        self.scales = torch.tensor(scales)

    @ppgen.latent
    def z(self, x: Tensor) -> Any:
        loc = x @ self.weight
        return (dist.Normal(loc, self.scales) if len(self.scales) else dist.Delta(loc)).to_event(1)


def test_active_dimensions_come_first_and_others_not_at_all(rows: Tensor) -> None:
    fit = quick(Three(), rows[:, 1:], guide=TwoOfThree())
    assert fit.traverse(rows[:1, 1:]).row_labels == ("z[2]", "z[0]")
    mean, scale = fit.encode().only, torch.tensor([0.5, 1.0, 0.1])
    kl = kl_divergence(Normal(mean, scale), Normal(0.0, 1.0)).mean(0)
    assert torch.allclose(activity(fit, "z", 0), kl, atol=1e-5)


def test_codes_of_a_point_guide_are_ranked_by_their_variance_and_give_the_span(rows: Tensor) -> None:
    fit = quick(Three(), 5.0 * rows[:, 1:], guide=TwoOfThree(()), objective=ppgen.ELBO(beta=0.0))
    walk = fit.traverse(rows[:1, 1:], steps=3)
    codes = fit.encode().only
    assert torch.allclose(activity(fit, "z", 0), codes.var(0))
    assert walk.row_labels == ("z[2]", "z[0]")
    assert walk.coordinates[0, 2] - walk.coordinates[0, 0] > 2 * 1.645  # the prior's quantiles lie nearer
    assert set(walk.coordinates[0].tolist()) <= set(codes[:, 2].tolist())
    assert "of the posterior" in walk.caption


def test_a_discrete_latent_goes_through_its_values(classes: Fit) -> None:
    x = {"x": torch.zeros(2, 2), "y": torch.tensor([0, 1])}
    walk = classes.traverse(x, "c")
    assert torch.equal(walk.latents["c"], torch.arange(3).expand(2, 3))
    assert torch.equal(walk.latents["z"], torch.arange(3.0).reshape(1, 3, 1).expand(2, 3, 2))
    assert torch.equal(walk.values["x"][..., 0], torch.tensor([[0.0, 1.0, 2.0], [10.0, 11.0, 12.0]]))
    assert walk.column_labels == ("0", "1", "2")


def test_a_covariate_of_the_users_stands_in_for_that_of_the_data(classes: Fit) -> None:
    x = {"x": torch.zeros(1, 2), "y": torch.tensor([0])}
    assert torch.equal(classes.traverse(x, "c", y=1).values["x"][0, :, 0], torch.tensor([10.0, 11.0, 12.0]))


def test_the_noise_of_an_implicit_model_is_ranked_by_what_it_changes(noise: Fit) -> None:
    walk = noise.traverse(n=2, steps=3)
    assert walk.row_labels == ("z[0] from 0", "z[1] from 0", "z[0] from 1", "z[1] from 1")
    assert not torch.equal(walk.latents["z"][0, 1, 2], walk.latents["z"][2, 1, 2])
    again = noise.traverse({"z": walk.latents["z"][[0, 2], 0]}, dims=[0], steps=3)
    assert torch.equal(again.latents["z"], walk.latents["z"][[0, 2]])


def test_without_data_a_walk_starts_from_draws_of_the_prior(levels: Fit) -> None:
    walk = levels.traverse(site="e", n=500, dims=[0], steps=2, seed=3)
    a, b = walk.latents["a"][:, 0], walk.latents["b"][:, 0]
    assert (a - b @ DOWN).std().item() == pytest.approx(0.5, abs=0.05)
    assert b.std().item() == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"site": "zz"}, "there is no latent 'zz'"),
        ({"dims": [2]}, "b has no dimension 2"),
        ({"dims": []}, "dims is empty"),
        ({"steps": 1}, "traverse: steps"),
        ({"span": "guide"}, "traverse: unknown span"),
        ({"n": 0}, "walk: n"),
        ({"y": 1}, "y is no covariate"),
    ],
)
def test_bad_inputs_are_refused_by_name(levels: Fit, arguments: dict[str, object], text: str) -> None:
    with pytest.raises(SettingError, match=text):
        levels.traverse(**arguments)


def test_what_cannot_walk_says_why(noise: Fit, classes: Fit) -> None:
    with pytest.raises(Unanswerable, match="without a guide"):
        noise.traverse(torch.zeros(2, 1))
    with pytest.raises(SettingError, match="no posterior"):
        noise.traverse(span="posterior")
    with pytest.raises(Unanswerable, match="conditional on y"):
        classes.traverse()
    flat = quick(ppgen.models.GatedPixelCNN((1, 4, 4), num_layers=1), torch.bernoulli(torch.full((40, 1, 4, 4), 0.5)))
    with pytest.raises(SettingError, match="no latent of single data points"):
        flat.traverse()


class Labels(ppgen.Model):
    """y ~ Normal(0, 1);  z | y ~ Normal(y, 1);  x | z ~ Normal(z, 1)."""

    @ppgen.observed
    def y(self) -> Any:
        return dist.Normal(torch.zeros(1), 1.0).to_event(1)

    @ppgen.latent
    def z(self, y: Tensor) -> Any:
        return dist.Normal(y, 1.0).to_event(1)

    @ppgen.observed
    def x(self, z: Tensor) -> Any:
        return dist.Normal(z, 1.0).to_event(1)


def test_a_latent_below_data_that_are_drawn_is_refused() -> None:
    fit = quick(Labels(), {"x": torch.randn(60, 1), "y": torch.randn(60, 1)})
    with pytest.raises(Unanswerable, match="z of Labels depends on data"):
        fit.traverse()
