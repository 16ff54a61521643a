"""The user's own files: folders of images, and arrays that are read without pickle, so that nothing is executed."""

from __future__ import annotations

import keyword
import os
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ppgen.arguments import physical_memory, whole_number
from ppgen.data.picture_sizes import common_size, fitted_picture
from ppgen.data.roots import missing, reading
from ppgen.errors import DataError

__all__ = ["LETTERS", "SUFFIXES", "holds_domains", "picture_files", "read_arrays", "read_folder", "read_table"]

SUFFIXES = (".npy", ".npz", ".csv")

LETTERS = ("A", "B")
_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm"}
_NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*")
_SPLITS = {"train": "train", "valid": "valid", "val": "valid", "test": "test"}


def holds_domains(folder: Path) -> bool:
    """Whether a folder holds two unpaired domains: pictures in ``trainA`` and ``trainB``.

    Args:
        folder: where to look.
    """
    return all(os.path.isdir(folder / f"train{letter}") for letter in LETTERS)  # no error where a name is too long


def read_folder(
    folder: Path, resize: int | None = None, crop: int | None = None, letter: str = ""
) -> tuple[dict[str, dict[str, Tensor]], int | None]:
    """Read a folder of images; of images that differ in size, squares of the shortest side, at most 64 pixels.

    ``folder/*.png`` gives ``x`` alone. ``folder/CLASS/*.png`` gives labels ``y`` too, the classes numbered by the
    order of their names. Sub-folders called train, valid (or val) and test, among them train, are splits, each of
    either form.

    Args:
        folder: where to look. Files that are no images by their suffix, and hidden ones, are passed over.
        resize: the side of the squares that all images become, see :func:`ppgen.data.load`.
        crop: the side of the central square that is cut out before.
        letter: of the domain ``"A"`` to be read of a folder with ``trainA`` and ``trainB``; empty for all of another.

    Returns:
        ``{"train": {"x": uint8 [N, C, H, W], "y": int64 [N]}, ...}``, with C = 1 if every image is grey,
        else 3 (red, green, blue; transparency is dropped).
        A folder without splits has the one key ``"train"``. And the side that they were scaled to, or ``None``.

    Raises:
        DataError: if there is no image, or an image cannot be read.
        SettingError: if an image is smaller than the cut.
    """
    if not folder.is_dir():
        raise missing("folder of images", folder, fix="check the path")
    with reading(
        "folder of images", folder, expected="a folder that may be read, and stays as it is", fix="chmod -R u+rX FOLDER"
    ):
        names = sorted(child.name for child in folder.iterdir() if child.is_dir() and not child.name.startswith("."))
        splits = {f"{name}{letter}": split for name, split in _SPLITS.items()}
        is_split = f"train{letter}" in names and (bool(letter) or set(names) <= set(splits))
        own = [name for name in names if name in splits]
        places = {splits[name]: folder / name for name in own} if is_split else {"train": folder}
        files = {split: picture_files(place) for split, place in places.items()}
    every = [file for labelled in files.values() for file, _ in labelled]
    if not every:
        raise DataError(
            f"{folder} has no images",
            expected=f"files that end in {', '.join(sorted(_SUFFIXES))}, or sub-folders of them, one a class",
            got="none",
            fix="check the path",
            code="D044",
        )
    headers = [_header(file) for file in every]
    mode = "L" if all(mode in ("1", "L", "LA") for mode, _ in headers) else "RGB"
    classes = sorted({label for labelled in files.values() for _, label in labelled if label})
    sizes = [size for _, size in headers]
    if crop is not None:
        crop = whole_number(f"{folder.name}: crop", crop, at_most=min(map(min, sizes)))
        sizes = [(crop, crop)] * len(sizes)
    resize = common_size(sizes) if resize is None else whole_number(f"{folder.name}: resize", resize)
    size = sizes[0] if resize is None else (resize, resize)
    return {split: _columns(own, mode, size, classes, resize, crop) for split, own in files.items()}, resize


