"""USPS in libsvm's text form, written here and read back."""

from __future__ import annotations

import bz2

import numpy as np
import pytest
import torch

import ppgen.data
from ppgen.errors import DataError


def lines(values, labels):
    rows = (
        f"{label + 1} " + " ".join(f"{i}:{value:.6f}" for i, value in enumerate(row, 1))
        for row, label in zip(values, labels, strict=True)
    )
    return "\n".join(rows).encode()


@pytest.fixture
def root(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "USPS").mkdir()
    for file, rows in (("usps.bz2", 40), ("usps.t.bz2", 10)):
        values = rng.uniform(-1, 1, (rows, 256))
        values[:, :3] = [-1.0, 0.0, 1.0]
        (tmp_path / "USPS" / file).write_bytes(bz2.compress(lines(values, np.arange(rows) % 10)))
    return tmp_path


def test_values_become_bytes_and_labels_start_at_zero(root):
    data = ppgen.data.load("usps", binarize=None, root=root, download=False)
    assert data.x_shape == (1, 16, 16)
    assert [data.size(split) for split in data.splits] == [30, 10, 10]
    assert torch.equal(data.splits["test"]["y"], torch.arange(10))
    assert data.splits["test"]["x"][:, 0, 0, :3].unique(dim=0).tolist() == [[0, 127, 255]]


@pytest.mark.parametrize(
    "content",
    [
        b"not bz2",
        bz2.compress(b"1 1:0.5 2:0.5"),
        bz2.compress(lines(np.zeros((2, 256)), [3, 10])),
        bz2.compress(lines(np.full((2, 256), 1.5), [3, 4])),
        bz2.compress(lines(np.zeros((2, 256)), [3, 4]).replace(b" 7:", b" 8:")),
        bz2.compress(lines(np.full((2, 256), np.nan), [3, 4])),
    ],
)
def test_a_damaged_file_is_refused(root, content):
    (root / "USPS" / "usps.bz2").write_bytes(content)
    with pytest.raises(DataError, match=r"usps: .*usps.bz2 cannot be read"):
        ppgen.data.load("usps", root=root, download=False)


def test_a_missing_file_is_named(root):
    (root / "USPS" / "usps.t.bz2").unlink()
    with pytest.raises(DataError, match=r"usps: a file is missing\n  expected: .*usps.t.bz2"):
        ppgen.data.load("usps", root=root, download=False)
