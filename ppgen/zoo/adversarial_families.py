"""Recipes of games: points of few dimensions, and images that are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ppgen.errors import SettingError
from ppgen.zoo.recipe import BuiltRecipe, Recipe, reader_of

if TYPE_CHECKING:
    from ppgen.data import Dataset

__all__ = ["ADVERSARIAL_FAMILIES", "output_for"]


def output_for(data: Dataset) -> Any:
    """The range of a generator: of real numbers none is known; all other measures of images lie between 0 and 1.

    Args:
        data: that it is to be like.
    """
    return "none" if data.measure in ("continuous", "integer") else "sigmoid"


def _points(data: Dataset, latent_dim: int = 2, width: int = 64, loss: str = "nonsaturating") -> BuiltRecipe:
    from torch import nn

    from ppgen import models, nets, objectives

    if len(data.x_shape) != 1:
        raise SettingError(
            f"points-gan: the data are no points, but of shape {list(data.x_shape)}",
            expected="vectors, [N, dims]",
            got=data.name,
            fix="the recipe gan",
            code="S220",
        )
    # What lies between two clusters is crossed by a steep generator alone: three layers with kinks, and large steps.
    generator = nets.decoder(latent_dim, data.x_shape, (width,) * 3, nn.ReLU)
    model = models.GAN(data.x_shape, latent_dim, output=output_for(data), generator=generator)
    critic = nets.critic(data.x_shape, (width,) * 2, features=width)
    # Clusters are narrow, and a critic that is held as those of images are is blind to them.
    held: dict[str, Any] = {"r1": 0.003}
    if loss == "wasserstein":
        held = {"critic_steps": 1, "gradient_penalty": 0.1, "one_sided": True}
    return BuiltRecipe(model, None, objectives.Adversarial(critic, loss, **held))


def _conditional(
    data: Dataset,
    latent_dim: int = 32,
    condition: str = "y",
    told: str = "joined",
    critic: str = "projection",
    loss: str = "nonsaturating",
    output: Any = None,
    r1: float = 0.0,
    mismatched: float | None = None,
) -> BuiltRecipe:
    from ppgen import models, nets, objectives
    from ppgen.arguments import one_of

    size, reader = reader_of(data, condition)
    chosen: Any = told
    shown = output or output_for(data)
    model = models.ConditionalGAN(data.x_shape, size, latent_dim, output=shown, told=chosen, context=reader())
    kinds = {"projection": nets.ProjectionCritic, "joining": nets.JoiningCritic}
    judge = kinds[one_of("conditional-gan: critic", critic, kinds)](data.x_shape, size, context=reader())
    if mismatched is None:  # words are hard to see in an image
        mismatched = 0.0 if model.context is None else 0.5
    return BuiltRecipe(model, None, objectives.Adversarial(judge, loss, r1=r1, mismatched=mismatched))


ADVERSARIAL_FAMILIES = (
    Recipe(
        "points-gan",
        "a sampler of points in few dimensions that reaches every cluster",
        "Goodfellow et al., 2014, Generative Adversarial Nets",
        _points,
        max_epochs=130,
        batch_size=256,
        learning_rate=4e-3,
        schedule="cosine",
        average=0.999,  # how many draws each cluster gets wavers from step to step
        patience=None,
        data="ring",
    ),
    Recipe(
        "conditional-gan",
        "a sampler that draws what it is asked for: a class, attributes, or words",
        "Mirza & Osindero, 2014, Conditional Generative Adversarial Nets",
        _conditional,
        max_epochs=60,
        batch_size=32,
        learning_rate=1e-3,
        patience=None,
    ),
)
