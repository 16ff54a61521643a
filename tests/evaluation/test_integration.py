"""The whole of evaluation on real fits of real digits, small and short."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import ppgen
from ppgen.evaluation import Comparison, Scorecard, compare, evaluate


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    torch.set_num_threads(1)
    shape = (1, 8, 8)
    vae = ppgen.models.VAE(shape, latent_dim=4)
    conditional = ppgen.models.ConditionalVAE(shape, latent_dim=4)
    autoencoder = ppgen.models.Autoencoder(shape, latent_dim=4)
    fits = {
        "vae": ppgen.fit(vae, ppgen.guides.MeanField(vae), "digits", max_epochs=2, progress=False),
        "cvae": ppgen.fit(conditional, None, "digits", max_epochs=1, progress=False),
        "autoencoder": ppgen.fit(
            autoencoder, ppgen.guides.Delta(autoencoder), "digits", ppgen.ELBO(beta=0.0), max_epochs=1, progress=False
        ),
        "pixelcnn": ppgen.fit(ppgen.models.PixelCNN(shape), None, "digits", max_epochs=1, progress=False),
        "gan": ppgen.fit(ppgen.models.GAN(shape), None, "digits", max_epochs=1, progress=False),
    }
    return compare(
        {name: evaluate(fit, num_particles=20, num_samples=60, progress=False) for name, fit in fits.items()}
    )


def test_each_family_answers_what_it_can(comparison: Comparison) -> None:
    answered = {
        name: [question for question in ("density", "sampling", "representation") if getattr(card, question)]
        for name, card in comparison.cards.items()
    }
    assert answered == {
        "vae": ["density", "sampling", "representation"],
        "cvae": ["density", "sampling", "representation"],
        "autoencoder": ["sampling", "representation"],
        "pixelcnn": ["density", "sampling"],
        "gan": ["sampling"],
    }
    for name, card in comparison.cards.items():
        for question in {"density", "sampling", "representation"} - set(answered[name]):
            assert len(card.refusals[question]) > 20


def test_numbers_say_what_they_are(comparison: Comparison) -> None:
    vae, pixelcnn = comparison.cards["vae"], comparison.cards["pixelcnn"]
    assert vae.density["log_prob"].kind == "lower bound"
    assert vae.density["log_prob"].estimator == "IWAE-20"
    assert vae.density["elbo"].value < vae.density["log_prob"].value
    assert pixelcnn.density["log_prob"].kind == "exact"
    assert "elbo" not in pixelcnn.density
    assert vae.per_datum is not None
    assert vae.per_datum.mean() == pytest.approx(vae.density["log_prob"].value)
    assert vae.density["bits_per_dim"].value == pytest.approx(-vae.per_datum.mean() / 64 / math.log(2))
    assert {card.facts["feature_network"] for card in comparison.cards.values()} == {vae.facts["feature_network"]}
    assert comparison.cards["cvae"].facts["density_of"] == "p(x | y)"


def test_a_conditional_guide_is_not_probed_for_the_label_that_it_reads(comparison: Comparison) -> None:
    assert "linear_probe" in comparison.cards["vae"].representation
    card = comparison.cards["cvae"]
    assert "linear_probe" not in card.representation
    assert "the guide reads y" in card.refusals["linear_probe"]


def test_only_what_may_be_ranked_is_ranked(comparison: Comparison) -> None:
    taken = {(pair.first, pair.second) for pair in comparison.pairs if pair.difference is not None}
    assert taken == {("vae", "pixelcnn")}
    assert {standing.name for standing in comparison.ranking() if standing.best is not None} == {"vae", "pixelcnn"}
    assert max(len(line) for line in comparison.to_text().splitlines()) <= 120
    assert comparison.frame().shape[0] == 5


def test_a_hand_written_program_answers_what_it_can() -> None:
    import pyro
    import pyro.distributions as dist

    def model(x: torch.Tensor) -> None:
        with pyro.plate("data", len(x)):
            z = pyro.sample("z", dist.Normal(torch.zeros(len(x), 2), 1.0).to_event(1))
            mean = z @ pyro.param("loadings", 0.5 * torch.ones(2, 5))
            pyro.sample("x", dist.Normal(mean, 1.0).to_event(1), obs=x)

    def guide(x: torch.Tensor) -> None:
        weights = pyro.param("weights", 0.1 * torch.ones(5, 2))
        with pyro.plate("data", len(x)):
            pyro.sample("z", dist.Normal(x @ weights, 0.5).to_event(1))

    x = np.random.default_rng(0).normal(size=(300, 5)).astype("float32")
    fit = ppgen.fit(ppgen.Program(model, guide), data=x, max_epochs=1, progress=False)
    card = evaluate(fit, num_particles=5, progress=False)
    assert isinstance(card, Scorecard)
    assert card.density["log_prob"].measure == "continuous"
    assert "log_prob factorised Gaussian" in card.baselines
    assert card.facts["model"] == "model"
    assert card.representation or card.refusals["representation"]
    assert card.sampling or card.refusals["sampling"]
