"""Pairs made from any images: edges, a half, greys or a small version is given, and the image is to be made of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from ppgen.arguments import one_of
from ppgen.checked import checked
from ppgen.data.column import Column
from ppgen.data.conditioning import derived, refuse_domains
from ppgen.data.dataset import Dataset, main_site
from ppgen.data.domains import Together
from ppgen.data.sobel import steepness
from ppgen.data.transforms import Beside, Transform
from ppgen.errors import SettingError

__all__ = ["TASKS", "Paired", "paired"]


def _edges(images: Tensor) -> Tensor:
    steep = steepness(images)
    return steep / steep.amax((-3, -2, -1), keepdim=True).clamp(min=torch.finfo(steep.dtype).tiny)


def _half(images: Tensor) -> Tensor:
    width = images.shape[-1]
    return images * (torch.arange(width, device=images.device) < width // 2)


def _grey(images: Tensor) -> Tensor:
    weights = torch.tensor([0.299, 0.587, 0.114], dtype=images.dtype, device=images.device)  # ITU-R BT.601
    return (images * weights[:, None, None]).sum(-3, keepdim=True)


def _small(images: Tensor) -> Tensor:
    height, width = images.shape[-2:]
    small = interpolate(images, (-(-height // 4), -(-width // 4)), mode="area")
    return interpolate(small, (height, width), mode="nearest")


TASKS: Mapping[str, Callable[[Tensor], Tensor]] = {"edges": _edges, "half": _half, "grey": _grey, "small": _small}
"""What is given of images [N, C, H, W]; a further task is a function here, and an entry."""


@checked
def paired(dataset: Dataset, task: str, *, keep: bool = False) -> Dataset:
    """Pairs for a translation: beside each image x stands, in the column ``given``, what it is to be made from.

    Nothing is stored: what is given follows from each image as a batch is drawn, and is as large as the image.

    Args:
        dataset: of images ``x`` [N, C, H, W].
        task: ``"edges"``: where the image changes, Sobel's gradient squared, the steepest of an image 1, in one
            channel. ``"half"``: the left half, and 0 elsewhere. ``"grey"``: the luminance of colours, in one channel.
            ``"small"``: means of 4 x 4 pixels.
        keep: whether data with a column ``given`` stay as they are, instead of being refused.

    Returns:
        The data set, each batch of which has ``given``.

    Raises:
        SettingError: if the data are no images, are grey where colours are needed, or have such a column already.

    Example:
        >>> import ppgen
        >>> print(paired(ppgen.data.load("digits", binarize=None), "half"))
        Dataset 'digits': x [1, 8, 8], image, unit interval (17 grey levels, k / 16)
          train 1077, valid 360, test 360
          y: categorical, 10 classes
          given: the half of x
    """
    one_of("paired: task", task, TASKS)
    refuse_domains(dataset, "paired")
    assert not isinstance(dataset.transform, Together)  # which is the transform of domains alone
    if "given" in dataset.keys and keep:
        return dataset
    if "given" in dataset.keys or len(dataset.x_shape) != 3 or (task == "grey" and dataset.x_shape[0] != 3):
        raise SettingError(
            f"{dataset.name}: it can be given no {task} to make x of",
            expected=f"images x [{3 if task == 'grey' else 'channels'}, height, width], and no column given",
            got=f"x {list(dataset.x_shape)}, columns {', '.join(dataset.keys)}",
            fix="keep=True, for the pairs as they are; or x = x.reshape(-1, channels, height, width)",
            code="S209",
        )
    transform = Paired(task, dataset.transform, main_site(dataset.splits["train"]))
    return derived(dataset, "paired", {"task": task}, transform=transform)


@dataclasses.dataclass(frozen=True)
class Paired(Beside):
    """``given`` beside an image, as it comes out of another transform.

    Args:
        task: one of :data:`TASKS`.
        before: the transform of the image itself, or ``None``.
        key: the site.
    """

    adds = ("given",)
    task: str
    before: Transform | None = None
    key: str = "x"

    def describe(self, columns: Mapping[str, Column]) -> dict[str, Column]:
        """``given`` is an image beside the one that it was made from."""
        told, image = self.described_before(columns)
        channels = self.covariates(torch.zeros(1, *image.event_shape))["given"].shape[1]
        given = dataclasses.replace(image, name="given", event_shape=(channels, *image.event_shape[1:]))
        if self.task != "half":  # other levels than those of the image
            in_unit = self.task == "edges" or image.measure in ("binary", "8-bit", "unit interval")
            measure = "unit interval" if in_unit else "continuous"
            given = dataclasses.replace(given, measure=measure, levels=None, white=None)
        return {**told, "given": given}

    def covariates(self, values: Tensor) -> dict[str, Tensor]:
        """What is given of images [N, C, H, W]."""
        return {"given": TASKS[self.task](values)}

    def __str__(self) -> str:
        return f"the {self.task} of x"
