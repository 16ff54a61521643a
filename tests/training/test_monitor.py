from __future__ import annotations

from typing import Any

import pyro.distributions as dist
import pytest
import torch
from pyro.infer.util import is_validation_enabled
from torch import Tensor, nn

import ppgen
from ppgen.context import evaluating
from ppgen.declare import Model, observed
from ppgen.guides import FullRank, MeanField
from ppgen.objectives import Loss, Player, State, TrainingPosition
from ppgen.training import monitor as module
from ppgen.training.monitor import monitor
from tests.oracles.conjugate import BetaBernoulli, GammaPoisson, SharedMean, TwoLevels
from tests.oracles.linear_gaussian import PPCA, log_evidence, marginal
from tests.oracles.losses import problem_of


def row_of(model: Any, guide: Any, x: Tensor, objective: Any = None, **settings: Any) -> dict[str, Any]:
    chosen: dict[str, Any] = {"position": TrainingPosition(), "seed": 0} | settings
    chosen_objective = ppgen.ELBO() if objective is None else objective
    problem = problem_of(model, guide, chosen_objective, {"x": x}, chosen.pop("size", len(x)))
    return monitor(problem, {"x": x}, **chosen)


def test_the_true_elbo_whatever_the_objective() -> None:
    """Four objectives, one bound: the loss differs, what it is made of does not."""
    torch.manual_seed(0)
    model = PPCA()
    guide, x = MeanField(model), marginal(model).sample((700,)).float()
    rows = {beta: row_of(model, guide, x, ppgen.ELBO(beta)) for beta in (0.0, 1.0, 4.0)}
    for beta, row in rows.items():
        assert row["elbo"] == pytest.approx(rows[1.0]["elbo"], abs=1e-5)
        assert row["loss"] == pytest.approx(row["distortion"] + beta * row["rate/z"], abs=1e-4)
        assert row["elbo"] == pytest.approx(-row["distortion"] - row["rate/z"], abs=1e-4)
    assert rows[1.0]["elbo"] < log_evidence(model, x).mean().item()
    warm = row_of(model, guide, x, ppgen.ELBO(4.0, warmup=10), position=TrainingPosition(0, 10.0))
    assert warm["loss"] == pytest.approx(rows[4.0]["loss"], abs=1e-5)


def test_an_objective_that_records_no_bound_is_measured_all_the_same() -> None:
    """One turn that is something else, and a game of two: the parts are those that the ELBO would record."""

    class Other(ppgen.ELBO):
        def loss(self, *args: Any) -> Loss:
            return Loss(2 * super().loss(*args).value, {})

    class Game(Other):
        def players(self, state: State) -> list[Player]:
            return 2 * super().players(state)

    torch.manual_seed(0)
    model = PPCA(latent_dim=2, noise=3.0)
    guide, x = MeanField(model), marginal(model).sample((20_000,)).float()
    expected, other, game = (row_of(model, guide, x, objective()) for objective in (ppgen.ELBO, Other, Game))
    assert "loss" not in game
    assert set(expected) == set(other) == set(game) | {"loss"}
    for row in (other, game):
        assert row["elbo"] == pytest.approx(expected["elbo"], abs=0.1)
        assert row["rate/z"] == pytest.approx(expected["rate/z"], abs=1e-4)


def test_the_noise_is_the_same_at_every_call() -> None:
    torch.manual_seed(0)
    model = PPCA()
    guide, x = MeanField(model), torch.randn(50, 20)
    state = torch.get_rng_state()
    first = row_of(model, guide, x)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(9)
    assert row_of(model, guide, x) == first
    assert row_of(model, guide, x, seed=1) != first


