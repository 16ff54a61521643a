from __future__ import annotations

import math

import pyro.distributions as dist
import torch
from torch import Tensor

import ppgen
from ppgen import nets
from ppgen.declare import Guide, latent
from ppgen.guides import MeanField
from ppgen.inference.importance import log_weights
from ppgen.models import ConditionalVAE, SemiSupervisedVAE
from tests.oracles.ascent import train

SHAPE = (1, 8, 8)
SMALL, CLASSES, LATENT = (1, 4, 4), 3, 2


def test_the_label_enters_as_a_unit_vector():
    torch.manual_seed(0)
    model, z, y = ConditionalVAE(SHAPE, latent_dim=3), torch.randn(4, 3), torch.tensor([0, 9, 3, 3])
    expected = model.decoder(torch.cat([z, torch.eye(10)[y]], -1))
    torch.testing.assert_close(model.x(z, y).base_dist.logits, expected)
    assert not torch.equal(model.x(z, y).base_dist.logits, model.x(z, y.flip(0)).base_dist.logits)


def test_particles_of_z_share_the_labels():
    model = ConditionalVAE(SHAPE, latent_dim=3)
    assert model.x(torch.zeros(7, 4, 3), torch.tensor([0, 9, 3, 3])).batch_shape == (7, 4)


def test_draws_the_digit_it_is_asked_for():
    # A nearest-mean classifier of real digits recognises most of the draws; by chance it would be one in ten.
    torch.manual_seed(0)
    data = ppgen.data.load("digits")
    settings = {"max_epochs": 10, "batch_size": 64, "learning_rate": 5e-3, "schedule": "cosine", "progress": False}
    fit = ppgen.fit(ConditionalVAE(SHAPE, latent_dim=4), data=data, **settings)
    train, y = data.split("train"), torch.arange(10).repeat_interleave(40)
    means = torch.stack([train["x"][train["y"] == digit].mean(0).flatten() for digit in range(10)])
    draws = fit.sample(400, y=y, seed=0).only.flatten(1)
    assert (torch.cdist(draws, means).argmin(1) == y).float().mean() > 0.75


def test_a_vector_of_attributes_may_stand_for_the_label():
    model = ConditionalVAE((1, 4, 4), num_classes=3, latent_dim=2)
    y, z = torch.tensor([2, 0]), torch.randn(2, 2)
    told, vector = model.x(z, y), model.x(z, torch.nn.functional.one_hot(y, 3).float())
    assert torch.equal(told.mean, vector.mean)
    both = model.x(z, torch.tensor([[1.0, 1.0, 0.0], [0.5, 0.0, 1.0]]))
    assert not torch.allclose(told.mean, both.mean)


class Style(Guide):
    """A point for each x, so that rows with different labels share their z."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nets.Gaussian(nets.GatedMLP([SMALL], (8,)), 8, LATENT)

    @latent
    def z(self, x: Tensor) -> dist.TorchDistribution:
        return dist.Delta(self.net(x).mean, event_dim=1)


class Both(Style):
    """The same beside a q(y | x)."""

    @latent
    def y(self, x: Tensor) -> dist.TorchDistribution:
        return dist.Categorical(logits=torch.zeros(len(x), CLASSES))


class Swapped(torch.nn.Module):
    """The same decoder for style before label."""

    def __init__(self, decoder: torch.nn.Module) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, style_and_label: Tensor) -> Tensor:
        style, label = style_and_label.split([LATENT, CLASSES], -1)
        return self.decoder(nets.join(label, style))


def test_with_all_labels_it_is_the_conditional_model_and_the_labels_prior():
    model, given = SemiSupervisedVAE(SMALL, CLASSES, LATENT), ConditionalVAE(SMALL, CLASSES, LATENT)
    given.decoder = Swapped(model.decoder)
    batch = {"x": torch.rand(5, *SMALL).round(), "y": torch.tensor([0, 1, 2, 0, 1])}
    guide = Both()
    joint = log_weights(model, guide, batch)
    style = Style()
    style.load_state_dict(guide.state_dict())
    conditional = log_weights(given, style, batch)
    torch.testing.assert_close(joint, conditional - math.log(CLASSES))


def test_a_missing_label_is_summed_out():
    # A row without a label weighs what rows with each label weigh together.
    model, guide = SemiSupervisedVAE(SMALL, CLASSES, LATENT), Both()
    x = torch.rand(1, *SMALL).round()
    missing = log_weights(model, guide, {"x": x, "y": torch.tensor([-1])})
    absent = log_weights(model, guide, {"x": x})
    each = log_weights(model, guide, {"x": x.expand(CLASSES, *SMALL), "y": torch.arange(CLASSES)})
    torch.testing.assert_close(missing, each.logsumexp(0, keepdim=True))
    torch.testing.assert_close(absent, missing)


def test_two_labels_name_the_classes_of_all_data():
    # Two noisy prototypes, one label each; q(y | x) must carry the names to the other rows.
    torch.manual_seed(0)
    prototypes = (torch.rand(2, *SMALL) > 0.5).float()
    truth = torch.arange(80) % 2
    x = (prototypes[truth] - (torch.rand(80, *SMALL) < 0.05).float()).abs()
    y = torch.full((80,), -1)
    y[:2] = truth[:2]
    model = SemiSupervisedVAE(SMALL, num_classes=2, latent_dim=1)
    guide = MeanField(model)
    train(model, guide, {"x": x, "y": y}, 80, 1e-2)
    with torch.no_grad():
        named = torch.stack([guide({"x": x})["y"] for _ in range(20)]).mode(0).values
    assert (named == truth).float().mean() > 0.95
