from __future__ import annotations

import math

import pytest
import torch

import ppgen
from ppgen import nets
from ppgen.errors import Unanswerable
from ppgen.models import GAN

SHAPE = (1, 8, 8)


def test_the_image_is_a_function_of_z_between_zero_and_one():
    torch.manual_seed(0)
    model = GAN(SHAPE, latent_dim=3)
    values = model(size=5)
    assert torch.equal(model.x(values["z"]), values["x"])
    assert ((values["x"] > 0) & (values["x"] < 1)).all()


def test_learns_digits():
    torch.manual_seed(0)
    data = ppgen.data.load("digits")
    model = GAN(SHAPE, latent_dim=8, hidden=(16,))
    settings = {"max_epochs": 12, "batch_size": 64, "learning_rate": 4e-3, "progress": False}
    fit = ppgen.fit(model, data=data, **settings)
    real, fake = data.split("test")["x"].flatten(1), fit.sample(2_000, seed=0).only.flatten(1)
    # Where ink usually lies, and which pixels go together: both as in real digits, neither so before training.
    means = torch.corrcoef(torch.stack([real.mean(0), fake.mean(0)]))[0, 1]
    covariances = torch.corrcoef(torch.stack([real.T.cov().flatten(), fake.T.cov().flatten()]))[0, 1]
    assert means > 0.9
    assert covariances > 0.5


@pytest.mark.parametrize(("output", "low", "high"), [("sigmoid", 0, 1), ("tanh", -1, 1), ("none", -math.inf, math.inf)])
def test_the_range_is_that_of_the_data(output, low, high):
    torch.manual_seed(0)
    model = GAN((2,), latent_dim=3, hidden=(), output=output)
    with torch.no_grad():
        model.generator.perceptron[0].weight.mul_(10.0)
    values = model(size=500)["x"]
    assert ((values > low) & (values < high)).float().mean() > 0.9
    assert values.max() > min(high, 2) * 0.9
    assert values.min() < max(low, -2) + 0.1


def test_with_observation_noise_a_linear_generator_has_its_exact_density():
    # x = W z + b + noise is Normal(b, W W' + sigma^2), and 500 weighted draws of a fitted encoder find it.
    torch.manual_seed(0)
    trained = GAN((3,), latent_dim=2, hidden=(), output="none")
    noise = nets.NormalNoise((3,), 0.5)
    model = GAN(**{**trained.constructor_arguments, "observation": noise})
    model.load_state_dict(trained.state_dict() | {f"observation.{key}": v for key, v in noise.state_dict().items()})
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    x = model(size=400)["x"]
    fit = ppgen.fit(model, x, max_epochs=15, batch_size=50, learning_rate=1e-2, progress=False)
    affine = trained.generator.perceptron[0]
    covariance = affine.weight @ affine.weight.T + 0.25 * torch.eye(3)
    exact = torch.distributions.MultivariateNormal(affine.bias, covariance).log_prob(fit.data.split("test")["x"])
    found = fit.log_prob_per_datum(fit.data.split("test"), num_particles=500)
    assert torch.equal(affine.weight, model.generator.perceptron[0].weight)
    assert (found - exact).abs().max() < 0.1


def test_without_it_a_density_is_refused_with_the_way_to_one():
    fit = ppgen.fit(GAN((2,), 2, (4,), output="none"), torch.randn(40, 2), max_epochs=1, progress=False)
    for ask in (fit.log_prob, fit.elbo, fit.log_weights):
        with pytest.raises(Unanswerable, match="implicit model") as caught:
            ask()
        assert "observation" in caught.value.fix
