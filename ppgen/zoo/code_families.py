"""A recipe for codes from a codebook, in a grid, with a prior that draws them one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ppgen.zoo.likelihood_choice import likelihood_for
from ppgen.zoo.recipe import BuiltRecipe, Recipe

if TYPE_CHECKING:
    from ppgen.data import Dataset

__all__ = ["CODE_FAMILIES"]


def _vq_vae(
    data: Dataset,
    num_codes: int = 32,
    code_dim: int = 16,
    num_halvings: int = 2,
    width: int = 32,
    gumbel: bool = False,
    likelihood: str | None = None,
) -> BuiltRecipe:
    from ppgen import guides, models, nets, objectives

    chosen = likelihood_for(data, "vq-vae", likelihood)
    model = models.VQVAE(data.x_shape, num_codes, code_dim, num_halvings, width, likelihood=chosen)
    outputs = num_codes if gumbel else code_dim
    encoder = nets.GridEncoder(data.x_shape, outputs, num_halvings, width)
    if gumbel:
        return BuiltRecipe(model, guides.RelaxedCode(encoder, model.codebook), objectives.GumbelSoftmax())
    return BuiltRecipe(model, guides.NearestCode(encoder, model.codebook), objectives.VectorQuantization())


CODE_FAMILIES = (
    Recipe(
        "vq-vae",
        "a grid of codes, each the nearest of a few vectors, and a prior that draws them in turn",
        "van den Oord, Vinyals & Kavukcuoglu, 2017, Neural Discrete Representation Learning",
        _vq_vae,
        max_epochs=60,
        schedule="cosine",
        quick={"max_epochs": 5},
    ),
)
