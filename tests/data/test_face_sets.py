"""Olivetti, Frey and Yale: read from files of their formats, and otherwise a word on where these come from."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.io
import torch

import ppgen.data
from ppgen.errors import DataError


@pytest.fixture
def noise():
    return np.random.default_rng(0)


def whole(data, key="x"):
    return torch.cat([split[key] for split in data.splits.values()])


def images(pictures):
    return sorted(picture.tobytes() for picture in pictures)


def test_olivetti_is_read_upright_from_roweis_file_with_glasses_where_they_are_told(tmp_path, noise):
    upright = noise.integers(0, 242, (400, 64, 64), dtype=np.uint8)
    folder = tmp_path / "OlivettiFaces"
    folder.mkdir()
    # As in MATLAB: one picture a column, column by column.
    scipy.io.savemat(folder / "olivettifaces.mat", {"faces": upright.transpose(0, 2, 1).reshape(400, -1).T})
    data = ppgen.data.load("olivetti", root=tmp_path, download=False)
    assert data.measure == "8-bit"
    assert images(whole(data).numpy()) == images(upright)
    assert whole(data, "y").bincount().tolist() == [10] * 40
    assert "glasses" not in data.keys
    glasses = noise.integers(0, 2, 400, dtype=np.uint8)
    np.savez(folder / "olivetti_labels.npz", glasses=glasses)
    told = ppgen.data.load("olivetti", root=tmp_path, download=False)
    by_image = {picture.tobytes(): int(worn) for picture, worn in zip(upright, glasses, strict=True)}
    rows = zip(whole(told).numpy(), whole(told, "glasses").tolist(), strict=True)
    assert all(by_image[picture.tobytes()] == worn for picture, worn in rows)


def test_olivetti_from_scikit_learn_has_the_same_bytes(tmp_path, noise, monkeypatch):
    """What fetch_olivetti_faces hands over: floats that were stretched to [0, 1], as its source does."""
    import sklearn.datasets

    upright = noise.integers(0, 243, (400, 64, 64), dtype=np.uint8)
    stretched = np.float32(upright) / np.float32(242)
    handed = stretched.reshape(400, -1), np.arange(400) // 10
    monkeypatch.setattr(sklearn.datasets, "fetch_olivetti_faces", lambda **_: handed)
    assert images(whole(ppgen.data.load("olivetti", root=tmp_path, download=False)).numpy()) == images(upright)


def test_olivetti_that_is_not_there_says_where_it_goes(tmp_path):
    with pytest.raises(DataError, match=r"fix: with a network.*copy olivettifaces\.mat"):
        ppgen.data.load("olivetti", root=tmp_path, download=False)


def test_frey_is_read_as_published_and_packed(tmp_path, noise):
    frames = noise.integers(0, 256, (1965, 28, 20), dtype=np.uint8)
    folder = tmp_path / "FreyFaces"
    folder.mkdir()
    np.savez(folder / "frey_faces.npz", images=frames)
    packed = ppgen.data.load("frey", root=tmp_path)
    scipy.io.savemat(folder / "frey_rawface.mat", {"ff": frames.reshape(1965, -1).T})
    assert ppgen.data.load("frey", root=tmp_path).fingerprint() == packed.fingerprint()
    assert images(whole(packed).numpy()) == images(frames)


def test_yale_names_its_conditions(tmp_path, noise):
    folder = tmp_path / "YaleFaces"
    folder.mkdir()
    faces = noise.integers(0, 256, (30, 64, 64), dtype=np.uint8)
    subject, condition = np.arange(30) % 15 + 1, np.array(["happy", "wink"])[np.arange(30) // 15]
    np.savez(folder / "yale_faces_64x64.npz", images=faces, subject=subject, condition=condition)
    data = ppgen.data.load("yale", root=tmp_path)
    names = data.columns["condition"].categories
    found = {
        (names[c], y + 1) for c, y in zip(whole(data, "condition").tolist(), whole(data, "y").tolist(), strict=True)
    }
    assert found == set(zip(condition.tolist(), subject.tolist(), strict=True))
    np.savez(folder / "yale_faces_64x64.npz", images=faces, subject=subject + 1, condition=condition)
    with pytest.raises(DataError, match="subjects from 2 to 16"):
        ppgen.data.load("yale", root=tmp_path)


@pytest.mark.parametrize(("name", "source"), [("frey", "roweis"), ("yale", "vision.ucsd.edu")])
def test_a_set_that_is_not_there_says_where_it_comes_from(name, source, tmp_path):
    with pytest.raises(DataError, match=source):
        ppgen.data.load(name, root=tmp_path)


def test_a_damaged_file_is_named(tmp_path):
    file = tmp_path / "FreyFaces" / "frey_faces.npz"
    file.parent.mkdir()
    for content in (b"", b"nothing"):
        file.write_bytes(content)
        with pytest.raises(DataError, match=r"frey_faces\.npz cannot be read"):
            ppgen.data.load("frey", root=tmp_path)
    np.savez(file, images=np.zeros((3, 28, 20), np.uint8))
    with pytest.raises(DataError, match="not 1965 pictures"):
        ppgen.data.load("frey", root=tmp_path)