def picture_files(folder: Path) -> list[tuple[Path, str]]:
    """Images in the order of their names, each with that of its class, empty where there are no sub-folders.

    Args:
        folder: where to look.

    Raises:
        DataError: if some are in sub-folders and some are not.
    """
    images = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in _SUFFIXES]
    inside = [(path, path.relative_to(folder).parts) for path in images]
    shown = [(path, parts) for path, parts in inside if not any(part.startswith(".") for part in parts)]
    found = [(path, parts[0] if len(parts) > 1 else "") for path, parts in shown]
    loose = [path for path, label in found if not label]
    if loose and len(loose) < len(found):
        raise DataError(
            f"{folder}: some images are in sub-folders and some are not",
            expected="all or none",
            got=f"{loose[0].name} lies outside",
            fix="move it into the folder of its class",
            code="D046",
        )
    return found


def _columns(
    labelled: list[tuple[Path, str]],
    mode: str,
    size: tuple[int, int],
    classes: list[str],
    resize: int | None,
    crop: int | None,
) -> dict[str, Tensor]:
    from PIL import ImageOps

    pixels = np.empty((len(labelled), size[1], size[0], len(mode)), dtype=np.uint8)
    for row, (path, _) in enumerate(labelled):
        with _image(path) as image:
            upright = ImageOps.exif_transpose(image) if _orientation(image) > 1 else image
            pixels[row] = np.asarray(fitted_picture(upright.convert(mode), crop, resize)).reshape(pixels.shape[1:])
    columns = {"x": torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)))}
    if classes:
        columns["y"] = torch.tensor([classes.index(label) for _, label in labelled], dtype=torch.int64)
    return columns


def _header(path: Path) -> tuple[str, tuple[int, int]]:
    """Mode and size as it is shown, read without decoding the pixels."""
    with _image(path) as image:
        if image.mode.startswith(("I", "F")) or _is_deep(image):
            raise ValueError(f"mode {image.mode}: more than 8 bits a channel")
        return image.mode, image.size if _orientation(image) < 5 else image.size[::-1]


def _orientation(image: Any) -> int:
    """How a camera was held, 1 to 8 as EXIF counts: 1 is upright, and from 5 on width and height are exchanged."""
    if "exif" not in image.info and image.format != "TIFF":  # to look for it farther on would decode a PNG
        return 1
    orientation = image.getexif().get(0x0112, 1)
    if image.format != "TIFF":
        return orientation if orientation in range(1, 9) else 1
    if orientation in range(5, 9):
        raise ValueError("a TIFF that lies on its side, whose lines pillow mixes up")
    return 1  # pillow turns the others by itself


def _is_deep(image: Any) -> bool:
    """Whether pillow would cut 16 bits a channel to 8, which it does in silence for colours: what its decoder reads."""
    words = [word for tile in image.tile for word in (tile[3] if isinstance(tile[3], tuple) else (tile[3],))]
    levels = [word for word in words if isinstance(word, int)] if image.format == "PPM" else []
    return any(isinstance(word, str) and ";16" in word for word in words) or any(level > 255 for level in levels)


@contextmanager
def _image(path: Path) -> Iterator[Any]:
    from PIL import Image

    whole = "an undamaged image of 8 bits a channel"
    with reading("image", path, expected=whole, fix="remove or replace the file"):
        _refuse_special(path)
        with Image.open(path) as image:
            yield image


def _refuse_special(path: Path) -> None:
    """Refuse pipes and devices: who opens a pipe waits for a writer, who may never come."""
    if path.exists() and not path.is_file():
        raise ValueError("no regular file, but a folder, a pipe or a device")


