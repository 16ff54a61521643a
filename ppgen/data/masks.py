"""Images of which a part is given: the other part is what a conditional model explains."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from ppgen.data.dataset import Dataset, main_site
from ppgen.data.steps import derived
from ppgen.data.transforms import Transform
from ppgen.errors import SettingError

__all__ = ["Quadrants", "quadrants"]


def quadrants(dataset: Dataset, observed: int = 1) -> Dataset:
    """Add what is seen of each image as covariates ``given`` and ``mask``: 1, 2 or 3 of its four quadrants.

    One is the bottom left, two are the left half, three all but the top right: the structured prediction of K. Sohn,
    H. Lee and X. Yan, "Learning structured output representation using deep conditional generative models", 2015,
    section 5.1. ``ppgen.models.MaskedVAE`` explains the rest.

    Args:
        dataset: of images ``x`` [N, C, H, W].
        observed: how many quadrants are given.

    Returns:
        The data set, each batch of which has ``given`` (x where it is seen, else 0) and ``mask`` (1 where x is seen,
        else 0), both like x. Where bits are redrawn for each batch, so is what is given of them.

    Raises:
        SettingError: if the data are no images, have such columns already, or ``observed`` is not 1, 2 or 3.

    Example:
        >>> import ppgen
        >>> batch = quadrants(ppgen.data.load("digits"), observed=1).split("test")
        >>> batch["mask"][0, 0].int()[3:5]
        tensor([[0, 0, 0, 0, 0, 0, 0, 0],
                [1, 1, 1, 1, 0, 0, 0, 0]], dtype=torch.int32)
    """
    if observed not in (1, 2, 3) or isinstance(observed, bool):
        raise SettingError(
            f"{dataset.name}: the number of observed quadrants is out of range",
            expected="1 (bottom left), 2 (left half) or 3 (all but the top right)",
            got=repr(observed),
            fix="observed=1",
        )
    if len(dataset.x_shape) != 3 or min(dataset.x_shape[1:]) < 2:
        raise SettingError(
            f"{dataset.name}: only images have quadrants",
            expected="x of shape [channels, height, width], at least two pixels each way",
            got=str(list(dataset.x_shape)),
            fix="x = x.reshape(-1, channels, height, width)",
        )
    taken = [name for name in ("given", "mask") if name in dataset.keys]
    if taken:
        raise SettingError(
            f"{dataset.name}: it has a column {taken[0]!r} already",
            expected="a data set without given and mask",
            got=", ".join(dataset.keys),
            fix="take the quadrants of the data set as it was loaded, once",
        )
    transform = Quadrants(observed, dataset.transform, main_site(dataset.splits["train"]))
    return derived(dataset, "quadrants", {"observed": observed}, transform=transform)


@dataclasses.dataclass(frozen=True)
class Quadrants(Transform):
    """``given`` and ``mask`` beside an image, as it comes out of another transform.

    Args:
        observed: how many quadrants are seen.
        before: the transform of the image itself, or ``None``.
        key: the site.
    """

    adds = ("given", "mask")
    observed: int = 1
    before: Transform | None = None
    key: str = "x"

    @property
    def random(self) -> bool:
        """Whether the image's own transform is."""
        return self.before is not None and self.before.random

    def apply(self, stored: Tensor, generator: torch.Generator) -> Tensor:
        """The image, as a model sees it."""
        return stored if self.before is None else self.before.apply(stored, generator)

    def covariates(self, values: Tensor) -> dict[str, Tensor]:
        """What is seen of images [..., C, H, W]."""
        height, width = values.shape[-2:]
        mask = torch.zeros_like(values)
        mask[..., height // 2 :, : width // 2] = 1.0
        if self.observed > 1:
            mask[..., : height // 2, : width // 2] = 1.0
        if self.observed > 2:
            mask[..., height // 2 :, width // 2 :] = 1.0
        return {"given": values * mask, "mask": mask}

    def __str__(self) -> str:
        return f"{self.observed} of 4 quadrants seen"
