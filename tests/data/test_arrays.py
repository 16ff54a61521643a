"""Array files of the user: names become sites, nothing is executed, and damage is named."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import ppgen.data
from ppgen.errors import DataError

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(30, 4)), RNG.integers(0, 3, 30)


def test_npy_is_x(tmp_path):
    np.save(tmp_path / "mine.npy", X)
    data = ppgen.data.load(tmp_path / "mine.npy")
    assert (data.name, data.keys, data.measure) == ("mine", ("x",), "continuous")
    assert sum(data.size(split) for split in data.splits) == 30


def test_npz_names_are_sites(tmp_path):
    np.savez(tmp_path / "mine.npz", x=X, y=Y)
    data = ppgen.data.as_dataset(str(tmp_path / "mine.npz"))
    assert data.keys == ("x", "y")
    assert data.num_classes == {"y": 3}


def test_an_only_array_is_x_whatever_its_name(tmp_path):
    np.savez(tmp_path / "mine.npz", images=X)
    assert ppgen.data.load(tmp_path / "mine.npz").keys == ("x",)


@pytest.mark.parametrize("names", [("x_train", "x_valid", "x_test"), ("train", "valid", "test")])
def test_splits_in_the_names_are_kept(tmp_path, names):
    np.savez(tmp_path / "mine.npz", **{name: X[i * 10 : (i + 1) * 10] for i, name in enumerate(names)})
    data = ppgen.data.load(tmp_path / "mine.npz")
    assert torch.equal(data.split("test")["x"], torch.from_numpy(X[20:]).float())


def test_sites_and_splits_in_the_names(tmp_path):
    np.savez(tmp_path / "mine.npz", x_train=X[:20], y_train=Y[:20], x_test=X[20:], y_test=Y[20:])
    data = ppgen.data.load(tmp_path / "mine.npz")
    assert [data.size(split) for split in data.splits] == [18, 2, 10]


@pytest.mark.parametrize("option", [{"binarize": "static"}, {"binarize": "dynamic"}, {"dequantize": True}, {}])
def test_the_spec_builds_it_again_from_any_folder(tmp_path, monkeypatch, option):
    monkeypatch.chdir(tmp_path)
    np.save("mine.npy", RNG.integers(0, 256, (30, 1, 4, 4), dtype=np.uint8))
    data = ppgen.data.load("mine.npy", seed=5, **option)
    monkeypatch.chdir("/")
    again = ppgen.data.load(**data.spec)
    assert (again.fingerprint(), again.measure) == (data.fingerprint(), data.measure)


class Trap:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was executed",))


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_pickles_are_refused_and_never_run(tmp_path, suffix):
    save = np.save if suffix == ".npy" else np.savez
    save(tmp_path / f"mine{suffix}", np.array([Trap()], dtype=object))
    with pytest.raises(DataError, match="holds Python objects"):
        ppgen.data.load(tmp_path / f"mine{suffix}")


@pytest.mark.parametrize(
    ("file", "content", "told"),
    [
        ("a.npy", b"", "starts with nothing"),
        ("a.npy", b"garbage that is long enough", "cannot be read"),
        ("a.npy", b"\x80\x04N.", "no file of numpy's"),
        ("a.npz", b"PK\x03\x04 cut", "cannot be read"),
        ("a.csv", b"1,2\n", "neither .npy nor .npz"),
    ],
)
def test_damaged_and_foreign_files_are_refused(tmp_path, file, content, told):
    (tmp_path / file).write_bytes(content)
    with pytest.raises(DataError, match=told):
        ppgen.data.load(tmp_path / file)


def test_a_truncated_file_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", X)
    whole = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(whole[:-8])
    with pytest.raises(DataError, match="cannot be read"):
        ppgen.data.load(tmp_path / "a.npy")


def test_an_empty_archive_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz")
    with pytest.raises(DataError, match="no columns"):
        ppgen.data.load(tmp_path / "a.npz")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"expected: .*nowhere.npz\n  got: no such file"):
        ppgen.data.load(tmp_path / "nowhere.npz")
