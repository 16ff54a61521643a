"""Each turn's gradient against its exact expectation."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pyro.distributions as dist
import pytest
import torch
from torch import Tensor

import ppgen
from ppgen.context import validation
from ppgen.declare import Guide, latent
from ppgen.errors import DataError, DeclarationError, SettingError
from ppgen.guides import MeanField
from ppgen.models import SemiSupervisedVAE
from ppgen.objectives import WakeSleep
from tests.oracles.gaussian_pair import Linear, LinearGuide, elbo, sleep_loss, z_scores
from tests.oracles.losses import loss_of
from tests.oracles.pyro_elbos import flat, gradients
from tests.oracles.small_discrete import Bits, BitsGuide, expectation, log_joint, log_q

pytestmark = pytest.mark.usefixtures("float64")


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    torch.manual_seed(0)
    with validation(False):
        yield


def drawn(objective: WakeSleep, player: str, model: Any, guide: Any, x: Tensor, size: int, n: int) -> Tensor:
    """Gradients of one turn by the parameters that it moves, [n, D]."""
    moved = next(t.modules for t in objective.players(objective.setup(model, guide, {"x": x})) if t.name == player)
    losses = (loss_of(objective, model, guide, {"x": x}, size, player=player).value for _ in range(n))
    return torch.stack([flat(gradients(loss, *moved)) for loss in losses])


@pytest.mark.parametrize("size", [90, 900], ids=["whole", "subsampled"])
def test_awake_the_model_climbs_the_elbo(size: int) -> None:
    model = Linear()
    guide = LinearGuide(model, off=0.2, has_path=False)
    x = model(size=3)["x"].detach()
    exact = flat(gradients(-elbo(model, guide, x).mean(), model))
    found = drawn(WakeSleep(), "wake", model, guide, x.repeat(30, 1), size, 80)
    assert z_scores(found, exact).max() < 4


@pytest.mark.parametrize("has_path", [True, False])
def test_asleep_the_guide_learns_the_models_dreams(has_path: bool) -> None:
    model = Linear()
    guide = LinearGuide(model, off=0.2, has_path=has_path)
    exact = flat(gradients(sleep_loss(model, guide), guide))
    found = drawn(WakeSleep(), "sleep", model, guide, torch.zeros(90, 3), 900, 80)
    assert z_scores(found, exact).max() < 4


def test_no_turn_moves_the_other_player() -> None:
    model = Linear()
    guide = LinearGuide(model, off=0.2)
    x = model(size=5)["x"].detach()
    for phase in ("sleep", "wake", "both"):
        objective = WakeSleep(3, guide_phase=phase)
        awake = loss_of(objective, model, guide, {"x": x}, 5).value
        asleep = loss_of(objective, model, guide, {"x": x}, 5, player="sleep").value
        assert flat(gradients(awake, guide)).abs().max() == 0
        assert flat(gradients(asleep, model)).abs().max() == 0
        assert flat(gradients(awake, model)).abs().max() > 0
        assert flat(gradients(asleep, guide)).abs().max() > 0
    assert all(parameter.requires_grad for parameter in guide.parameters())


@pytest.mark.parametrize("size", [60, 600], ids=["whole", "subsampled"])
def test_weighted_draws_give_the_sums_over_all_values(size: int) -> None:
    """Reweighted wake-sleep with K = 2 on four values: 16 pairs, so that both gradients are known exactly."""
    model, guide = Bits(), BitsGuide()
    x = 2 * torch.randn(2, 3)
    log_w = (log_joint(model, x) - log_q(guide, x)).detach()

    def bound(pair: list[int]) -> Tensor:
        return (log_joint(model, x) - log_q(guide, x).detach())[:, pair].logsumexp(1) - math.log(2)

    def cross_entropy(pair: list[int]) -> Tensor:
        return -(log_w[:, pair].softmax(1) * log_q(guide, x)[:, pair]).sum(1)

    of_model = flat(gradients(-expectation(bound, 2, guide, x).mean(), model))
    of_guide = flat(gradients(expectation(cross_entropy, 2, guide, x).mean(), guide))
    objective, rows = WakeSleep(2, guide_phase="wake"), x.repeat(30, 1)
    awake = drawn(objective, "wake", model, guide, rows, size, 100)
    asleep = drawn(objective, "sleep", model, guide, rows, size, 100)
    assert z_scores(awake, of_model).max() < 4
    assert z_scores(asleep, of_guide).max() < 4
    record = loss_of(objective, model, guide, {"x": x}, 2).record
    assert record["iwae"] >= record["elbo"]


def test_both_phases_are_averaged() -> None:
    model = Linear()
    guide = LinearGuide(model, off=0.2)
    x = model(size=2000)["x"].detach()
    losses = {
        phase: loss_of(WakeSleep(4, guide_phase=phase), model, guide, {"x": x}, 2000, player="sleep").value.item()
        for phase in ("sleep", "wake", "both")
    }
    assert losses["both"] == pytest.approx((losses["sleep"] + losses["wake"]) / 2, abs=0.05)


def test_it_trains_a_pair_of_bits() -> None:
    """A Helmholtz machine of discrete units: the model explains more, and the guide comes nearer to its posterior."""
    torch.manual_seed(0)
    truth = Bits()
    with torch.no_grad():
        truth.weight.mul_(3)
    x = truth(size=600)["x"].detach().float()
    torch.set_default_dtype(torch.float32)
    objective = WakeSleep(5, guide_phase="both")
    settings = {"max_epochs": 15, "learning_rate": 0.03, "progress": False}
    fit = ppgen.fit(Bits(), guide=BitsGuide(), data={"x": x}, objective=objective, **settings)
    before, after = (log_joint(model, x).logsumexp(1).mean() for model in (Bits(), fit.model))
    assert after > before + 0.5
    gaps = [after - elbo_of_bits(fit.model, guide, x).mean() for guide in (BitsGuide(), fit.guide)]
    assert gaps[1] < gaps[0] / 3
    assert {"elbo", "iwae", "guide_nll"} <= set(fit.history[-1]["train"])


def elbo_of_bits(model: Bits, guide: BitsGuide, x: Tensor) -> Tensor:
    q = log_q(guide, x)
    return (q.exp() * (log_joint(model, x) - q)).sum(1)


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"num_particles": 0}, "num_particles"),
        ({"guide_phase": "nap"}, "guide_phase"),
        ({"guide_phase": "wake"}, "learn nothing awake"),
    ],
)
def test_settings_that_would_not_train_are_refused(settings: dict[str, Any], what: str) -> None:
    with pytest.raises(SettingError, match=what):
        WakeSleep(**settings)


def test_pairs_that_it_cannot_train_are_refused() -> None:
    labelled = SemiSupervisedVAE((1, 8, 8), num_classes=3)
    batch = {"x": torch.zeros(2, 1, 8, 8), "y": torch.tensor([-1, 2])}
    with pytest.raises(DataError, match="y: the latent is observed in some rows"):
        loss_of(WakeSleep(), labelled, MeanField(labelled), batch, 2)


def test_a_guide_with_a_latent_that_the_model_does_not_dream_is_refused() -> None:
    class More(Guide):
        @latent
        def u(self, x: Tensor) -> Any:
            return dist.Normal(x, 1.0).to_event(1)

        @latent
        def z(self, u: Tensor) -> Any:
            return dist.Normal(u[:, :2], 1.0).to_event(1)

    with pytest.raises(DeclarationError, match="the guide draws 'u'"):
        loss_of(WakeSleep(), Linear(), More(), {"x": torch.zeros(2, 3)}, 2, player="sleep")
