"""Pairs of pictures on disk: two halves of one picture, or two folders whose files have the same names."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from ppgen.checked import checked
from ppgen.data.conditioning import derived, refuse_domains
from ppgen.data.dataset import Dataset, main_site
from ppgen.data.domains import Together
from ppgen.data.picture_sizes import resize_splits
from ppgen.data.user_files import read_folder
from ppgen.errors import DataError, SettingError

__all__ = ["holds_pairs", "read_pairs", "side_by_side"]


@checked
def side_by_side(dataset: Dataset, given: Literal["left", "right"] = "left", *, resize: int | None = None) -> Dataset:
    """Pairs from pictures that hold both, ``A|B``: one half is ``given``, the other is x.

    Args:
        dataset: of pictures ``x`` [N, C, H, 2 W], as they were stored: neither resized nor cropped.
        given: which half is given.
        resize: a side in pixels: both halves are scaled to cover a square of it, and what stands over is cut off.

    Returns:
        The data set with x [N, C, H, W] and ``given``, which is like it.

    Raises:
        SettingError: if the data are no pictures of even width, were resized before, or have a column ``given``.

    Example:
        >>> import ppgen
        >>> pairs = ppgen.data.from_tensors({"x": torch.rand(50, 1, 8, 16)})
        >>> [values.shape for values in side_by_side(pairs).split("test").values()]
        [torch.Size([5, 1, 8, 8]), torch.Size([5, 1, 8, 8])]
    """
    refuse_domains(dataset, "side_by_side")
    shape, changed = dataset.x_shape, [name for name in ("resize", "crop") if dataset.spec.get(name) is not None]
    transform = dataset.transform
    assert not isinstance(transform, Together)  # which is the transform of domains alone
    is_fixed = transform is None or not (transform.random or transform.adds)
    if len(shape) != 3 or shape[2] % 2 or changed or "given" in dataset.keys or not is_fixed:
        raise SettingError(
            f"{dataset.name}: x is not two pictures side by side",
            expected="pictures [channels, height, 2 width] of one size, as they were stored, and no column given",
            got=f"x {list(shape)}, columns {', '.join(dataset.keys)}"
            + "".join(f", {name} to {dataset.spec[name]}" for name in changed),
            fix="load the folder without resize, binarize and crop; then side_by_side(dataset, resize=64)",
            code="S210",
        )
    key, half = main_site(dataset.splits["train"]), shape[2] // 2
    splits = {}
    for split, stored in dataset.splits.items():
        left, right = stored[key][..., :half], stored[key][..., half:]
        told, x = (left, right) if given == "left" else (right, left)
        if resize is not None:
            sizes = resize_splits({"x": {"x": x}, "given": {"x": told}}, "x", None, resize, name=dataset.name)
            x, told = sizes["x"]["x"], sizes["given"]["x"]
        splits[split] = {**stored, key: x.contiguous(), "given": _seen(told, transform)}
    arguments = {"given": given} | ({} if resize is None else {"resize": resize})
    return derived(dataset, "side_by_side", arguments, splits=splits)


def _seen(stored: Tensor, transform: Any) -> Tensor:
    """As a model sees it: what is given passes no transform of its own."""
    values = stored if transform is None else transform.apply(stored, torch.Generator())
    return values.contiguous()


def holds_pairs(folder: Path) -> bool:
    """Whether a folder holds pairs: pictures in ``given`` and ``x``.

    Args:
        folder: where to look.
    """
    return all((folder / name).is_dir() for name in ("given", "x"))


def read_pairs(
    folder: Path, resize: int | None = None, crop: int | None = None, letter: str = ""
) -> tuple[dict[str, dict[str, Tensor]], int | None]:
    """Pictures of ``x`` and those of the same names in ``given``, as :func:`~ppgen.data.user_files.read_folder` does.

    Args:
        folder: that holds both.
        resize: the side of the squares that all become.
        crop: the side of the central square that is cut out before.
        letter: not used; pairs are no domains.

    Returns:
        ``{"train": {"x": uint8 [N, C, H, W], "given": floats [N, C, H, W]}}``, and the side that they were scaled to.

    Raises:
        DataError: if a picture has no partner, or both sides are not of one size.
    """
    names = {side: {path.stem for path in (folder / side).iterdir() if path.is_file()} for side in ("given", "x")}
    if alone := sorted(names["given"] ^ names["x"]):
        raise DataError(
            f"{folder}: {alone[0]} has no partner",
            expected="files of the same names in given and in x",
            got=f"{len(names['given'])} and {len(names['x'])} files, {len(alone)} of them alone",
            fix=f"remove {alone[0]}, or add the other of the pair",
            code="D112",
        )
    (given, _), (x, side) = (read_folder(folder / part, resize, crop) for part in ("given", "x"))
    told, made = given["train"]["x"], x["train"]["x"]
    if told.shape[2:] != made.shape[2:]:
        raise DataError(
            f"{folder}: the pictures of given and x are not of one size",
            expected=f"{made.shape[3]} x {made.shape[2]} pixels in given",
            got=f"{told.shape[3]} x {told.shape[2]}",
            fix="resize=64",
            code="D113",
        )
    return {"train": {"x": made, "given": told.to(torch.get_default_dtype()) / 255}}, side
