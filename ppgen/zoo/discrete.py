"""Discrete latents, summed out: clusters, classes of which few are known, codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ppgen.zoo.ingredients import Ingredients, Recipe
from ppgen.zoo.requirements import num_classes_of

if TYPE_CHECKING:
    from ppgen.data import Dataset

__all__ = ["DISCRETE"]


def _mixture(data: Dataset, num_clusters: int = 10, latent_dim: int = 8, width: int = 128) -> Ingredients:
    from ppgen import guides, models, nets, objectives

    model = models.MixtureVAE(data.x_shape, num_clusters, latent_dim)
    posterior = nets.Gaussian(nets.encoder(data.x_shape, width), width, latent_dim)
    return Ingredients(model, guides.Clustered(model, posterior), objectives.ELBO())


def _semi_supervised(data: Dataset, latent_dim: int = 8, label_weight: float = 10.0) -> Ingredients:
    from ppgen import guides, models, objectives

    classes = num_classes_of(data, "semi-supervised")
    model = models.SemiSupervisedVAE(data.x_shape, classes, latent_dim)
    return Ingredients(model, guides.MeanField(model), objectives.ELBO(label_weight=label_weight))


def _discrete(data: Dataset, num_letters: int = 8, letter_dim: int = 16) -> Ingredients:
    from ppgen import guides, models, objectives

    model = models.DiscreteVAE(data.x_shape, num_letters, letter_dim)
    return Ingredients(model, guides.MeanField(model), objectives.ELBO())


DISCRETE = (
    Recipe(
        "mixture",
        "a VAE whose latent space is ten clusters, found without labels",
        "Jiang et al., 2017, Variational Deep Embedding: An Unsupervised and Generative Approach to Clustering",
        _mixture,
        max_epochs=60,
        quick={"max_epochs": 20},
    ),
    Recipe(
        "semi-supervised",
        "a VAE with a class, known for 10 training images of each class and summed out for the rest",
        "Kingma et al., 2014, Semi-Supervised Learning with Deep Generative Models",
        _semi_supervised,
        max_epochs=60,
        quick={"max_epochs": 20},
        then=(("partial_labels", {"per_class": 10}),),
    ),
    Recipe(
        "discrete",
        "a code of two letters with a prior of its own; its density is exact",
        "van den Oord, Vinyals & Kavukcuoglu, 2017, Neural Discrete Representation Learning",
        _discrete,
        max_epochs=60,
        quick={"max_epochs": 20},
    ),
)
