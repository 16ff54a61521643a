"""The conditional GAN: it draws what it is asked for, whatever that is and however it is told."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import ppgen
from ppgen import nets
from ppgen.errors import DataError
from ppgen.models import ConditionalGAN

SETTINGS: dict[str, Any] = {"max_epochs": 12, "batch_size": 50, "learning_rate": 1e-2, "progress": False}
MEANS = torch.tensor([[-2.0], [0.0], [2.0]])


def points(asked: Tensor) -> Tensor:
    torch.manual_seed(1)
    return MEANS[asked] + 0.1 * torch.randn(len(asked), 1)


@pytest.mark.parametrize("critic", [nets.ProjectionCritic, nets.JoiningCritic])
def test_draws_are_what_was_asked_for(critic: Any) -> None:
    torch.manual_seed(0)
    y = torch.arange(3).repeat(200)
    model = ConditionalGAN((1,), 3, 1, (16,), output="none")
    objective = ppgen.Adversarial(critic((1,), 3, (16,), 16), r1=0.1)
    fit = ppgen.fit(model, {"x": points(y), "y": y}, objective=objective, **SETTINGS)
    for label, mean in enumerate(MEANS):
        assert fit.sample(200, y=label, site="x").mean() == pytest.approx(mean.item(), abs=0.5)
    assert fit.unanswerable("density") is not None


def test_words_say_what_to_draw() -> None:
    # Three captions of unlike lengths; 0 stands behind their ends.
    torch.manual_seed(0)
    captions = torch.tensor([[1, 2, 0], [1, 3, 4], [5, 0, 0]])
    y = torch.arange(3).repeat(200)
    model = ConditionalGAN((1,), 4, 1, (16,), output="none", context=nets.TextContext(6, 4, 4))
    critic = nets.ProjectionCritic((1,), 4, (16,), 16, context=nets.TextContext(6, 4, 4))
    data = {"x": points(y), "y": captions[y]}
    fit = ppgen.fit(model, data, objective=ppgen.Adversarial(critic, r1=0.1), **SETTINGS)
    for caption, mean in zip(captions, MEANS, strict=True):
        told = caption.expand(200, 3)
        assert fit.sample(200, y=told, site="x").mean() == pytest.approx(mean.item(), abs=0.5)


def test_a_projection_is_the_inner_product_of_the_paper() -> None:
    torch.manual_seed(0)
    critic, x = nets.ProjectionCritic((3,), 4, (8,), 5), torch.randn(4, 3)
    seen = critic.body(x)
    by_class = torch.stack([critic.head(f)[0] + critic.projection.weight[:, c] @ f for c, f in enumerate(seen)])
    torch.testing.assert_close(critic(x, torch.arange(4)), by_class)


def test_conditional_batch_norm_is_batch_norm_with_weights_of_the_class() -> None:
    torch.manual_seed(0)
    decoder, z = nets.ModulatedDecoder(3, 2, (1, 8, 8), (4, 6)), torch.randn(20, 3)
    told = nets.one_hot(torch.ones(20, dtype=torch.long), 2)
    x = decoder.seed(z).reshape(20, *decoder.small_shape)
    affines: Any = decoder.gains_and_shifts
    for affine, stage, (height, width) in zip(affines, decoder.stages, decoder.sizes[1:], strict=True):
        gain, shift = (affine.weight[:, 1] + affine.bias).chunk(2)
        normed = nn.functional.batch_norm(x, None, None, 1 + gain, shift, training=True)
        x = stage(decoder.activation(normed))[..., :height, :width]
    torch.testing.assert_close(decoder(z, told), x)


def test_images_told_by_their_norms_and_vectors_of_attributes_are_drawn() -> None:
    model = ConditionalGAN((2, 8, 8), 3, 4, (4, 4), told="batch-norm")
    assert model({"y": torch.rand(5, 3)}, 5)["x"].shape == (5, 2, 8, 8)
    with pytest.raises(DataError, match="another size"):
        model({"y": torch.rand(5, 4)}, 5)


def test_the_critic_of_a_run_is_kept_with_it(tmp_path: Any) -> None:
    y = torch.arange(3).repeat(20)
    data, objective = {"x": points(y), "y": y}, ppgen.Adversarial(nets.JoiningCritic((1,), 3, (4,), 4, spectral=True))
    model = ConditionalGAN((1,), 3, 1, (4,), output="none")
    fit = ppgen.fit(model, data, objective=objective, out=tmp_path / "run", **{**SETTINGS, "max_epochs": 1})
    again = ppgen.load(tmp_path / "run", data=data)
    x, asked = torch.randn(3, 1), torch.arange(3)
    scores = [one.state.networks["critic"].eval()(x, asked) for one in (fit, again)]
    assert torch.equal(scores[0].cpu(), scores[1].cpu())
