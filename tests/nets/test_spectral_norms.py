"""Spectral norms: torch's power iteration finds the largest singular value, and such a critic is 1-Lipschitz."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from ppgen.nets import ResidualCritic, ResidualDecoder, critic, with_spectral_norms

NETWORKS = {
    "vectors": (lambda: critic((6,), (16, 16), 8, spectral=True), (6,)),
    "images": (lambda: critic((1, 8, 8), (4, 6), 8, spectral=True), (1, 8, 8)),
    "residual": (lambda: ResidualCritic((2, 7, 8), (4, 6), spectral=True), (2, 7, 8)),
    "decoder": (lambda: ResidualDecoder(5, (2, 7, 8), (4, 6), spectral=True), (5,)),
}


def largest(weight: Tensor) -> Tensor:
    return torch.linalg.svdvals(weight.flatten(1))[0]


@pytest.mark.parametrize("name", NETWORKS)
def test_every_layers_largest_singular_value_is_one_once_its_iteration_has_converged(name: str) -> None:
    torch.manual_seed(0)
    make, shape = NETWORKS[name]
    network = make().double()
    for _ in range(300):
        network.train()(torch.randn(1, *shape, dtype=torch.float64))
    layers = [part for part in network.eval().modules() if hasattr(part, "parametrizations")]
    assert layers
    for layer in layers:
        original = layer.parametrizations["weight"].original
        torch.testing.assert_close(original / layer.weight, (0 * original + largest(original)), rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(largest(layer.weight), torch.ones((), dtype=torch.float64), rtol=1e-4, atol=0)


def test_a_perceptron_of_such_maps_stretches_nothing() -> None:
    torch.manual_seed(0)
    network = with_spectral_norms(nn.Sequential(nn.Linear(4, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))).double()
    for _ in range(100):
        network(torch.zeros(1, 4, dtype=torch.float64))
    network.eval()
    x, y = torch.randn(2, 500, 4, dtype=torch.float64)
    gaps = (network(x) - network(y)).abs().squeeze(1) / (x - y).norm(dim=1)
    assert gaps.max() <= 1.0 + 1e-6


def test_without_it_a_critic_has_the_weights_that_it_had() -> None:
    torch.manual_seed(0)
    plain = critic((1, 8, 8), (4, 6), 8)
    torch.manual_seed(0)
    normed = critic((1, 8, 8), (4, 6), 8, spectral=True)
    assert torch.equal(plain.head.weight, normed.state_dict()["head.parametrizations.weight.original"])
    assert not [key for key in plain.state_dict() if "parametrizations" in key]


def test_a_residual_critic_reads_every_pixel_and_sizes_that_are_no_power_of_two() -> None:
    torch.manual_seed(0)
    x = torch.randn(3, 2, 9, 5, requires_grad=True)
    ResidualCritic((2, 9, 5), (4, 4))(x).sum().backward()
    assert x.grad is not None
    assert (x.grad != 0).all()
