"""Conditional on a part of the image itself: the other quadrants given one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ppgen.zoo.ingredients import Ingredients, Recipe
from ppgen.zoo.requirements import must_have_masks

if TYPE_CHECKING:
    from ppgen.data import Dataset

__all__ = ["GIVEN"]


def _masked(data: Dataset, latent_dim: int = 8, width: int = 128) -> Ingredients:
    from ppgen import guides, models, objectives

    must_have_masks(data, "masked")
    model = models.MaskedVAE(data.x_shape, latent_dim, width)
    return Ingredients(model, guides.MeanField(model), objectives.ELBO())


GIVEN = (
    Recipe(
        "masked",
        "what is unseen of an image given its bottom left quadrant, with a prior that reads it",
        "Sohn, Lee & Yan, 2015, Learning Structured Output Representation Using Deep Conditional Generative Models",
        _masked,
        max_epochs=60,
        learning_rate=1e-3,
        quick={"max_epochs": 20},
        then=(("quadrants", {"observed": 1}),),
    ),
)
