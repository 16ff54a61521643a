"""Generator and encoder, from one critic of data beside codes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyro.distributions as dist
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import ppgen
from ppgen import nets
from ppgen.declare import Model, implicit, latent
from ppgen.errors import DeclarationError, SettingError
from ppgen.objectives import Bidirectional


class Line(Model):
    """x = a z + b, whose inverse is known."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Parameter(torch.tensor(0.5)), nn.Parameter(torch.tensor(0.0))

    @latent
    def z(self) -> Any:
        return dist.Normal(0.0, 1.0).expand_by([1]).to_event(1)

    @implicit
    def x(self, z: Tensor) -> Tensor:
        return self.a * z + self.b


def test_draws_are_like_data_and_the_guide_inverts_the_generator() -> None:
    torch.manual_seed(0)
    x = 1 + 2 * torch.randn(4096, 1)
    model = Line()
    critic = nets.JoiningCritic((1,), 1, (32, 32), 32)
    fit = ppgen.fit(
        model,
        x,
        guide=ppgen.guides.MeanField(model),
        objective=Bidirectional(critic, r1=0.02),
        max_epochs=12,
        learning_rate=2e-2,
        schedule="cosine",
        progress=False,
        device="cpu",
    )
    a, b = abs(fit.model.a.item()), fit.model.b.item()
    assert (a, b) == (pytest.approx(2.0, abs=0.2), pytest.approx(1.0, abs=0.2))
    test = fit.data.split("test")["x"]
    z = fit.encode(site="z")
    assert (fit.model.a * z + fit.model.b - test).abs().mean() < 0.05  # of data whose standard deviation is 2
    assert z.mean().item() == pytest.approx(0.0, abs=0.15)
    assert z.std().item() == pytest.approx(1.0, abs=0.15)
    assert fit.history[-1]["train"]["jensen_shannon"] == pytest.approx(0.0, abs=0.01)


def test_both_turns_are_those_of_the_critic_on_pairs() -> None:
    torch.manual_seed(1)
    model = Line()
    guide = ppgen.guides.MeanField(model)
    batch = {"x": torch.randn(6, 1)}
    objective = Bidirectional()
    state = objective.setup(model, guide, batch)
    critic = state.networks["critic"]
    step = objective.step(state, batch, 6)
    with torch.no_grad():
        torch.manual_seed(2)
        on_real = critic(batch["x"], guide(batch, 6)["z"])
        drawn = model({}, 6)
        on_fake = critic(drawn["x"], drawn["z"])
    torch.manual_seed(2)
    loss = objective.loss(state, "critic", step).value
    assert loss.item() == pytest.approx((functional.softplus(-on_real) + functional.softplus(on_fake)).mean().item())
    torch.manual_seed(2)
    loss = objective.loss(state, "generator", step).value
    assert loss.item() == pytest.approx((functional.softplus(on_real) + functional.softplus(-on_fake)).mean().item())
    loss.backward()
    assert all(parameter.grad is None for parameter in critic.parameters())
    assert model.a.grad is not None
    assert all(parameter.grad is not None for parameter in guide.parameters())


def test_a_run_is_loaded_with_its_critic(tmp_path: Path) -> None:
    model = ppgen.models.GAN((1, 4, 4), 2)
    data = {"x": torch.rand(40, 1, 4, 4)}
    objective = Bidirectional(nets.JoiningCritic((1, 4, 4), 2, (4,), 8), r1=0.5)
    guide = ppgen.guides.MeanField(model)
    out = tmp_path / "run"
    fit = ppgen.fit(model, data, guide=guide, objective=objective, max_epochs=1, progress=False, out=out)
    loaded = ppgen.load(out, data=data)
    assert loaded.objective.name == "Bidirectional(r1=0.5)"
    assert torch.equal(loaded.encode(site="z"), fit.encode(site="z"))
    for name, weight in fit.state.networks["critic"].state_dict().items():
        assert torch.equal(loaded.state.networks["critic"].state_dict()[name], weight)


class Switch(Model):
    """A latent that no gradient passes."""

    @latent
    def z(self) -> Any:
        return dist.Bernoulli(0.5).expand_by([1]).to_event(1)

    @implicit
    def x(self, z: Tensor) -> Tensor:
        return 2 * z


def test_pairs_that_cannot_play_are_refused() -> None:
    line, switch, vae = Line(), Switch(), ppgen.models.VAE((1, 4, 4), 2)
    told = ppgen.models.ConditionalGAN((1, 4, 4), 3)
    with pytest.raises(SettingError, match="no guide"):
        Bidirectional().check(line, None)
    with pytest.raises(SettingError, match="observed x"):
        Bidirectional().check(vae, ppgen.guides.MeanField(vae))
    with pytest.raises(SettingError, match="covariates y"):
        Bidirectional().check(told, ppgen.guides.MeanField(told))
    batch = {"x": torch.zeros(3, 1)}
    with pytest.raises(DeclarationError, match="no gradient"):
        Bidirectional().setup(switch, ppgen.guides.MeanField(switch), batch)
    with pytest.raises(SettingError, match="no module"):
        Bidirectional(critic=3)  # type: ignore[arg-type]
