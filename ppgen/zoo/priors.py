"""Learned priors: the VampPrior, with one layer and with two, and a normalizing flow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ppgen.zoo.ingredients import Ingredients, Recipe

if TYPE_CHECKING:
    from ppgen.data import Dataset

__all__ = ["PRIORS"]


def _vamp(data: Dataset, latent_dim: int = 8, num_components: int = 100, width: int = 128) -> Ingredients:
    from ppgen import guides, models, objectives

    model = models.VampPriorVAE(data.x_shape, latent_dim, num_components, (width, width))
    _start_at_data(model, data, num_components)
    return Ingredients(model, guides.NetworkGuide(model.posterior), objectives.ELBO())


def _hierarchical_vamp(
    data: Dataset, z1_dim: int = 8, z2_dim: int = 8, num_components: int = 100, width: int = 128
) -> Ingredients:
    from ppgen import guides, models, nets, objectives

    model = models.VampPriorHierarchicalVAE(data.x_shape, (z1_dim, z2_dim), num_components, (width, width))
    _start_at_data(model, data, num_components)
    bottom = nets.Gaussian(nets.GatedMLP([data.x_shape, (z2_dim,)], (width, width)), width, z1_dim)
    return Ingredients(model, guides.TwoLevelNetworkGuide(model.posterior, bottom), objectives.ELBO(warmup=5.0))


def _flow_prior(data: Dataset, latent_dim: int = 8, num_transforms: int = 3) -> Ingredients:
    from ppgen import guides, models, objectives

    model = models.FlowPriorVAE(data.x_shape, latent_dim, num_transforms)
    return Ingredients(model, guides.MeanField(model), objectives.ELBO())


def _start_at_data(model: Any, data: Dataset, num: int) -> None:
    """Let the pseudo-inputs begin at training images; as often as needed where there are fewer of these."""
    import torch

    x = data.split("train")["x"]
    rows = torch.randperm(len(x))
    model.pseudo_inputs.start_at(x[rows[torch.arange(num) % len(x)]])


PRIORS = (
    Recipe(
        "vamp-prior",
        "a VAE whose prior is its posterior, averaged over 100 learned images",
        "Tomczak & Welling, 2018, VAE with a VampPrior",
        _vamp,
        max_epochs=60,
        learning_rate=1e-3,
        quick={"max_epochs": 20},
    ),
    Recipe(
        "hierarchical-vamp-prior",
        "two stochastic layers under a VampPrior, which keeps the upper one in use",
        "Tomczak & Welling, 2018, VAE with a VampPrior",
        _hierarchical_vamp,
        max_epochs=60,
        learning_rate=1e-3,
        quick={"max_epochs": 20},
    ),
    Recipe(
        "flow-prior",
        "a VAE whose prior is a normalizing flow",
        "Chen et al., 2017, Variational Lossy Autoencoder",
        _flow_prior,
        max_epochs=60,
        quick={"max_epochs": 20},
    ),
)
