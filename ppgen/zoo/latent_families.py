"""Richer latents: several layers, several draws, learned priors, discrete codes and classes, given parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from ppgen.errors import SettingError
from ppgen.zoo.likelihood_choice import likelihood_for, pixel_likelihood_for
from ppgen.zoo.recipe import BuiltRecipe, Recipe, num_classes_of

if TYPE_CHECKING:
    from ppgen.data import Dataset

__all__ = ["LATENT_FAMILIES"]


def _hierarchical(
    data: Dataset, z1_dim: int = 8, z2_dim: int = 4, warmup: float = 5.0, likelihood: str | None = None
) -> BuiltRecipe:
    from ppgen import guides, models, objectives

    chosen = likelihood_for(data, "hierarchical", likelihood)
    model = models.HierarchicalVAE(data.x_shape, (z1_dim, z2_dim), likelihood=chosen)
    return BuiltRecipe(model, guides.Structured(model), objectives.ELBO(warmup=warmup))


def _ladder(
    data: Dataset, z1_dim: int = 8, z2_dim: int = 4, z3_dim: int = 4, warmup: float = 5.0, likelihood: str | None = None
) -> BuiltRecipe:
    from ppgen import guides, models, objectives

    chosen = likelihood_for(data, "ladder", likelihood)
    model = models.LadderVAE(data.x_shape, (z1_dim, z2_dim, z3_dim), likelihood=chosen)
    return BuiltRecipe(model, guides.Structured(model, order="model"), objectives.ELBO(warmup=warmup))


def _iwae(
    data: Dataset, latent_dim: int = 8, num_particles: int = 8, gradient: str = "dreg", likelihood: str | None = None
) -> BuiltRecipe:
    from ppgen import guides, models, objectives

    chosen = likelihood_for(data, "iwae", likelihood)
    model = models.VAE(data.x_shape, latent_dim=latent_dim, likelihood=chosen)
    objective = objectives.IWAE(num_particles, gradient=gradient)  # type: ignore[arg-type]  # verified there
    return BuiltRecipe(model, guides.MeanField(model), objective)


def _pixel_vae(
    data: Dataset,
    latent_dim: int = 8,
    num_layers: int = 2,
    channels: int = 16,
    kernel_size: int = 5,
    free_bits: float = 2.0,
    warmup: float = 0.0,
    likelihood: str | None = None,
) -> BuiltRecipe:
    from ppgen import guides, models, objectives

    chosen = pixel_likelihood_for(data, "pixel-vae", likelihood)
    model = models.PixelVAE(data.x_shape, latent_dim, num_layers, channels, kernel_size, likelihood=chosen)
    # Pixels that see each other need no code; without a floor under its rate, none would be learned.
    return BuiltRecipe(model, guides.MeanField(model), objectives.ELBO(free_bits=free_bits, warmup=warmup))


def _vamp(
    data: Dataset, latent_dim: int = 8, num_components: int = 100, width: int = 128, likelihood: str | None = None
) -> BuiltRecipe:
    from ppgen import guides, models, objectives

    chosen = likelihood_for(data, "vamp-prior", likelihood)
    model = models.VampPriorVAE(data.x_shape, latent_dim, num_components, (width, width), likelihood=chosen)
    _start_at_data(model, data, num_components)
    return BuiltRecipe(model, guides.NetworkGuide(model.posterior), objectives.ELBO())


def _hierarchical_vamp(
    data: Dataset,
    z1_dim: int = 8,
    z2_dim: int = 8,
    num_components: int = 100,
    width: int = 128,
    likelihood: str | None = None,
) -> BuiltRecipe:
    from ppgen import guides, models, nets, objectives

    chosen = likelihood_for(data, "hierarchical-vamp-prior", likelihood)
    model = models.VampPriorHierarchicalVAE(
        data.x_shape, (z1_dim, z2_dim), num_components, (width, width), likelihood=chosen
    )
    _start_at_data(model, data, num_components)
    bottom = nets.Gaussian(nets.GatedMLP([data.x_shape, (z2_dim,)], (width, width)), width, z1_dim)
    return BuiltRecipe(model, guides.TwoLevelNetworkGuide(model.posterior, bottom), objectives.ELBO(warmup=5.0))


def _flow_prior(
    data: Dataset, latent_dim: int = 8, num_transforms: int = 3, likelihood: str | None = None
) -> BuiltRecipe:
    from ppgen import guides, models, objectives

    chosen = likelihood_for(data, "flow-prior", likelihood)
    model = models.FlowPriorVAE(data.x_shape, latent_dim, num_transforms, likelihood=chosen)
    return BuiltRecipe(model, guides.MeanField(model), objectives.ELBO())


def _start_at_data(model: Any, data: Dataset, num: int) -> None:
    """Let the pseudo-inputs begin at training images; as often as needed where there are fewer of these."""
    import torch

    x = data.split("train")["x"]
    rows = torch.randperm(len(x))
    model.pseudo_inputs.start_at(x[rows[torch.arange(num) % len(x)]])


def _mixture(
    data: Dataset, num_clusters: int = 10, latent_dim: int = 8, width: int = 128, likelihood: str | None = None
) -> BuiltRecipe:
    from ppgen import guides, models, nets, objectives

    chosen = likelihood_for(data, "mixture", likelihood)
    model = models.MixtureVAE(data.x_shape, num_clusters, latent_dim, likelihood=chosen)
    posterior = nets.Gaussian(nets.encoder(data.x_shape, width), width, latent_dim)
    return BuiltRecipe(model, guides.Clustered(model, posterior), objectives.ELBO())


def _semi_supervised(
    data: Dataset, latent_dim: int = 8, label_weight: float = 10.0, likelihood: str | None = None
) -> BuiltRecipe:
    from ppgen import guides, models, objectives

    classes = num_classes_of(data, "semi-supervised")
    chosen = likelihood_for(data, "semi-supervised", likelihood)
    model = models.SemiSupervisedVAE(data.x_shape, classes, latent_dim, likelihood=chosen)
    return BuiltRecipe(model, guides.MeanField(model), objectives.ELBO(label_weight=label_weight))


def _discrete(data: Dataset, num_letters: int = 8, letter_dim: int = 16, likelihood: str | None = None) -> BuiltRecipe:
    from ppgen import guides, models, objectives

    chosen = likelihood_for(data, "discrete", likelihood)
    model = models.DiscreteVAE(data.x_shape, num_letters, letter_dim, likelihood=chosen)
    return BuiltRecipe(model, guides.MeanField(model), objectives.ELBO())


def _masked(data: Dataset, latent_dim: int = 8, width: int = 128) -> BuiltRecipe:
    from ppgen import guides, models, objectives

    if "given" not in data.keys or "mask" not in data.keys:
        raise SettingError(
            f"masked: the images of {data.name} are not partly given",
            expected="covariates given and mask",
            got=", ".join(data.keys),
            fix="data=ppgen.data.quadrants(data, observed=1)",
            code="S124",
        )
    model = models.MaskedVAE(cast(tuple[int, int, int], data.x_shape), latent_dim, width)
    return BuiltRecipe(model, guides.MeanField(model), objectives.ELBO())


LATENT_FAMILIES = (
    Recipe(
        "hierarchical",
        "two stochastic layers; the guide follows the inverse of the dependency graph",
        "Rezende, Mohamed & Wierstra, 2014, Stochastic Backpropagation and Approximate Inference in Deep Generative "
        "Models",
        _hierarchical,
        max_epochs=60,
    ),
    Recipe(
        "ladder",
        "three stochastic layers, drawn from the top down by model and guide alike",
        "Sonderby et al., 2016, Ladder Variational Autoencoders",
        _ladder,
        max_epochs=60,
    ),
    Recipe(
        "iwae",
        "the VAE under the importance-weighted bound of 8 draws: tighter, and a freer posterior",
        "Burda, Grosse & Salakhutdinov, 2016, Importance Weighted Autoencoders",
        _iwae,
        max_epochs=60,
    ),
    Recipe(
        "pixel-vae",
        "a VAE whose decoder draws one pixel after the other, and leaves texture to itself",
        "Gulrajani et al., 2017, PixelVAE: A Latent Variable Model for Natural Images",
        _pixel_vae,
        max_epochs=40,
    ),
    Recipe(
        "vamp-prior",
        "a VAE whose prior is its posterior, averaged over 100 learned images",
        "Tomczak & Welling, 2018, VAE with a VampPrior",
        _vamp,
        max_epochs=60,
        learning_rate=1e-3,
    ),
    Recipe(
        "hierarchical-vamp-prior",
        "two stochastic layers under a VampPrior, which keeps the upper one in use",
        "Tomczak & Welling, 2018, VAE with a VampPrior",
        _hierarchical_vamp,
        max_epochs=60,
        learning_rate=1e-3,
    ),
    Recipe(
        "flow-prior",
        "a VAE whose prior is a normalizing flow",
        "Chen et al., 2017, Variational Lossy Autoencoder",
        _flow_prior,
        max_epochs=60,
    ),
    Recipe(
        "mixture",
        "a VAE whose latent space is ten clusters, found without labels",
        "Jiang et al., 2017, Variational Deep Embedding: An Unsupervised and Generative Approach to Clustering",
        _mixture,
        max_epochs=60,
    ),
    Recipe(
        "semi-supervised",
        "a VAE with a class, known for 10 training images of each class and summed out for the rest",
        "Kingma et al., 2014, Semi-Supervised Learning with Deep Generative Models",
        _semi_supervised,
        max_epochs=60,
        steps=(("partial_labels", {"per_class": 10}),),
    ),
    Recipe(
        "discrete",
        "a code of two letters with a prior of its own; its density is exact",
        "van den Oord, Vinyals & Kavukcuoglu, 2017, Neural Discrete Representation Learning",
        _discrete,
        max_epochs=60,
    ),
    Recipe(
        "masked",
        "what is unseen of an image given its bottom left quadrant, with a prior that reads it",
        "Sohn, Lee & Yan, 2015, Learning Structured Output Representation Using Deep Conditional Generative Models",
        _masked,
        max_epochs=60,
        learning_rate=1e-3,
        steps=(("quadrants", {"observed": 1}),),
    ),
)