def read_arrays(path: Path) -> dict[str, Any]:
    """What a file holds, in the form that :func:`ppgen.data.from_tensors` takes.

    A ``.npy`` is ``x``. The arrays of a ``.npz`` are named by site and covariate; one array alone is ``x``, whatever
    its name; ``x_train, y_train, x_test, y_test`` (and ``x_valid``) are splits, as are ``train_images, train_labels,
    val_images`` .. and arrays called ``train``, ``valid`` and ``test``.

    Raises:
        DataError: if the file is missing, damaged, or holds pickled objects.
    """
    numeric = "an undamaged file of numeric arrays (objects are pickles, which can run code, and are never loaded)"
    numbers = "numpy.savez(path, x=x.astype('float32'), y=y.astype('int64'))"
    # The file is opened here, since numpy leaves a damaged archive open, and read as what its suffix says, since
    # numpy.load takes whatever it does not know for a pickle.
    with reading("array file", path, expected=numeric, fix=numbers):
        _refuse_special(path)
        with path.open("rb") as file:
            if path.suffix == ".npy":
                return {"x": np.lib.format.read_array(file, allow_pickle=False)}
            if path.suffix != ".npz":
                raise ValueError(f"the suffix {path.suffix or 'is missing'} is neither .npy nor .npz")
            unpacked = sum(int(entry.file_size) for entry in zipfile.ZipFile(file).infolist())
            if unpacked > physical_memory():
                raise ValueError(f"{unpacked} bytes when unpacked, more than the memory of this machine")
            archive = np.lib.npyio.NpzFile(file, allow_pickle=False)
            arrays = {key: archive[key] for key in archive.files}
    if splits := _splits(arrays):
        return splits
    return {"x": arrays.popitem()[1]} if len(arrays) == 1 else arrays


def _splits(arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """Arrays called SITE_SPLIT or SPLIT_SITE as ``{split: {site: array}}``; empty if any array is called otherwise."""
    splits: dict[str, Any] = {}
    for key, array in arrays.items():
        before, _, last = key.rpartition("_")
        first, _, after = key.partition("_")
        if last in _SPLITS:
            splits.setdefault(_SPLITS[last], {})[before or "x"] = array
        elif first in _SPLITS and after:
            splits.setdefault(_SPLITS[first], {})[after] = array
        else:
            return {}
    return splits


def read_table(path: Path) -> Any:
    """A ``.csv`` file as a DataFrame, its columns named so that they can name sites: ``petal length (cm)`` becomes
    ``petal_length_cm``. A first column without a name that counts the rows, as pandas writes one, is left out.

    Args:
        path: of a file with a line of names.

    Raises:
        DataError: if it is missing or damaged, or begins with numbers where the names should be.
    """
    table = "a table with a line of names, such as age,pet"
    with reading("table", path, expected=table, fix="pandas.read_csv(path), with the arguments that it takes"):
        import pandas

        line = pandas.read_csv(path, header=None, nrows=1, dtype=str, keep_default_na=False)
        first, frame = list(line.iloc[0]), pandas.read_csv(path)
        if first[0] == "" and frame.iloc[:, 0].equals(pandas.Series(range(len(frame)))):
            first, frame = first[1:], frame.iloc[:, 1:]
    if _are_numbers(first):
        raise DataError(
            f"{path.name}: the first line holds numbers, where the names of the columns stand",
            expected=table,
            got=", ".join(first),
            fix="write a line of names above it: " + ",".join(f"x{i}" for i in range(1, len(first) + 1)),
            code="D111",
        )
    frame.columns = [_identifier(str(name)) for name in frame.columns]
    return frame


def _are_numbers(names: list[str]) -> bool:
    """Whether a line has numbers in the place of names, other than the columns' own: 0, 1, 2 or 1, 2, 3."""
    counted = [[str(i + start) for i in range(len(names))] for start in (0, 1)]
    return names not in counted and all(_NUMBER.fullmatch(name) for name in names)


def _identifier(name: str) -> str:
    word = re.sub(r"\W+", "_", name).strip("_") or "column"
    return f"_{word}" if word[0].isdigit() or keyword.iskeyword(word) else word
