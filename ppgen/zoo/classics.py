"""The six families of the demo: autoencoder, VAE, beta-VAE, conditional VAE, gated PixelCNN and GAN."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ppgen.zoo.adversarial_families import output_for
from ppgen.zoo.likelihood_choice import likelihood_for
from ppgen.zoo.recipe import BuiltRecipe, Recipe, num_classes_of, reader_of
from ppgen.zoo.stacked_networks import stacked

if TYPE_CHECKING:
    from ppgen.data import Dataset

__all__ = ["CLASSICS"]


def _autoencoder(data: Dataset, latent_dim: int = 8, weight_decay: float = 0.0) -> BuiltRecipe:
    from ppgen import guides, models, objectives

    model = models.Autoencoder(data.x_shape, latent_dim=latent_dim)
    return BuiltRecipe(model, guides.Delta(model), objectives.ELBO(beta=weight_decay))


def _vae(
    data: Dataset, latent_dim: int = 8, beta: float = 1.0, warmup: float = 0.0, likelihood: str | None = None
) -> BuiltRecipe:
    from ppgen import guides, models, objectives

    chosen = likelihood_for(data, "vae", likelihood)
    model = models.VAE(data.x_shape, latent_dim=latent_dim, likelihood=chosen)
    return BuiltRecipe(model, guides.MeanField(model), objectives.ELBO(beta=beta, warmup=warmup))


def _beta_vae(
    data: Dataset, latent_dim: int = 8, beta: float = 2.0, warmup: float = 0.0, likelihood: str | None = None
) -> BuiltRecipe:
    return _vae(data, latent_dim=latent_dim, beta=beta, warmup=warmup, likelihood=likelihood)


def _cvae(
    data: Dataset, latent_dim: int = 8, beta: float = 1.0, warmup: float = 0.0, likelihood: str | None = None
) -> BuiltRecipe:
    from ppgen import guides, models, objectives

    vector = "y" in data.keys and "y" not in data.num_classes and data.splits["train"]["y"].dim() == 2
    size, reader = reader_of(data, "y") if vector else (num_classes_of(data, "cvae"), lambda: None)
    chosen = likelihood_for(data, "cvae", likelihood)
    model = models.ConditionalVAE(data.x_shape, size, latent_dim, likelihood=chosen, context=reader())
    return BuiltRecipe(model, guides.MeanField(model), objectives.ELBO(beta=beta, warmup=warmup))


def _gan(
    data: Dataset,
    latent_dim: int = 32,
    loss: str = "nonsaturating",
    output: Any = None,
    r1: float = 0.0,
    spectral: bool = False,
    network: str = "plain",
) -> BuiltRecipe:
    from ppgen import models, nets, objectives
    from ppgen.arguments import one_of

    is_residual = one_of("gan: network", network, ("plain", "residual")) == "residual"
    generator = nets.ResidualDecoder(latent_dim, data.x_shape, batch_norm=True) if is_residual else None
    model = models.GAN(data.x_shape, latent_dim=latent_dim, output=output or output_for(data), generator=generator)
    critic: Any = nets.critic(data.x_shape, spectral=True) if spectral else None
    if is_residual:
        critic = nets.ResidualCritic(data.x_shape, spectral=spectral)
    one_sided = loss == "wasserstein" and data.x_shape == (1,)  # on a line, no slope can turn round
    return BuiltRecipe(model, None, objectives.Adversarial(critic, loss, one_sided=one_sided, r1=r1))


CLASSICS = (
    Recipe(
        "autoencoder",
        "deterministic code and squared error: the point guide of a Gaussian decoder",
        "Hinton & Salakhutdinov, 2006, Reducing the Dimensionality of Data with Neural Networks",
        _autoencoder,
        max_epochs=60,
        demo={"max_epochs": 9, "batch_size": 16, "schedule": "cosine"},
        quick={"max_epochs": 3},
        demo_options={"latent_dim": 12},
    ),
    Recipe(
        "vae",
        "latent-variable model with a learned posterior; its density has a lower bound",
        "Kingma & Welling, 2014, Auto-Encoding Variational Bayes",
        _vae,
        max_epochs=60,
        demo={"max_epochs": 15, "batch_size": 16, "schedule": "cosine"},
        quick={"max_epochs": 4},
        demo_options={"latent_dim": 12},
    ),
    Recipe(
        "beta-vae",
        "the same VAE under ELBO(beta=2): a shorter code, a looser bound",
        "Higgins et al., 2017, beta-VAE: Learning Basic Visual Concepts with a Constrained Variational Framework",
        _beta_vae,
        max_epochs=60,
        demo={"max_epochs": 15, "batch_size": 16, "schedule": "cosine"},
        quick={"max_epochs": 4},
        demo_options={"latent_dim": 12},
    ),
    Recipe(
        "cvae",
        "VAE that is told the class, attributes or words: p(x | y), samples on demand",
        "Sohn, Lee & Yan, 2015, Learning Structured Output Representation Using Deep Conditional Generative Models",
        _cvae,
        max_epochs=60,
        demo={"max_epochs": 15, "batch_size": 16, "schedule": "cosine"},
        quick={"max_epochs": 4},
        demo_options={"latent_dim": 12},
    ),
    Recipe(
        "gated-pixelcnn",
        "one pixel after the other, by masked convolutions; its density is exact",
        "van den Oord et al., 2016, Conditional Image Generation with PixelCNN Decoders",
        stacked("gated-pixelcnn", "GatedPixelCNN", 12, 4),
        max_epochs=40,
        learning_rate=5e-3,
        schedule="cosine",
        patience=8,
        demo={"max_epochs": 6, "batch_size": 16, "learning_rate": 1e-2},
        quick={"max_epochs": 2},
        demo_options={"hidden": 8, "num_layers": 6},
    ),
    Recipe(
        "gan",
        "a sampler without a density, trained against a critic",
        "Goodfellow et al., 2014, Generative Adversarial Nets",
        _gan,
        max_epochs=60,
        batch_size=32,
        learning_rate=1e-3,
        patience=None,
        demo={"max_epochs": 10, "learning_rate": {"critic": 2e-4, "generator": 1e-3}},
        quick={"max_epochs": 3},
    ),
)
