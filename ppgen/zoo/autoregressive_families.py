"""Pixels one after the other: networks beside the gated PixelCNN, which is among the classics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ppgen.errors import SettingError
from ppgen.zoo.conditioning_choice import conditional
from ppgen.zoo.likelihood_choice import explained_column, pixel_likelihood_for
from ppgen.zoo.recipe import BuiltRecipe, Recipe
from ppgen.zoo.stacked_networks import stacked

if TYPE_CHECKING:
    from ppgen.data import Dataset

__all__ = ["AUTOREGRESSIVE_FAMILIES"]


def _pixelcnn_plus_plus(
    data: Dataset,
    hidden: int = 16,
    num_blocks: int = 1,
    num_resolutions: int = 2,
    dropout: float = 0.0,
    likelihood: str | None = None,
    order: str = "raster",
) -> BuiltRecipe:
    from ppgen import models, objectives

    chosen = pixel_likelihood_for(data, "pixelcnn++", likelihood, preferred="mixture")
    model = models.PixelCNNPlusPlus(data.x_shape, hidden, num_blocks, num_resolutions, dropout, chosen, order)
    return BuiltRecipe(model, None, objectives.MaximumLikelihood())


def _block_pixelcnn(
    data: Dataset, hidden: int = 24, num_layers: int = 4, block: tuple[int, int] = (2, 2)
) -> BuiltRecipe:
    from ppgen import models, objectives

    column = explained_column(data, "block-pixelcnn")
    if len(column.event_shape) != 3 or column.event_shape[0] != 1 or column.measure != "binary":
        raise SettingError(
            f"block-pixelcnn: {data.name} holds no binary images of one channel, whose blocks have few patterns",
            expected="x of zeros and ones, [N, 1, height, width]",
            got=f"{column}, {list(column.event_shape)}",
            fix='binarize="static", or the recipe gated-pixelcnn, which takes levels of grey and colour',
            code="S201",
        )
    model = models.BlockPixelCNN(data.x_shape, hidden=hidden, num_layers=num_layers, block=block)
    return BuiltRecipe(model, None, objectives.MaximumLikelihood())


_SETTINGS: dict[str, Any] = {
    "max_epochs": 40,
    "learning_rate": 5e-3,
    "schedule": "cosine",
    "patience": 8,
    "quick": {"max_epochs": 10},
}

AUTOREGRESSIVE_FAMILIES = (
    Recipe(
        "pixelcnn",
        "one pixel after the other, by one stack of masked convolutions, which has a blind spot",
        "van den Oord, Kalchbrenner & Kavukcuoglu, 2016, Pixel Recurrent Neural Networks",
        stacked("pixelcnn", "PixelCNN", 16, 4),
        **_SETTINGS,
    ),
    Recipe(
        "block-pixelcnn",
        "blocks of binary pixels, one after the other, each of any pattern; its density is exact",
        "van den Oord et al., 2016, Conditional Image Generation with PixelCNN Decoders",
        conditional(_block_pixelcnn),
        **_SETTINGS,
    ),
    Recipe(
        "row-lstm",
        "an LSTM over the rows of an image, a row at a time; its density is exact",
        "van den Oord, Kalchbrenner & Kavukcuoglu, 2016, Pixel Recurrent Neural Networks",
        stacked("row-lstm", "RowLSTM", 16, 2),
        **_SETTINGS,
    ),
    Recipe(
        "diagonal-bilstm",
        "two LSTMs over the diagonals of an image: a pixel sees all before it; exact density",
        "van den Oord, Kalchbrenner & Kavukcuoglu, 2016, Pixel Recurrent Neural Networks",
        stacked("diagonal-bilstm", "DiagonalBiLSTM", 16, 2),
        **_SETTINGS,
    ),
    Recipe(
        "pixelcnn++",
        "one pixel after the other, read at several resolutions; levels by a mixture of logistics",
        "Salimans, Karpathy, Chen & Kingma, 2017, PixelCNN++: Improving the PixelCNN with Discretized Logistic Mixture "
        "Likelihood and Other Modifications",
        conditional(_pixelcnn_plus_plus),
        **_SETTINGS,
    ),
)
