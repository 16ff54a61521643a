"""The PixelVAE: what z adds to each pixel's parameters, in a whole pass and step by step."""

from __future__ import annotations

import torch
from torch import nn

from ppgen.models import PixelVAE
from ppgen.nets import LogisticMixtureLikelihood


def test_steps_give_what_a_whole_pass_gives_for_bits_and_for_colours() -> None:
    for shape, likelihood in (((1, 4, 5), None), ((3, 3, 2), LogisticMixtureLikelihood((3,), 4, num_mixtures=2))):
        torch.manual_seed(0)
        model = PixelVAE(shape, 3, 1, 8, 3, 16, likelihood=likelihood).double()
        for parameter in model.parameters():
            nn.init.normal_(parameter, std=0.3)
        images = model.x(torch.randn(4, 3, dtype=torch.float64))
        x = images.sample()
        whole = images.network(x, images.context).flatten(2)
        state, previous = images.network.start(4, images.context), x.new_zeros(4, shape[0])
        for position in range(whole.shape[-1]):
            found, state = images.network.step(state, previous, position)
            torch.testing.assert_close(found, whole[..., position], rtol=1e-12, atol=1e-12)
            previous = x.flatten(2)[..., position]


def test_z_alone_can_light_one_pixel_and_no_other() -> None:
    model = PixelVAE((1, 4, 4), latent_dim=2, num_layers=1, channels=4, num_maps=1).eval()
    for parameter in model.parameters():
        nn.init.zeros_(parameter)
    last = [each for each in model.features.modules() if isinstance(each, nn.Linear)][-1]
    with torch.no_grad():
        model.mix.weight.fill_(1.0)
        last.bias[-16 + 6] = 9.0  # row 1, column 2 of the map
    lit = model.x(torch.zeros(1, 2)).network(torch.zeros(1, 1, 4, 4), model.features(torch.zeros(1, 2)))
    assert (lit > 0).nonzero().tolist() == [[0, 0, 1, 2]]
