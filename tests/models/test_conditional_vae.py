from __future__ import annotations

import torch

import ppgen
from ppgen.models import ConditionalVAE

SHAPE = (1, 8, 8)


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
    fit = ppgen.fit(
        ConditionalVAE(SHAPE, latent_dim=4),
        data=data,
        max_epochs=10,
        batch_size=64,
        learning_rate=5e-3,
        schedule="cosine",
        progress=False,
    )
    train, y = data.split("train"), torch.arange(10).repeat_interleave(40)
    means = torch.stack([train["x"][train["y"] == digit].mean(0).flatten() for digit in range(10)])
    draws = fit.sample(400, y=y, seed=0).flatten(1)
    assert (torch.cdist(draws, means).argmin(1) == y).float().mean() > 0.75


def test_a_vector_of_attributes_may_stand_for_the_label():
    model = ConditionalVAE((1, 4, 4), num_classes=3, latent_dim=2)
    y, z = torch.tensor([2, 0]), torch.randn(2, 2)
    told, vector = model.x(z, y), model.x(z, torch.nn.functional.one_hot(y, 3).float())
    assert torch.equal(told.mean, vector.mean)
    both = model.x(z, torch.tensor([[1.0, 1.0, 0.0], [0.5, 0.0, 1.0]]))
    assert not torch.allclose(told.mean, both.mean)
