"""Several layers of latents, or several draws of one: hierarchical and ladder VAE, IWAE, PixelVAE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ppgen.zoo.ingredients import Ingredients, Recipe

if TYPE_CHECKING:
    from ppgen.data import Dataset

__all__ = ["LAYERS"]


def _hierarchical(data: Dataset, z1_dim: int = 8, z2_dim: int = 4, warmup: float = 5.0) -> Ingredients:
    from ppgen import guides, models, objectives

    model = models.HierarchicalVAE(data.x_shape, (z1_dim, z2_dim))
    return Ingredients(model, guides.Structured(model), objectives.ELBO(warmup=warmup))


def _ladder(data: Dataset, z1_dim: int = 8, z2_dim: int = 4, z3_dim: int = 4, warmup: float = 5.0) -> Ingredients:
    from ppgen import guides, models, objectives

    model = models.LadderVAE(data.x_shape, (z1_dim, z2_dim, z3_dim))
    return Ingredients(model, guides.Structured(model, order="model"), objectives.ELBO(warmup=warmup))


def _iwae(data: Dataset, latent_dim: int = 8, num_particles: int = 8, gradient: str = "dreg") -> Ingredients:
    from ppgen import guides, models, objectives

    model = models.VAE(data.x_shape, latent_dim=latent_dim)
    objective = objectives.IWAE(num_particles, gradient=gradient)  # type: ignore[arg-type]  # verified there
    return Ingredients(model, guides.MeanField(model), objective)


def _pixel_vae(
    data: Dataset, latent_dim: int = 8, num_layers: int = 2, channels: int = 16, free_bits: float = 2.0
) -> Ingredients:
    from ppgen import guides, models, objectives

    model = models.PixelVAE(data.x_shape, latent_dim, num_layers, channels)
    # Pixels that see each other need no code; without a floor under its rate, none would be learned.
    return Ingredients(model, guides.MeanField(model), objectives.ELBO(free_bits=free_bits))


LAYERS = (
    Recipe(
        "hierarchical",
        "two stochastic layers; the guide follows the inverse of the dependency graph",
        "Rezende, Mohamed & Wierstra, 2014, Stochastic Backpropagation and Approximate Inference in Deep Generative "
        "Models",
        _hierarchical,
        max_epochs=60,
        quick={"max_epochs": 20},
    ),
    Recipe(
        "ladder",
        "three stochastic layers, drawn from the top down by model and guide alike",
        "Sonderby et al., 2016, Ladder Variational Autoencoders",
        _ladder,
        max_epochs=60,
        quick={"max_epochs": 20},
    ),
    Recipe(
        "iwae",
        "the VAE under the importance-weighted bound of 8 draws: tighter, and a freer posterior",
        "Burda, Grosse & Salakhutdinov, 2016, Importance Weighted Autoencoders",
        _iwae,
        max_epochs=60,
        quick={"max_epochs": 20},
    ),
    Recipe(
        "pixel-vae",
        "a VAE whose decoder draws one pixel after the other, and leaves texture to itself",
        "Gulrajani et al., 2017, PixelVAE: A Latent Variable Model for Natural Images",
        _pixel_vae,
        max_epochs=40,
        quick={"max_epochs": 10},
    ),
)
