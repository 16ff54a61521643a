"""One encoder of words serves a GAN, a variational autoencoder and an autoregressive model."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import ppgen
from ppgen import models, nets
from ppgen.errors import DataError

# Three captions of unlike lengths; 0 stands behind their ends. They stand for these images.
CAPTIONS = torch.tensor([[1, 2, 0], [1, 3, 4], [5, 0, 0]])
IMAGES = torch.eye(3).reshape(3, 1, 1, 3).expand(3, 1, 2, 3).contiguous()
X = (1, 2, 3)


def told(name: str) -> Any:
    torch.manual_seed(0)
    words = nets.TextContext(6, 4, 4)
    if name == "vae":
        return models.ConditionalVAE(X, 4, 2, (16,), context=words)
    return models.ConditionalAutoregressive(X, nets.RowLSTM(X, 8, context_dim=4), context=words)


@pytest.mark.parametrize("name", ["vae", "autoregressive"])
def test_words_say_what_to_draw(name: str, tmp_path: Any) -> None:
    y = torch.arange(3).repeat(100)
    data = {"x": IMAGES[y], "y": CAPTIONS[y]}
    settings: dict[str, Any] = {"max_epochs": 8, "batch_size": 25, "learning_rate": 2e-2, "progress": False}
    fit = ppgen.fit(told(name), data, device="cpu", out=tmp_path / "run", **settings)
    for caption, image in zip(CAPTIONS, IMAGES, strict=True):
        drawn = fit.sample(40, y=caption.expand(40, 3), site="x")
        assert (drawn == image).float().mean() > 0.9
    # A caption is read to its end, however far its batch is padded.
    short, padded = CAPTIONS[2:, :1], CAPTIONS[2:]
    read = fit.model.context
    torch.testing.assert_close(read(short), read(padded))
    loaded = ppgen.load(tmp_path / "run", data=data)
    torch.testing.assert_close(loaded.model.context(CAPTIONS), read(CAPTIONS))


def test_a_density_told_words_is_that_told_their_vector() -> None:
    model, plain = told("autoregressive"), told("autoregressive")
    plain.context = None
    read = model.context(CAPTIONS)
    density, other = (m.x(y).log_prob(IMAGES) for m, y in ((model, CAPTIONS), (plain, read)))
    assert torch.equal(density, other)
    # Of every caption, the probabilities of all 64 images are 1 together.
    every = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 6).reshape(-1, *X)
    for caption in CAPTIONS:
        total = model.x(caption.expand(64, 3)).log_prob(every).logsumexp(0)
        assert total.item() == pytest.approx(0.0, abs=1e-5)


def test_words_read_into_another_size_are_refused() -> None:
    words = nets.TextContext(6, 5, 4)
    network = nets.RowLSTM(X, 8, context_dim=4)
    with pytest.raises(DataError, match="another size"):
        models.ConditionalAutoregressive(X, network, context=words)({"y": CAPTIONS})
