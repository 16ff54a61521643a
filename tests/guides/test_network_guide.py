from __future__ import annotations

import torch

from ppgen import nets
from ppgen.declare import check
from ppgen.guides import NetworkGuide, TwoLevelNetworkGuide
from ppgen.models import VAE, HierarchicalVAE

SHAPE = (1, 8, 8)
BATCH = {"x": torch.zeros(3, *SHAPE)}


def test_guide_is_the_network():
    net = nets.Gaussian(nets.GatedMLP([SHAPE], (16,)), 16, 4)
    guide = NetworkGuide(net)
    check(VAE(SHAPE, latent_dim=4), guide, BATCH)
    assert {id(p) for p in guide.parameters()} == {id(p) for p in net.parameters()}


def test_second_layer_reads_the_first():
    top = nets.Gaussian(nets.GatedMLP([SHAPE], (16,)), 16, 2)
    bottom = nets.Gaussian(nets.GatedMLP([SHAPE, (2,)], (16,)), 16, 4)
    guide = TwoLevelNetworkGuide(top, bottom)
    check(HierarchicalVAE(SHAPE, (4, 2)), guide, BATCH)
    assert list(guide.sites) == ["z2", "z1"]
    assert guide.sites["z1"].parents == ("x", "z2")
