"""Fully connected autoregressive recipes: the fully visible belief network and MADE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ppgen.zoo.conditioning_choice import conditional
from ppgen.zoo.likelihood_choice import explained_column, families_for, position_likelihood_for
from ppgen.zoo.recipe import BuiltRecipe, Recipe

if TYPE_CHECKING:
    from ppgen.data import Dataset

__all__ = ["BELIEF_NETWORKS"]


def _fvsbn(data: Dataset, likelihood: str | None = None, order: str = "raster") -> BuiltRecipe:
    from ppgen import models, objectives

    chosen = position_likelihood_for(data, "fvsbn", likelihood)
    return BuiltRecipe(
        models.FullyVisibleBeliefNetwork(data.x_shape, chosen, order), None, objectives.MaximumLikelihood()
    )


def _made(
    data: Dataset,
    hidden: tuple[int, ...] = (256,),
    num_masks: int = 1,
    order: str = "raster",
    num_components: int = 5,
    likelihood: str | None = None,
    seed: int = 0,
) -> BuiltRecipe:
    from ppgen import models, objectives

    settings: dict[str, Any] = {"num_masks": num_masks, "order": order, "seed": seed}
    if likelihood is None and families_for(explained_column(data, "made"))[0] == "gaussian":
        settings["num_components"] = num_components  # a mixture may have many peaks, as real data do
    else:
        settings["likelihood"] = position_likelihood_for(data, "made", likelihood)
    model = models.MADE(data.x_shape, hidden, **settings)
    return BuiltRecipe(model, None, objectives.MaximumLikelihood())


BELIEF_NETWORKS = (
    Recipe(
        "fvsbn",
        "one logistic regression for each pixel on those before it; its density is exact",
        "Frey, 1998, Graphical Models for Machine Learning and Digital Communication",
        conditional(_fvsbn),
        max_epochs=60,
        quick={"max_epochs": 20},
    ),
    Recipe(
        "made",
        "one masked autoencoder gives all conditionals, in one order or an ensemble of them",
        "Germain et al., 2015, MADE: Masked Autoencoder for Distribution Estimation",
        conditional(_made),
        max_epochs=60,
        schedule="cosine",
        quick={"max_epochs": 20},
    ),
)
