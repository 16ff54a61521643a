from __future__ import annotations

import torch

import ppgen
from ppgen.guides.networks import positive
from tests.oracles.conjugate import SharedMean


def test_a_global_latent_beside_local_ones() -> None:
    """Its posterior, given all data, is what minibatches of a tenth lead to; the bound stays below the evidence."""
    model = SharedMean()
    torch.manual_seed(2)
    x = model(size=300)["x"].detach()
    data = {"train": x, "valid": x[:2] + 1, "test": x[:50] - 1}
    fit = ppgen.fit(model, data, max_epochs=80, batch_size=30, learning_rate=0.03, schedule="cosine", progress=False)
    loc, raw = fit.guide.free["mu"].detach().chunk(2)
    loc, scale = fit.guide.placed(fit.guide.shared[0], loc, positive(raw))
    mean, spread = model.posterior_of_mu(x)
    assert (loc - mean).abs().max() < 0.2
    assert (scale < 10 * spread).all()
    bound, exact = fit.elbo({"x": x}, num_particles=200), model.evidence(x)
    assert bound.kind == "lower bound"
    assert exact - 0.2 < bound.value < exact + 3 * bound.standard_error
