"""Recipes for data that are no one tensor of one shape: tables of mixed columns, and sequences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ppgen.zoo.likelihood_choice import step_likelihood_for, table_likelihoods
from ppgen.zoo.recipe import BuiltRecipe, Recipe

if TYPE_CHECKING:
    from ppgen.data import Dataset

__all__ = ["OTHER_KINDS"]


def _table(data: Dataset, latent_dim: int = 4, width: int = 64) -> BuiltRecipe:
    from ppgen import guides, models, objectives

    model = models.TableVAE(table_likelihoods(data), latent_dim, (width, width))
    return BuiltRecipe(model, guides.MeanField(model), objectives.ELBO())


def _deep_markov(
    data: Dataset, latent_dim: int = 8, width: int = 64, warmup: float = 5.0, likelihood: str | None = None
) -> BuiltRecipe:
    from ppgen import guides, models, nets, objectives

    chosen = step_likelihood_for(data, "deep-markov", likelihood)
    length, x_dim = data.x_shape
    model = models.DeepMarkovModel((length, x_dim), latent_dim, width, likelihood=chosen)
    guide = guides.NetworkGuide(nets.Smoother(x_dim, latent_dim, width))
    return BuiltRecipe(model, guide, objectives.ELBO(warmup=warmup))


OTHER_KINDS = (
    Recipe(
        "table",
        "a VAE of a table: every column with a likelihood of its own kind",
        "Nazabal et al., 2020, Handling Incomplete Heterogeneous Data Using VAEs",
        _table,
        max_epochs=60,
    ),
    Recipe(
        "deep-markov",
        "sequences from a path of latent states; the guide reads them from their ends",
        "Krishnan, Shalit & Sontag, 2017, Structured Inference Networks for Nonlinear State Space Models",
        _deep_markov,
        max_epochs=60,
        steps=(("lines", {}),),
    ),
)
