"""Latent Dirichlet allocation: words in columns, documents in another plate, topics of words summed out."""

from __future__ import annotations

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro import poutine
from pyro.infer import TraceEnum_ELBO
from pyro.infer.autoguide import AutoNormal, init_to_feasible
from torch import Tensor

from tests.oracles.pyro_svi import bound_of_pyro, fitted_as_by_svi

pytestmark = pytest.mark.usefixtures("float64")

TOPICS, WORDS = 3, 10


def model(words: Tensor) -> None:
    with pyro.plate("topics", TOPICS):
        weights = pyro.sample("topic_weights", dist.Gamma(1.0 / TOPICS, 1.0))
        topics = pyro.sample("topic_words", dist.Dirichlet(torch.ones(WORDS) / WORDS))
    with pyro.plate("documents", words.shape[1]):
        shares = pyro.sample("doc_topics", dist.Dirichlet(weights))
        with pyro.plate("words", len(words)):
            topic = pyro.sample("word_topics", dist.Categorical(shares), infer={"enumerate": "parallel"})
            pyro.sample("doc_words", dist.Categorical(topics[topic]), obs=words)


def test_it_trains_as_by_svi() -> None:
    data, estimator = {"words": torch.randint(0, WORDS, (4, 6))}, TraceEnum_ELBO(max_plate_nesting=2)
    hidden = poutine.block(model, hide=["word_topics"])
    fit = fitted_as_by_svi(model, lambda: AutoNormal(hidden, init_loc_fn=init_to_feasible), data, estimator)
    assert float(fit.elbo(num_particles=2)) == pytest.approx(bound_of_pyro(fit, estimator, 2), rel=1e-8)
    drawn = fit.posterior(num_draws=2).posterior["word_topics"]
    assert drawn.shape == (1, 2, 4, 6)
