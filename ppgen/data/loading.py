"""From whatever names or holds data to a data set."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ppgen.checked import checked
from ppgen.data import built_in, face_sets, glyph_sets, image_sets, points, user_files
from ppgen.data.binarize import Source, check_mode, with_protocol
from ppgen.data.catalogue import CATALOGUE, entry
from ppgen.data.column import lengths_of
from ppgen.data.conversion import to_columns
from ppgen.data.dataset import Dataset, main_site
from ppgen.data.frames import read_frames
from ppgen.data.joined_domains import join_domains
from ppgen.data.padding import pad_alike
from ppgen.data.picture_pairs import holds_pairs, read_pairs
from ppgen.data.picture_sizes import resize_splits
from ppgen.data.roots import data_root, missing
from ppgen.data.splitting import check_seed
from ppgen.data.steps import apply
from ppgen.data.tensors import class_counts, from_tensors, split_columns
from ppgen.errors import SettingError

__all__ = ["as_batch", "as_dataset", "load"]

_READERS: dict[str, Callable[[Path, bool, int], Source]] = {
    "digits": built_in.read_digits,
    "sprites": built_in.read_sprites,
    "sprites64": partial(built_in.read_sprites, size=64),
    **{name: partial(glyph_sets.read_glyphs, name=name) for name in glyph_sets.GLYPH_SETS},
    "glyphs-grid": glyph_sets.read_glyph_grid,
    **{name: partial(points.read_points, name=name) for name in points.POINTS},
    "mnist": image_sets.read_mnist_like,
    "fashion": partial(image_sets.read_mnist_like, folder="FashionMNIST", name="fashion"),
    "kmnist": partial(image_sets.read_mnist_like, folder="KMNIST", name="kmnist"),
    "binarized_mnist": image_sets.read_binarized_mnist,
    "usps": image_sets.read_usps,
    "cifar10": image_sets.read_cifar10,
    "svhn": image_sets.read_svhn,
    "olivetti": face_sets.read_olivetti,
    "frey": face_sets.read_frey,
    "yale": face_sets.read_yale,
    "celeba": image_sets.read_celeba,
}

Place = str | os.PathLike[str]  # no law of @checked: who passes tensors is told of as_dataset


@checked
def load(
    name: Place,
    *,
    binarize: str | None = "default",
    dequantize: bool = False,
    root: str | os.PathLike[str] | None = None,
    download: bool = True,
    seed: int = 0,
    steps: Sequence[Sequence[Any]] = (),
    resize: int | None = None,
    crop: int | None = None,
) -> Dataset:
    """A data set by its name, or from a folder of images, a ``.npy``, ``.npz`` or ``.csv`` file.

    Grey images are binarized by default, with bits that are drawn once (``"static"``), and glyphs, whose greys are
    but their smooth edges, where they are at least half white (``"threshold"``); colour images and faces keep their 256
    levels, seen as floats ``k / 255`` under the measure ``"8-bit"``. Files of your own are never binarized by default.

    Args:
        name: one of :func:`ppgen.data.names`, or a path. Several, ``"mnist+usps"``, are unpaired domains ``a`` and
            ``b``; so is a folder with ``trainA`` and ``trainB``; one with ``given`` and ``x`` holds pairs.
        binarize: ``"static"``: bits drawn once from the grey levels, in all splits. ``"dynamic"``: training bits
            redrawn at each batch, valid and test bits drawn once. ``"threshold"``: on where the grey level is at
            least half. ``None``: grey levels.
        dequantize: uniform noise on the levels, ``(k + u) / 256``, for densities on a continuum.
        root: the folder of the data files; the default is ``$PPGEN_DATA``, else ``~/.cache/ppgen/data``.
        download: fetch missing files.
        seed: of the valid split (of all splits, where the set has no official one), of static bits, and of where and
            how glyphs are drawn.
        steps: steps taken after loading, ``[["partial_labels", {"per_class": 10}]]``, as a run folder records them;
            in a program, call :func:`ppgen.data.partial_labels` and its like.
        resize: a side of images in pixels: they are scaled to cover a square of it, and what stands over is cut off.
            Images of a folder that differ in size become as large as the shortest side among them, 64 at most.
        crop: a side of the central square that is cut out of images, before they are resized.

    Returns:
        A :class:`~ppgen.data.Dataset`.

    Raises:
        SettingError: for an unknown name or mode, a mode that the set cannot have, or two names at once.
        DataError: for files that are missing or damaged.

    Example:
        >>> load("digits", binarize=None)
        Dataset 'digits': x [1, 8, 8], image, unit interval (17 grey levels, k / 16)
          train 1077, valid 360, test 360
          y: categorical, 10 classes
    """
    if not isinstance(name, str | os.PathLike):
        raise SettingError(
            "load takes a name or a path",
            expected='a name such as "digits", or a path',
            got=type(name).__name__,
            fix="ppgen.data.as_dataset takes tensors, arrays and data sets too",
            code="S041",
        )
    name = os.fspath(name)
    check_mode(name, binarize, dequantize)
    check_seed(seed)
    how: dict[str, Any] = {"binarize": binarize, "dequantize": dequantize, "seed": seed}
    how |= {"resize": resize, "crop": crop, "root": None if root is None else os.fspath(root)}
    if not (parts := _domains(name)):
        return apply(_load_one(name, download=download, **how), steps)
    made = {chr(97 + i): _load_one(*part, download=download, **how) for i, part in enumerate(parts)}
    places = [str(own.spec["name"]) for own in made.values()][: 1 if parts[0][1] else None]  # or two in one folder
    spec = {"name": "+".join(places), **how}
    return apply(dataclasses.replace(join_domains(made), spec=spec), steps)


def _load_one(
    name: str,
    letter: str = "",
    *,
    binarize: str | None,
    dequantize: bool,
    seed: int,
    resize: int | None,
    crop: int | None,
    download: bool,
    root: str | None,
) -> Dataset:
    """One data set of :func:`load`; ``letter`` is that of a domain in a folder of several."""
    is_path = name not in CATALOGUE and _is_path(name)
    default = None if is_path or dequantize else entry(name).binarize
    chosen = default if binarize == "default" else binarize
    settings: dict[str, Any] = {"binarize": chosen, "dequantize": dequantize, "seed": seed}
    if is_path:
        path = Path(name).expanduser()
        loaded, resize = _from_path(path, settings, resize, crop, letter)
        spec = {"name": str(path.resolve()), **settings}
    else:
        source = _READERS[entry(name).name](data_root(root), download, seed)
        if resize is not None or crop is not None:
            source = dataclasses.replace(source, splits=_resized(source, resize, crop, name))
        loaded, spec = with_protocol(source, name=name, **settings), {"name": name, **settings}
        spec |= {} if root is None else {"root": root}
    spec |= {key: side for key, side in (("resize", resize), ("crop", crop)) if side is not None}
    return dataclasses.replace(loaded, spec=spec)


def as_dataset(data: Any) -> Dataset:
    """Whatever a user may pass as ``data``, as a data set.

    Args:
        data: a :class:`~ppgen.data.Dataset` (returned as it is), a name or path (see :func:`ppgen.data.load`), or
            tensors, arrays, sequences, a DataFrame or a ``torch.utils.data.Dataset`` (see
            :func:`ppgen.data.from_tensors`).

    Raises:
        DataError: for anything else.

    Example:
        >>> as_dataset("digits").size("test")
        360
    """
    if isinstance(data, Dataset):
        return data
    if isinstance(data, str | os.PathLike):
        return load(data)
    return from_tensors(data)


@checked
def as_batch(data: Any, like: Dataset | None = None) -> dict[str, Tensor]:
    """Tensors, arrays or tables as one whole batch, validated and cast as a data set would, without any split.

    Args:
        data: as :func:`as_dataset` takes them, but no name; a :class:`~ppgen.data.Dataset` means its test split.
        like: the data set that the batch belongs beside: text becomes the numbers of *its* classes, and shorter
            sequences get room for as many steps. Without it, text is refused: nobody would know its numbers.

    Returns:
        Tensors [N, ...] by site and covariate.

    Raises:
        DataError: for data that cannot be used, and for text that is no class of ``like``.

    Example:
        >>> as_batch(torch.zeros(3, 2, dtype=torch.uint8))["x"].dtype
        torch.float32
    """
    if isinstance(data, Dataset):
        return data.split("test")
    floats = torch.get_default_dtype()
    table = read_frames(data, {} if like is None else like.categories)
    train = {} if like is None else like.splits["train"]
    rooms = {key: t.shape[1] for key, t in train.items() if lengths_of(key, train) is not None}
    columns = pad_alike({"": to_columns(table.arrays)}, rooms)[""]
    return {key: t.to(floats) if t.dtype == torch.uint8 else t for key, t in columns.items()}


def _resized(source: Source, resize: int | None, crop: int | None, name: str) -> Mapping[str, Mapping[str, Tensor]]:
    if source.bits and resize is not None:
        raise SettingError(
            f"{name}: bits that are scaled are no bits any more",
            expected="images of grey levels",
            got=f"resize={resize}",
            fix="leave resize out",
            code="S167",
        )
    return resize_splits(source.splits, source.key, crop, resize, name=name)


def _domains(name: str) -> list[tuple[str, str]]:
    """The unpaired domains that a name holds, each a name or path, and its letter within that; empty for one alone."""
    if name not in CATALOGUE and user_files.holds_domains(Path(name).expanduser()):
        return [(name, letter) for letter in user_files.LETTERS]
    parts = name.split("+")
    are_known = all(part in CATALOGUE or os.path.exists(os.path.expanduser(part)) for part in parts)
    return [(part, "") for part in parts] if len(parts) > 1 and are_known and not os.path.exists(name) else []


def _is_path(name: str) -> bool:
    return Path(name).suffix in user_files.SUFFIXES or os.sep in name or "/" in name or os.path.isdir(name)


def _from_path(
    path: Path, settings: Mapping[str, Any], resize: int | None, crop: int | None, letter: str
) -> tuple[Dataset, int | None]:
    """The data set, and what its images were scaled to, if they were: asked for or not."""
    if not path.exists():
        raise missing("data", path, fix="check the path; names are listed by: ppgen list datasets")
    if not path.is_dir():
        arrays = user_files.read_table(path) if path.suffix == ".csv" else user_files.read_arrays(path)
        if resize is not None or crop is not None:
            arrays = split_columns(arrays, seed=settings["seed"])
            arrays = resize_splits(arrays, main_site(arrays["train"]), crop, resize, name=path.stem)
        return from_tensors(arrays, name=path.stem, **settings), resize
    read = read_pairs if holds_pairs(path) else user_files.read_folder
    pictures, resize = read(path, resize=resize, crop=crop, letter=letter)
    splits = split_columns(pictures, seed=settings["seed"])
    black_and_white = all(bool(((part["x"] == 0) | (part["x"] == 255)).all()) for part in splits.values())
    if black_and_white:
        splits = {split: {**part, "x": part["x"] // 255} for split, part in splits.items()}
    source = Source(splits, num_classes=class_counts(splits), bits="black and white images" if black_and_white else "")
    return with_protocol(source, name=f"{path.name}{letter}", **settings), resize
