from __future__ import annotations

import math

import torch

import ppgen
from ppgen import nets
from ppgen.guides import NetworkGuide, TwoLevelNetworkGuide
from ppgen.inference.bound import elbo_parts
from ppgen.models import VampPriorHierarchicalVAE, VampPriorVAE

SHAPE = (1, 4, 4)


def small(num_components: int = 5) -> VampPriorVAE:
    return VampPriorVAE(SHAPE, latent_dim=2, num_components=num_components, hidden=(8, 8))


def test_prior_is_the_posterior_averaged_over_pseudo_inputs():
    model = small().double()
    z = torch.randn(7, 2).double()
    each = torch.stack([model.posterior(u).log_prob(z) for u in model.pseudo_inputs()])
    torch.testing.assert_close(model.z().expand([7]).log_prob(z), each.logsumexp(0) - math.log(5))


def test_one_pseudo_input_at_the_datum_makes_prior_and_posterior_one():
    # K = 1 and u = x: every draw of log q(z | x) - log p(z) is 0.
    model = small(num_components=1)
    model.pseudo_inputs.logits.data.sign_().mul_(200.0)  # zeros and ones
    x = model.pseudo_inputs().detach()
    drawn = elbo_parts(model, NetworkGuide(model.posterior), {"x": x}, 1)
    assert abs(drawn.rates["z"]) < 1e-6


def test_prior_reaches_the_pseudo_inputs_and_the_shared_network():
    model = small()
    model.z().expand([3]).log_prob(torch.randn(3, 2)).sum().backward()
    assert model.pseudo_inputs.logits.grad.any()
    assert all(parameter.grad.any() for parameter in model.posterior.parameters())


def test_weights_that_model_and_guide_share_are_counted_once():
    settings = {"max_epochs": 1, "progress": False}
    data = {"x": (torch.rand(60, *SHAPE) > 0.7).float()}
    model, deep = small(), VampPriorHierarchicalVAE(SHAPE, (3, 2), num_components=5, hidden=(8, 8))
    bottom = nets.Gaussian(nets.GatedMLP([SHAPE, (2,)], (8, 8)), 8, 3)
    one = ppgen.fit(model, data, guide=NetworkGuide(model.posterior), **settings)
    two = ppgen.fit(deep, data, guide=TwoLevelNetworkGuide(deep.posterior, bottom), **settings)
    assert one.num_parameters == sum(p.numel() for p in model.parameters())
    assert two.num_parameters == sum(p.numel() for p in [*deep.parameters(), *bottom.parameters()])
