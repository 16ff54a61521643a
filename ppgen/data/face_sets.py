"""Small published sets of grey faces, read from files: Olivetti, Frey and Yale."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ppgen.data.binarize import Source
from ppgen.data.roots import missing, reading
from ppgen.data.splitting import shuffle_split
from ppgen.errors import DataError

__all__ = ["read_frey", "read_olivetti", "read_yale"]

_OLIVETTI_WHITE = 242  # the brightest byte of the 400 pictures, which scikit-learn makes 1; the darkest is 0


def read_olivetti(root: Path, download: bool, seed: int) -> Source:
    """Read 400 pictures of 40 people, ``x`` [N, 1, 64, 64], ``y`` the person: 320 to train on, and 40 each.

    F. Samaria and A. Harter, "Parameterisation of a stochastic model for human face identification", 1994 (AT&T
    Laboratories Cambridge), in Sam Roweis's version of 64x64 pixels.

    Args:
        root: ``root/OlivettiFaces`` has ``olivettifaces.mat``, or what scikit-learn made of it. With
            ``olivetti_labels.npz`` beside it (an array ``glasses`` [400] of 0 and 1), there is a column ``glasses``.
        download: fetch missing files through scikit-learn.
        seed: of the split.
    """
    folder = root / "OlivettiFaces"
    file = folder / "olivettifaces.mat"
    images = _mat(file, "faces", "olivetti") if file.is_file() else _from_scikit_learn(folder, download)
    columns = {"x": _images("olivetti", file, images.reshape(-1, 64, 64).transpose(0, 2, 1), 400)}
    columns["y"] = torch.arange(400) // 10
    classes = {"y": 40}
    if (labels := folder / "olivetti_labels.npz").is_file():
        columns["glasses"] = torch.from_numpy(_npz("olivetti", labels)["glasses"].astype(np.int64))
        classes["glasses"] = 2
    return Source(shuffle_split(columns, 40, 40, seed), num_classes=classes)


def _from_scikit_learn(folder: Path, download: bool) -> np.ndarray:
    from sklearn.datasets import fetch_olivetti_faces

    try:
        if download:
            folder.mkdir(parents=True, exist_ok=True)
        faces, _ = fetch_olivetti_faces(
            data_home=str(folder), download_if_missing=download, n_retries=1, delay=0.1, return_X_y=True
        )
    except Exception as error:  # no file, no network, no permission, a wrong checksum
        raise DataError(
            "olivetti: the faces are not there" + ", and the download failed" * download,
            expected=f"olivettifaces.mat, or what scikit-learn makes of it, in {folder}",
            got=f"{type(error).__name__}: {error}",
            fix="with a network, load with download=True; without one, copy olivettifaces.mat (from "
            "https://cs.nyu.edu/~roweis/data.html) there, or set PPGEN_DATA to the folder that has OlivettiFaces",
            code="D095",
        ) from error
    return (_OLIVETTI_WHITE * np.asarray(faces)).round().astype(np.uint8).reshape(-1, 64, 64).transpose(0, 2, 1)


def read_frey(root: Path, download: bool, seed: int) -> Source:
    """Read 1965 frames of one face, ``x`` [N, 1, 28, 20]: 1565 to train on, and 200 each.

    By Brendan Frey, published by Sam Roweis; split in these numbers by J. Tomczak and M. Welling, "VAE with a
    VampPrior", 2018 (arXiv 1705.07120).

    Args:
        root: ``root/FreyFaces`` has ``frey_rawface.mat`` as it was published (``ff`` [560, 1965]), or
            ``frey_faces.npz`` (``images`` [1965, 28, 20]).
        download: not used: its host has no checksums, so that the file is the user's to fetch.
        seed: of the split.
    """
    raw, packed = (root / "FreyFaces" / name for name in ("frey_rawface.mat", "frey_faces.npz"))
    if not (raw.is_file() or packed.is_file()):
        raise missing("frey", raw, fix="copy frey_rawface.mat there, from https://cs.nyu.edu/~roweis/data.html")
    file = raw if raw.is_file() else packed
    images = _mat(raw, "ff", "frey").reshape(-1, 28, 20) if file is raw else _npz("frey", packed)["images"]
    x = _images("frey", file, images, 1965)
    return Source(shuffle_split({"x": x}, 200, 200, seed))


_CONDITIONS = (
    "centerlight", "glasses", "happy", "leftlight", "noglasses", "normal", "rightlight", "sad", "sleepy", "surprised",
    "wink",
)  # fmt: skip


def read_yale(root: Path, download: bool, seed: int) -> Source:
    """Read the Yale faces, cropped, ``x`` [N, 1, 64, 64], ``y`` the person of 15 and ``condition`` one of 11.

    A tenth each of the pictures for valid and test. P. Belhumeur, J. Hespanha and D. Kriegman, "Eigenfaces vs.
    Fisherfaces", 1997; for research that is not commercial.

    Args:
        root: ``root/YaleFaces`` has ``yale_faces_64x64.npz``: ``images`` [N, 64, 64] uint8, ``subject`` [N] from 1 to
            15, ``condition`` [N] in words.
        download: not used: the pictures are to be asked for, and cropped.
        seed: of the split.
    """
    file = root / "YaleFaces" / "yale_faces_64x64.npz"
    if not file.is_file():
        raise missing(
            "yale",
            file,
            fix="from http://vision.ucsd.edu/content/yale-face-database, crop and reduce the pictures to 64x64, and "
            "numpy.savez(file, images=uint8 [N, 64, 64], subject=[N] from 1, condition=[N] in words)",
        )
    arrays = _npz("yale", file)
    with reading("yale", file):
        x = _images("yale", file, arrays["images"], len(arrays["images"]))
        y = torch.from_numpy(arrays["subject"].astype(np.int64)) - 1
        condition = torch.tensor([_CONDITIONS.index(word) for word in arrays["condition"].tolist()])
        if not 0 <= int(y.min()) <= int(y.max()) < 15 or not len(x) == len(y) == len(condition):
            raise ValueError(f"{len(x)} images, {len(y)} subjects from {int(y.min()) + 1} to {int(y.max()) + 1}")
    splits = shuffle_split({"x": x, "y": y, "condition": condition}, len(x) // 10, len(x) // 10, seed)
    return Source(splits, num_classes={"y": 15, "condition": 11}, categories={"condition": _CONDITIONS})


def _mat(path: Path, key: str, name: str) -> np.ndarray:
    """The columns of a matrix, one picture a row."""
    from scipy.io import loadmat

    with reading(name, path):
        return np.ascontiguousarray(loadmat(str(path))[key].T)


def _npz(name: str, path: Path) -> dict[str, np.ndarray]:
    with reading(name, path), path.open("rb") as opened:
        return dict(np.load(opened, allow_pickle=False))


def _images(name: str, path: Path, images: np.ndarray, num: int) -> Tensor:
    with reading(name, path):
        if images.dtype != np.uint8 or images.ndim != 3 or len(images) != num:
            raise ValueError(f"{images.dtype} {list(images.shape)}, not {num} pictures of bytes")
        return torch.from_numpy(np.ascontiguousarray(images)[:, None])
