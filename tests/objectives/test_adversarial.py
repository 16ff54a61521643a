from __future__ import annotations

from collections.abc import Callable

import pyro.distributions as dist
import pytest
import torch
from scipy.stats import wasserstein_distance
from torch import Tensor, nn

import ppgen
from ppgen import nets
from ppgen.declare import Model, implicit, latent, observed
from ppgen.errors import SettingError
from ppgen.models import GAN, VAE
from ppgen.objectives import Adversarial, State
from ppgen.objectives.adversarial_game import Game
from ppgen.objectives.adversarial_losses import LOSSES
from tests.oracles.losses import loss_of


class Line(Model):
    """x = generator(z), a point on a line."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = nets.MLP(1, 1, hidden=(64, 64))

    @latent
    def z(self):
        return dist.Normal(0.0, 1.0).expand([1]).to_event(1)

    @implicit
    def x(self, z):
        return self.generator(z)


class FixedGaussian(Model):
    """x ~ Normal(1, 0.7), with nothing to learn."""

    @latent
    def z(self):
        return dist.Normal(0.0, 1.0).expand([1]).to_event(1)

    @implicit
    def x(self, z):
        return 1.0 + 0.7 * z


class Labelled(Model):
    """x = scale * z + label."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    @latent
    def z(self):
        return dist.Normal(0.0, 1.0).expand([1]).to_event(1)

    @implicit
    def x(self, z, y):
        return self.scale * z + y.unsqueeze(-1)


