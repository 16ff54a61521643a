"""The residual generator is the sum of its two ways, and a recipe plays it against the residual critic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

import ppgen
from ppgen import nets, zoo


def test_a_block_is_the_shortcut_of_doubled_pixels_and_a_correction() -> None:
    torch.manual_seed(0)
    decoder = nets.ResidualDecoder(3, (2, 7, 5), (4,), batch_norm=True).eval().double()
    z = torch.randn(6, 3, dtype=torch.float64)
    block: Any = decoder.blocks[0]
    h = functional.linear(z, decoder.seed.weight, decoder.seed.bias).reshape(6, 4, 4, 3)

    def doubled(h: torch.Tensor) -> torch.Tensor:
        return h.repeat_interleave(2, 2).repeat_interleave(2, 3)

    correction = block.first(doubled(functional.relu(block.first_norm(h))))
    summed = block.skip(doubled(h)) + block.second(functional.relu(block.second_norm(correction)))
    wanted = decoder.head(functional.relu(decoder.norm(summed[..., :7, :5])))
    torch.testing.assert_close(decoder(z), wanted, rtol=0, atol=1e-12)


def test_every_pixel_hears_of_every_latent() -> None:
    torch.manual_seed(0)
    decoder = nets.ResidualDecoder(2, (1, 6, 5), (4, 4))
    slopes: Any = torch.autograd.functional.jacobian(lambda z: decoder(z[None])[0], torch.randn(2))
    assert (slopes != 0).all()


def test_the_recipe_plays_it_against_the_residual_critic(tmp_path: Path) -> None:
    data = ppgen.data.load("digits", binarize=None)
    model, guide, objective = zoo.build("gan", data, seed=0, network="residual", spectral=True, latent_dim=3)
    assert isinstance(model.generator, nets.ResidualDecoder)
    small = ppgen.data.from_tensors({"x": data.split("train")["x"][:48]}, valid=0, test=0)
    settings: dict[str, Any] = {"max_epochs": 1, "batch_size": 24, "progress": False, "device": "cpu"}
    fit = ppgen.fit(model, small, guide=guide, objective=objective, out=tmp_path / "run", **settings)
    assert isinstance(fit.state.networks["critic"], nets.ResidualCritic)
    again = ppgen.load(tmp_path / "run", data=small)
    assert torch.equal(again.sample(3, seed=1, site="x"), fit.sample(3, seed=1, site="x"))
