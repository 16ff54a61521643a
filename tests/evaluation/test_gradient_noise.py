from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

import ppgen
from ppgen.context import validation
from ppgen.errors import SettingError
from ppgen.evaluation import gradient_noise
from ppgen.objectives import ELBO, IWAE, MaximumLikelihood, WakeSleep
from tests.oracles.gaussian_pair import Linear, LinearGuide, elbo, exact_guide
from tests.oracles.losses import loss_of
from tests.oracles.pyro_elbos import gradients


@pytest.fixture(autouse=True)
def unchecked() -> Iterator[None]:
    with validation(False):
        yield


@pytest.fixture
def pair() -> tuple[Linear, LinearGuide, dict[str, Tensor]]:
    torch.manual_seed(0)
    model = Linear()
    return model, LinearGuide(model, off=0.2), {"x": model(size=30)["x"].detach()}


def test_signal_and_noise_are_those_of_the_gradients_drawn_by_hand(
    pair: tuple[Linear, LinearGuide, dict[str, Tensor]],
) -> None:
    model, guide, batch = pair
    found = gradient_noise(model, guide, ELBO(closed_form=False), batch, num_draws=20, seed=5)
    torch.manual_seed(5)
    drawn = []
    for _ in range(20):
        loss = loss_of(ELBO(closed_form=False), model, guide, batch, 30).value
        drawn.append(torch.cat([g.flatten() for g in gradients(loss, guide).values()]).double())
    by_hand = torch.stack(drawn)
    variance = by_hand.var(0).sum().item()
    length = by_hand.mean(0).square().sum().item() - variance / 20
    assert found["guide"].variance == pytest.approx(variance, rel=1e-6)
    assert found["guide"].mean_norm == pytest.approx(math.sqrt(length), rel=1e-6)
    assert found["guide"].snr == pytest.approx(math.sqrt(length / variance), rel=1e-6)
    assert found["guide"].num_parameters == by_hand.shape[1]


def test_the_mean_gradient_is_the_exact_one(pair: tuple[Linear, LinearGuide, dict[str, Tensor]]) -> None:
    model, guide, batch = pair
    found = gradient_noise(model, guide, ELBO(), batch, num_draws=200)
    for name, owner in (("model", model), ("guide", guide)):
        exact = torch.cat([g.flatten() for g in gradients(-elbo(model, guide, batch["x"]).mean(), owner).values()])
        error = math.sqrt(found[name].variance / 200)
        assert abs(found[name].mean_norm - exact.norm().item()) < 4 * error


def test_the_guides_signal_fades_with_k_in_the_plain_estimator_only() -> None:
    """Rainforth et al., 2018, theorem 1: as 1/sqrt(K), while the model's rises; with DReG the guide's rises too."""
    torch.manual_seed(0)
    model = Linear()
    guide = LinearGuide(model, off=0.05)
    batch = {"x": model(size=30)["x"].detach().repeat(20, 1)}  # many draws at once, so that few gradients tell the mean
    plain = {k: gradient_noise(model, guide, IWAE(k), batch, num_draws=80) for k in (1, 16)}
    doubly = {k: gradient_noise(model, guide, IWAE(k, gradient="dreg"), batch, num_draws=40) for k in (1, 16)}
    fall = plain[16]["guide"].snr / plain[1]["guide"].snr
    assert 0.75 / 4 < fall < 1.33 / 4
    assert plain[16]["model"].snr > 1.5 * plain[1]["model"].snr
    assert doubly[16]["guide"].snr > 1.5 * doubly[1]["guide"].snr
    for k in (1, 16):
        assert doubly[k]["guide"].snr > 4 * plain[k]["guide"].snr


def test_at_the_exact_posterior_sticking_the_landing_has_no_noise() -> None:
    model = Linear()
    x = model(size=10)["x"].detach()
    found = gradient_noise(model, exact_guide(model), ELBO(gradient="stl"), {"x": x}, num_draws=10)
    assert found["guide"].variance < 1e-8
    assert found["model"].variance > 1e-3


def test_each_turn_counts_for_the_parameters_that_it_moves(pair: tuple[Linear, LinearGuide, dict[str, Tensor]]) -> None:
    found = gradient_noise(*pair[:2], WakeSleep(4), pair[2], num_draws=10)
    assert set(found) == {"model", "guide"}
    assert found["model"].snr > 0
    assert found["guide"].variance > 0


def test_a_likelihood_without_latents_has_no_noise() -> None:
    model = ppgen.models.GatedPixelCNN((1, 8, 8), hidden=4, num_layers=1)
    x = torch.bernoulli(torch.full((4, 1, 8, 8), 0.5))
    found = gradient_noise(model, None, MaximumLikelihood(), {"x": x}, num_draws=3)
    assert set(found) == {"model"}
    assert found["model"].snr > 1e3


def test_nothing_is_left_behind(pair: tuple[Linear, LinearGuide, dict[str, Tensor]]) -> None:
    model, guide, batch = pair
    before = torch.get_rng_state()
    first = gradient_noise(model, guide, ELBO(), batch, num_draws=3)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(parameter.grad is None for parameter in model.parameters())
    assert gradient_noise(model, guide, ELBO(), batch, num_draws=3) == first
    assert "SNR" in str(first["guide"])


def test_a_single_draw_has_no_spread(pair: tuple[Linear, LinearGuide, dict[str, Tensor]]) -> None:
    with pytest.raises(SettingError, match="num_draws"):
        gradient_noise(*pair[:2], ELBO(), pair[2], num_draws=1)


def test_a_game_has_noise_in_its_generator_and_its_critic_stays() -> None:
    model, critic = ppgen.models.GAN((4,), latent_dim=2, hidden=(4,)), ppgen.nets.critic((4,), hidden=(4,), features=4)
    before = [value.clone() for value in critic.state_dict().values()]
    noise = gradient_noise(model, None, ppgen.Adversarial(critic), {"x": torch.randn(8, 4)}, num_draws=3)
    assert set(noise) == {"model"}
    assert noise["model"].variance > 0.0
    assert all(torch.equal(*pair) for pair in zip(before, critic.state_dict().values(), strict=True))
