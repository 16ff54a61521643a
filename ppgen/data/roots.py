"""Where the files of data sets lie, and what to say when they do not."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ppgen.errors import DataError, SettingError

__all__ = ["data_root", "fetch", "missing", "reading", "torchvision_datasets"]


def data_root(root: str | os.PathLike[str] | None = None) -> Path:
    """The folder of all data files: the argument, else ``$PPGEN_DATA``, else ``~/.cache/ppgen/data``."""
    return Path(root or os.environ.get("PPGEN_DATA") or "~/.cache/ppgen/data").expanduser()


def missing(name: str, path: Path, *, fix: str | None = None) -> DataError:
    """The error for a data set whose file is not there.

    Args:
        name: of the data set.
        path: the file that was looked for.
        fix: the remedy; by default to download it, or to say where it is.
    """
    return DataError(
        f"{name}: a file is missing",
        expected=str(path),
        got="no such file",
        fix=fix or f'load("{name}", download=True), or put the file there, or set PPGEN_DATA to a folder that has it',
        code="D030",
    )


def torchvision_datasets() -> Any:
    """The module ``torchvision.datasets``, imported only when something is to be fetched or decoded with it.

    Raises:
        SettingError: if torchvision is absent, or built for another torch, with the remedy.
    """
    try:
        import torchvision.datasets
    except (ImportError, RuntimeError) as error:
        # A torchvision that was built for another torch fails with "operator torchvision::nms does not exist".
        raise SettingError(
            "torchvision cannot be imported",
            expected="a torchvision that was built for the installed torch",
            got=f"{type(error).__name__}: {error}",
            fix="pip install --force-reinstall torch torchvision, both from the same index (a CPU-only torch does not "
            "go with the torchvision of the package index)",
            code="S042",
        ) from error
    return torchvision.datasets


def fetch(name: str, root: Path, download: bool, kind: str, *, absent: Path | None = None, **options: Any) -> Any:
    """Build a torchvision data set from files in place, downloading those that are missing where that is allowed.

    Args:
        name: of the data set, for error texts.
        root: the folder that torchvision looks in.
        download: whether missing files may be downloaded.
        kind: the class of ``torchvision.datasets``.
        absent: a file that is known to be missing.
        **options: the class's arguments, such as ``train=True``.

    Returns:
        The data set of torchvision.

    Raises:
        DataError: if the files are missing or broken, or cannot be downloaded.
    """
    if absent is not None and not download:
        raise missing(name, absent)
    make = getattr(torchvision_datasets(), kind)
    logging.getLogger("ppgen").info("%s: looking in %s%s", name, root, ", downloading what is missing" * download)
    try:
        if download:
            root.mkdir(parents=True, exist_ok=True)
        return make(str(root), download=download, **options)
    except Exception as error:  # a missing file, no network, no permission, a wrong checksum, a host that is gone
        raise DataError(
            f"{name}: the download failed" if download else f"{name}: its files are missing or broken",
            expected=f"the files of torchvision's data set under {root}",
            got=f"{type(error).__name__}: {error}",
            fix="with a network, try again with download=True; without one, copy the files there, or set PPGEN_DATA to "
            'a folder that has them; data="digits" and data="sprites" need no file',
            code="D031",
        ) from error


@contextmanager
def reading(
    name: str,
    path: Path,
    *,
    expected: str = "an undamaged file of its format",
    fix: str = "delete the file and fetch it again",
) -> Iterator[None]:
    """Turn whatever a parser raises on a damaged file into a DataError that names the file.

    Args:
        name: of the data set, or the kind of file.
        path: the file.
        expected: what the file should hold.
        fix: the remedy.
    """
    try:
        yield
    except DataError:
        raise
    except FileNotFoundError as error:
        raise missing(name, path) from error
    except Exception as error:  # gzip, zlib, bz2, zipfile, numpy and PIL each have errors of their own
        raise DataError(
            f"{name}: {path} cannot be read",
            expected=expected,
            got=f"{type(error).__name__}: {error}",
            fix=fix,
            code="D032",
        ) from error
