"""Rows of a user's own, in their order and in the form of the data that they are held against."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import ppgen
from ppgen.data import Dataset, from_tensors, own_rows
from ppgen.errors import DataError


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """A data set of 8-bit images from a folder."""
    folder = tmp_path_factory.mktemp("faces")
    pixels = np.random.default_rng(0).integers(256, size=(20, 9, 9), dtype=np.uint8)
    for row, image in enumerate(pixels):
        Image.fromarray(image).save(folder / f"{row:02d}.png")
    return ppgen.data.load(folder)


def test_a_folder_keeps_its_order_and_its_names(faces: Dataset, tmp_path: Path) -> None:
    pixels = np.arange(3, dtype=np.uint8)[:, None, None] * 100 + np.arange(81, dtype=np.uint8).reshape(9, 9) % 50
    for name, image in zip(("b", "a", "c"), pixels, strict=True):
        Image.fromarray(image).save(tmp_path / f"{name}.png")
    names, rows = own_rows(tmp_path, faces)
    assert names == ["a.png", "b.png", "c.png"]
    assert torch.equal(rows["x"], torch.from_numpy(pixels[[1, 0, 2], None]).float() / 255)


def test_bytes_are_seen_as_the_own_ones_are(faces: Dataset, tmp_path: Path) -> None:
    stored = faces.splits["test"]["x"]
    np.save(tmp_path / "again.npy", stored.numpy())
    assert torch.equal(own_rows(tmp_path / "again.npy", faces)[1]["x"], faces.split("test")["x"])
    np.save(tmp_path / "seen.npy", faces.split("test")["x"].numpy())
    assert torch.equal(own_rows(tmp_path / "seen.npy", faces)[1]["x"], faces.split("test")["x"])


def test_a_larger_image_is_scaled_as_the_own_are(faces: Dataset, tmp_path: Path) -> None:
    Image.fromarray(np.full((18, 18), 51, np.uint8)).save(tmp_path / "large.png")
    assert torch.equal(own_rows(tmp_path, faces)[1]["x"], torch.full((1, 1, 9, 9), 0.2))


def test_a_table_and_a_name(tmp_path: Path) -> None:
    data = from_tensors(torch.randn(30, 2))
    np.savez(tmp_path / "table.npz", x=np.arange(8.0).reshape(4, 2))
    names, rows = own_rows(tmp_path / "table.npz", data)
    assert (names, rows["x"].tolist()) == (["0", "1", "2", "3"], [[0, 1], [2, 3], [4, 5], [6, 7]])
    digits = ppgen.data.load("digits")
    names, rows = own_rows("digits", digits)
    assert torch.equal(rows["x"], digits.split("test")["x"])
    assert len(names) == 360


def test_grey_levels_are_no_bits(tmp_path: Path) -> None:
    np.save(tmp_path / "grey.npy", np.full((2, 1, 8, 8), 200, np.uint8))
    with pytest.raises(DataError, match=r"(?s)values up to 200.*end at 1.*static bits"):
        own_rows(tmp_path / "grey.npy", ppgen.data.load("digits"))


def test_what_is_not_there_or_already_split_is_refused(faces: Dataset, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere"):
        own_rows(tmp_path / "nowhere", faces)
    for split in ("train", "test"):
        (tmp_path / split).mkdir()
        Image.fromarray(np.zeros((9, 9), np.uint8)).save(tmp_path / split / "0.png")
    with pytest.raises(DataError, match="holds splits"):
        own_rows(tmp_path, faces)
