from __future__ import annotations

import pyro
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from ppgen import nets
from ppgen.models import MaskedVAE

SHAPE = (1, 8, 8)


def setting() -> tuple[MaskedVAE, dict[str, torch.Tensor]]:
    x = torch.rand(5, *SHAPE).round()
    mask = (torch.rand(5, *SHAPE) < 0.5).float()
    return MaskedVAE(SHAPE, latent_dim=3, width=16), {"x": x, "given": x * mask, "mask": mask}


def test_only_unseen_pixels_are_scored():
    model, batch = setting()
    trace = pyro.poutine.trace(model).get_trace(batch, 5)
    trace.compute_log_prob()
    guess = model.decoder(nets.join(trace.nodes["z"]["value"], model.read(batch["given"], batch["mask"])))
    each = -binary_cross_entropy_with_logits(guess, batch["x"], reduction="none")
    torch.testing.assert_close(trace.nodes["x"]["log_prob"], (each * (1.0 - batch["mask"])).flatten(1).sum(1))


def test_draws_and_means_keep_what_is_seen():
    model, batch = setting()
    given = {"given": batch["given"], "mask": batch["mask"]}
    trace = pyro.poutine.trace(model).get_trace(given, 5)
    seen = batch["mask"].bool()
    for image in (trace.nodes["x"]["value"], trace.nodes["x"]["fn"].mean):
        assert (image[seen] == batch["x"][seen]).all()
    assert (trace.nodes["x"]["value"][~seen] != batch["x"][~seen]).any()


def test_prior_knows_dark_from_unseen():
    model, _ = setting()
    dark = torch.zeros(5, *SHAPE)
    assert (model.z(dark, dark).mean != model.z(dark, torch.ones_like(dark)).mean).any()


def test_nothing_reads_the_unseen_pixels_but_the_likelihood():
    model, batch = setting()
    trace = pyro.poutine.trace(model).get_trace(batch, 5)
    flipped = {**batch, "x": torch.where(batch["mask"].bool(), batch["x"], 1.0 - batch["x"])}
    again = pyro.poutine.trace(pyro.poutine.replay(model, trace)).get_trace(flipped, 5)
    assert (again.nodes["z"]["fn"].mean == trace.nodes["z"]["fn"].mean).all()
    assert (again.nodes["x"]["fn"].mean == trace.nodes["x"]["fn"].mean).all()
