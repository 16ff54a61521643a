"""Foils: images that are surely no data, of noise and of one grey, which a score of outliers must see."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from ppgen.data.dataset import main_site
from ppgen.data.mutation import values_of
from ppgen.fitted import Fit

__all__ = ["FOILS", "foils"]


def _noise(known: Tensor, shape: torch.Size, generator: torch.Generator) -> Tensor:
    return known[torch.randint(len(known), shape, generator=generator)]


def _constant(known: Tensor, shape: torch.Size, generator: torch.Generator) -> Tensor:
    one_each = torch.randint(len(known), shape[:1], generator=generator)
    return known[one_each].reshape(-1, *[1] * (len(shape) - 1)).expand(shape).contiguous()


FOILS: Mapping[str, Callable[[Tensor, torch.Size, torch.Generator], Tensor]] = {
    "noise": _noise,
    "constants": _constant,
}
"""How each kind of foil is drawn from the values that there are."""


def foils(fit: Fit, batch: Mapping[str, Tensor], *, seed: int = 0) -> dict[str, dict[str, Tensor]]:
    """Rows like those of a batch whose main site holds noise, or one value throughout; covariates stay.

    Values are drawn uniformly from those of the training split: each anew for noise, one a row for constants.

    Args:
        fit: whose training values are meant.
        batch: tensors [N, ...] by site and covariate.
        seed: of the draws.

    Returns:
        ``{"noise": batch, "constants": batch}``.

    Example:
        >>> import ppgen
        >>> fit = ppgen.fit(ppgen.models.MADE((1, 2, 2)), torch.tensor([0.0, 1.0]).repeat(8, 2).reshape(8, 1, 2, 2),
        ...                 max_epochs=1, progress=False)
        >>> sorted(foils(fit, {"x": torch.zeros(3, 1, 2, 2)})["constants"]["x"].flatten(1).std(1).tolist())
        [0.0, 0.0, 0.0]
    """
    train = fit.data.split("train")
    main = main_site(train)
    known, shape = values_of(train[main]).cpu(), batch[main].shape
    generator = torch.Generator().manual_seed(seed)
    return {name: {**batch, main: draw(known, shape, generator).to(batch[main])} for name, draw in FOILS.items()}