class LabelledCritic(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(2, 1)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.linear(nets.join(x, y.unsqueeze(-1).float())).squeeze(-1)


def two_gaussians(size: int) -> Tensor:
    """Half the points around -1, half around 1."""
    return torch.randint(2, (size, 1)) * 2.0 - 1.0 + 0.3 * torch.randn(size, 1)


def distance(model: Model) -> float:
    with torch.no_grad():
        return wasserstein_distance(model(size=20_000)["x"].flatten().numpy(), two_gaussians(20_000).flatten().numpy())


def play(
    objective: Adversarial, model: Model, draw: Callable[[int], Tensor], steps: int, players: tuple[str, ...]
) -> State:
    """The loop in its barest form: Adam with a falling step size, one optimizer a turn."""
    state = objective.setup(model, None, {"x": draw(4)})
    optimizers = {
        player.name: torch.optim.Adam(player.parameters, **player.optimizer)
        for player in objective.players(state)
        if player.name in players
    }
    for step in range(steps):
        batch = {"x": draw(256)}
        for name, optimizer in optimizers.items():
            optimizer.param_groups[0]["lr"] = 2e-3 * (1 - step / steps)
            optimizer.zero_grad()
            objective.loss(state, name, objective.step(state, batch, 256)).value.backward()
            optimizer.step()
    return state


def test_fit_brings_points_on_a_line_to_two_gaussians():
    # Wasserstein distance below 0.1, from a start far away.
    torch.manual_seed(0)
    model = Line()
    assert distance(model) > 0.5
    fit = ppgen.fit(
        model,
        data={"x": two_gaussians(6_000)},
        objective=Adversarial(nets.critic((1,), hidden=(64, 64), features=64)),
        max_epochs=120,
        batch_size=512,
        learning_rate=2e-3,
        schedule="cosine",
        progress=False,
    )
    assert distance(model) < 0.1
    assert {"critic_loss", "generator_loss", "critic_real", "critic_fake"} <= fit.history[-1]["train"].keys()


def test_the_trained_critic_is_the_ratio_of_densities():
    # sigmoid(critic(x)) = p(x) / (p(x) + q(x)), within 0.05 wherever there is density to learn from.
    torch.manual_seed(0)
    real, generated = torch.distributions.Normal(-0.5, 1.0), torch.distributions.Normal(1.0, 0.7)
    objective = Adversarial(nets.critic((1,), hidden=(64, 64), features=64))
    state = play(objective, FixedGaussian(), lambda size: real.sample((size, 1)), 1000, ("critic",))
    grid = torch.linspace(-6.0, 6.0, 601)
    p, q = real.log_prob(grid).exp(), generated.log_prob(grid).exp()
    with torch.no_grad():
        learned = state.networks["critic"](grid.unsqueeze(-1)).sigmoid()
    assert (learned - p / (p + q)).abs()[p + q > 0.02].max() < 0.05


def test_losses_are_the_cross_entropies_of_the_paper():
    real, fake = torch.tensor([0.3, 2.0, -1.0]), torch.tensor([-0.5, 0.1, 4.0])
    game = Game(LOSSES["nonsaturating"])
    critic = game.critic(lambda logits: logits, real, fake)
    expected = -(real.sigmoid().log().mean() + (1 - fake.sigmoid()).log().mean())
    torch.testing.assert_close(critic.value, expected)
    torch.testing.assert_close(critic.record["critic_real"], real.sigmoid().mean())
    torch.testing.assert_close(critic.record["critic_fake"], fake.sigmoid().mean())
    torch.testing.assert_close(game.generator(lambda logits: logits, fake).value, -fake.sigmoid().log().mean())


def test_losses_stay_finite_when_the_critic_is_sure():
    sure = torch.tensor([200.0, 200.0])
    assert LOSSES["nonsaturating"].critic(-sure, sure).item() == pytest.approx(400.0)
    assert LOSSES["nonsaturating"].generator(-sure).item() == pytest.approx(200.0)


def test_a_wasserstein_critic_finds_how_far_one_gaussian_is_shifted_from_the_other():
    # Between Normal(1, 0.7) and itself moved by 2, the Wasserstein-1 distance is 2.
    torch.manual_seed(0)
    objective = Adversarial(nets.critic((1,), hidden=(16,), features=32), "wasserstein", one_sided=True)
    real = torch.distributions.Normal(-1.0, 0.7)
    state = play(objective, FixedGaussian(), lambda size: real.sample((size, 1)), 250, ("critic",))
    batch = {"x": real.sample((20_000, 1))}
    found = objective.loss(state, "critic", objective.step(state, batch, 20_000)).record
    assert found["wasserstein_1"].item() == pytest.approx(2.0, rel=0.05)
    assert found["accuracy_real"] > 0.9
    assert found["gradient_penalty"].item() < 0.02


def test_each_turn_moves_only_its_own_player():
    torch.manual_seed(0)
    model, objective = GAN((1, 8, 8), latent_dim=4), Adversarial()
    batch = {"x": torch.rand(6, 1, 8, 8)}
    state = objective.setup(model, None, batch)
    first, second = objective.players(state)
    assert (first.name, second.name) == ("critic", "generator")
    critic = state.networks["critic"]
    assert first.modules == [critic]
    assert second.modules == [model]
    assert first.optimizer == second.optimizer == {"betas": (0.5, 0.999)}

    of_critic = objective.loss(state, "critic", objective.step(state, batch, 6))
    of_critic.value.backward()
    assert all(p.grad is None for p in model.parameters())
    assert all((p.grad != 0).any() for p in critic.parameters())

    critic.zero_grad()
    of_generator = objective.loss(state, "generator", objective.step(state, batch, 6))
    of_generator.value.backward()
    assert all((p.grad != 0).any() for p in model.parameters())
    assert all(p.grad is None for p in critic.parameters())
    assert all(p.requires_grad for p in critic.parameters())
    assert not any(part.requires_grad for loss in (of_critic, of_generator) for part in loss.record.values())


def test_each_fit_has_a_critic_of_its_own():
    model, objective, batch = GAN((1, 28, 28), latent_dim=4), Adversarial(), {"x": torch.rand(3, 1, 28, 28)}
    before = torch.get_rng_state()
    first, second = (objective.setup(model, None, batch).networks["critic"] for _ in range(2))
    assert not torch.equal(torch.get_rng_state(), before)  # its weights are drawn from torch's generator, and so seeded
    assert first is not second
    assert first(batch["x"]).shape == (3,)
    given = nets.critic((1, 28, 28))
    copied = Adversarial(given).setup(model, None, batch).networks["critic"]
    assert copied is not given
    assert not {id(p) for p in copied.parameters()} & {id(p) for p in given.parameters()}
    assert torch.equal(copied(batch["x"]), given(batch["x"]))


def test_covariates_reach_the_model_and_the_users_critic():
    torch.manual_seed(0)
    model, objective = Labelled(), Adversarial(LabelledCritic())
    batch = {"x": torch.randn(4, 1), "y": torch.tensor([0, 3, 1, 2])}
    for player in ("critic", "generator"):
        assert loss_of(objective, model, None, batch, 4, player=player).value.isfinite()


def test_models_and_guides_that_it_cannot_train_are_refused():
    class Both(Line):
        @observed
        def w(self, z):
            return dist.Normal(z, 1.0).to_event(1)

    with pytest.raises(SettingError, match="Both is not an implicit model"):
        Adversarial().check(Both(), None)
    with pytest.raises(SettingError, match="VAE is not an implicit model") as caught:
        Adversarial().check(VAE((1, 8, 8)), None)
    assert "ELBO" in caught.value.fix
    with pytest.raises(SettingError, match="does not train a guide"):
        Adversarial().check(GAN((1, 8, 8)), nn.Linear(1, 1))
    with pytest.raises(SettingError, match="cannot read the covariates of Labelled") as caught:
        Adversarial().check(Labelled(), None)
    assert "def forward(self, x, y)" in caught.value.fix


def test_a_critic_has_the_models_type_of_numbers():
    critic = Adversarial().setup(Line().double(), None, {"x": torch.zeros(2, 1).double()}).networks["critic"]
    assert {p.dtype for p in critic.parameters()} == {torch.float64}


def test_steps_of_the_critic_are_a_setting():
    one, three = Adversarial(), Adversarial(critic_steps=3)
    assert one.settings() == {"loss": "nonsaturating"}
    assert three.settings() == {"loss": "nonsaturating", "critic_steps": 3}
    assert three.name == "Adversarial(nonsaturating, critic_steps=3)"
    state = three.setup(Line(), None, {"x": torch.zeros(2, 1)})
    assert [player.every for player in three.players(state)] == [1, 3]
    with pytest.raises(SettingError, match="critic_steps"):
        Adversarial(critic_steps=0)
    with pytest.raises(SettingError, match="loss"):
        Adversarial(loss="maximin")


def test_a_game_is_played_by_its_own_rules_unless_others_are_given():
    usual = Adversarial(loss="wasserstein")
    assert (usual.critic_steps, usual.gradient_penalty, usual.r1) == (5, 10.0, 0.0)
    assert usual.settings() == {"loss": "wasserstein"}
    assert usual.name == "Adversarial(wasserstein)"
    state = usual.setup(Line(), None, {"x": torch.zeros(2, 1)})
    assert [(p.every, dict(p.optimizer)) for p in usual.players(state)] == [
        (1, {"betas": (0.0, 0.9)}),
        (5, {"betas": (0.0, 0.9)}),
    ]
    other = Adversarial(loss="wasserstein", critic_steps=2, gradient_penalty=1, one_sided=True, r1=0.5)
    changed = {"critic_steps": 2, "gradient_penalty": 1.0, "one_sided": True, "r1": 0.5}
    assert other.settings() == {"loss": "wasserstein", **changed}
    assert other.name == "Adversarial(wasserstein, critic_steps=2, gradient_penalty=1, one_sided=True, r1=0.5)"
    with pytest.raises(SettingError, match="gradient_penalty"):
        Adversarial(gradient_penalty=-1.0)
    with pytest.raises(SettingError, match="r1"):
        Adversarial(r1=float("nan"))


def test_a_wasserstein_critic_whose_slope_nothing_holds_is_refused():
    unheld, batch = Adversarial(loss="wasserstein", gradient_penalty=0.0), {"x": torch.zeros(2, 1)}
    with pytest.raises(SettingError, match="nothing holds the slope"):
        unheld.setup(Line(), None, batch)
    held = Adversarial(nets.critic((1,), spectral=True), "wasserstein", gradient_penalty=0.0)
    assert held.setup(Line(), None, batch).networks


@pytest.mark.parametrize("critic", [LabelledCritic, lambda x: x.sum(-1)], ids=["a class", "a function"])
def test_a_critic_that_is_no_module_is_refused(critic: object):
    with pytest.raises(SettingError, match="the critic is no module"):
        Adversarial(critic)  # type: ignore[arg-type]
