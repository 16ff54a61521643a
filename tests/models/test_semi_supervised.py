from __future__ import annotations

import math

import pyro.distributions as dist
import torch
from torch import Tensor

from ppgen import nets
from ppgen.declare import Guide, latent
from ppgen.guides import MeanField
from ppgen.inference.bound import elbo_parts
from ppgen.inference.importance import log_weights
from ppgen.models import ConditionalVAE, SemiSupervisedVAE

SHAPE, CLASSES, LATENT = (1, 4, 4), 3, 2


class Style(Guide):
    """A point for each x, so that rows with different labels share their z."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nets.Gaussian(nets.GatedMLP([SHAPE], (8,)), 8, LATENT)

    @latent
    def z(self, x: Tensor) -> dist.TorchDistribution:
        return dist.Delta(self.net(x).mean, event_dim=1)


class Both(Style):
    """The same beside a q(y | x)."""

    @latent
    def y(self, x: Tensor) -> dist.TorchDistribution:
        return dist.Categorical(logits=torch.zeros(len(x), CLASSES))


def test_with_all_labels_it_is_the_conditional_model_and_the_labels_prior():
    model, given = SemiSupervisedVAE(SHAPE, CLASSES, LATENT), ConditionalVAE(SHAPE, CLASSES, LATENT)
    given.decoder = _Swapped(model.decoder)
    batch = {"x": torch.rand(5, *SHAPE).round(), "y": torch.tensor([0, 1, 2, 0, 1])}
    guide = Both()
    joint = log_weights(model, guide, batch)
    style = Style()
    style.load_state_dict(guide.state_dict())
    conditional = log_weights(given, style, batch)
    torch.testing.assert_close(joint, conditional - math.log(CLASSES))


def test_a_missing_label_is_summed_out():
    # A row without a label weighs what rows with each label weigh together.
    model, guide = SemiSupervisedVAE(SHAPE, CLASSES, LATENT), Both()
    x = torch.rand(1, *SHAPE).round()
    missing = log_weights(model, guide, {"x": x, "y": torch.tensor([-1])})
    absent = log_weights(model, guide, {"x": x})
    each = log_weights(model, guide, {"x": x.expand(CLASSES, *SHAPE), "y": torch.arange(CLASSES)})
    torch.testing.assert_close(missing, each.logsumexp(0, keepdim=True))
    torch.testing.assert_close(absent, missing)


def test_two_labels_name_the_classes_of_all_data():
    # Two noisy prototypes, one label each; q(y | x) must carry the names to the other rows.
    torch.manual_seed(0)
    prototypes = (torch.rand(2, *SHAPE) > 0.5).float()
    truth = torch.arange(80) % 2
    x = (prototypes[truth] - (torch.rand(80, *SHAPE) < 0.05).float()).abs()
    y = torch.full((80,), -1)
    y[:2] = truth[:2]
    model = SemiSupervisedVAE(SHAPE, num_classes=2, latent_dim=1)
    guide = MeanField(model)
    optimizer = torch.optim.Adam([*model.parameters(), *guide.parameters()], lr=1e-2)
    for _ in range(80):
        drawn = elbo_parts(model, guide, {"x": x, "y": y}, len(x))
        optimizer.zero_grad()
        (drawn.distortion + drawn.rate + sum(drawn.label_nll.values())).backward()
        optimizer.step()
    with torch.no_grad():
        named = torch.stack([guide({"x": x})["y"] for _ in range(20)]).mode(0).values
    assert (named == truth).float().mean() > 0.95


class _Swapped(torch.nn.Module):
    """The same decoder for style before label."""

    def __init__(self, decoder: torch.nn.Module) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, style_and_label: Tensor) -> Tensor:
        style, label = style_and_label.split([LATENT, CLASSES], -1)
        return self.decoder(nets.join(label, style))
