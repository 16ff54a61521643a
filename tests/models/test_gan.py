from __future__ import annotations

import torch

import ppgen
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