def test_pieces_are_weighed_by_their_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a prior for a guide the rate is 0 and the distortion has no noise; ten rows in pieces of three."""

    class Plain(Model):
        @observed
        def x(self) -> Any:
            return dist.Normal(0.0, 1.0)

    x = torch.arange(10.0)
    monkeypatch.setattr(module, "_ROWS", 3)
    row = row_of(Plain(), None, x, ppgen.MaximumLikelihood())
    assert row["log_prob"] == pytest.approx(dist.Normal(0.0, 1.0).log_prob(x).mean().item(), rel=1e-6)
    assert set(row) == {"loss", "log_prob"}


def test_kl_per_dimension_adds_up_to_the_rate() -> None:
    torch.manual_seed(0)
    model = PPCA()
    guide, x = MeanField(model), torch.randn(300, 20)
    row = row_of(model, guide, x)
    assert sum(row["kl_per_dimension/z"]) == pytest.approx(row["rate/z"], rel=1e-4)
    assert "kl_per_dimension/z" not in row_of(model, FullRank(model), x)
    two = TwoLevels()
    several = row_of(two, MeanField(two), torch.randn(300, 5))
    assert len(several["kl_per_dimension/z2"]) == 2
    assert several["active_units/z1"] in range(4)


def test_units_that_vary_with_the_data_are_active() -> None:
    """Three of five dimensions of the posterior mean are moved by x; a wide posterior does not make one active."""
    model = PPCA(latent_dim=5, x_dim=5)

    class Three(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x

    guide = MeanField(model, encoder=Three())
    head = guide.heads["z"]
    with torch.no_grad():
        head.weight.zero_()
        head.weight[:3, :3] = torch.diag(torch.tensor([1.0, 0.5, 0.2]))
        head.weight[3, 3] = 0.05  # variance 0.0025: below the threshold of 0.01
        head.bias[5:] = 3.0
    row = row_of(model, guide, torch.randn(500, 5))
    assert row["active_units/z"] == 3


def test_a_sampled_mean_does_not_make_a_unit_active() -> None:
    """The guide of a positive latent has no closed mean; that of a guide which ignores x does not vary."""
    model = GammaPoisson()
    guide = MeanField(model)
    with torch.no_grad():
        guide.heads["rate"].weight.zero_()
    assert row_of(model, guide, model(size=300)["x"])["active_units/rate"] == 0


@pytest.mark.parametrize(("model", "x"), [(BetaBernoulli(), torch.ones(6, 8)), (SharedMean(), torch.ones(6, 2))])
def test_scalar_and_global_latents_have_their_place(model: Model, x: Tensor) -> None:
    row = row_of(model, MeanField(model), x)
    assert not any("mu" in key for key in row if key.startswith(("active", "kl")))
    assert any(key.startswith("active_units/") for key in row)
    assert row_of(model, MeanField(model), x[:1])["loss"] is not None


def test_a_global_rate_counts_as_in_training() -> None:
    """Per datum of the training split, however small the validation split is."""
    model = SharedMean()
    guide, x = MeanField(model), torch.randn(20, 2)
    rates = [row_of(model, guide, x[:rows], size=1000)["rate/mu"] for rows in (4, 20)]
    assert rates[0] == pytest.approx(rates[1])
    assert rates[0] == pytest.approx(row_of(model, guide, x, size=20)["rate/mu"] / 50)


def test_losses_of_a_game_are_no_measure() -> None:
    model, objective = ppgen.models.GAN((1, 8, 8)), ppgen.Adversarial()
    assert row_of(model, None, torch.rand(4, 1, 8, 8), objective) == {}


def test_evaluating_restores_every_mode() -> None:
    first, second = nn.Sequential(nn.Dropout(), nn.BatchNorm1d(2)), nn.Sequential(nn.Dropout()).eval()
    first[1].eval()  # as who keeps its statistics fixed
    with evaluating(first, second, None):
        assert not any(m.training for part in (first, second) for m in part.modules())
        assert not torch.is_grad_enabled()
        assert not is_validation_enabled()
    assert [module.training for module in first.modules()] == [True, True, False]
    assert not any(module.training for module in second.modules())
    assert is_validation_enabled()
