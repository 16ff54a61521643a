"""The user's own files: folders of images, and arrays that are read without pickle, so that nothing is executed."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import ppgen.data
from ppgen.errors import DataError, SettingError

RNG = np.random.default_rng(0)


def write(path, shape=(4, 5), value=None, mode=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = RNG.integers(1, 255, shape, dtype=np.uint8) if value is None else np.full(shape, value, np.uint8)
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path)
    return pixels


def test_grey_images_have_one_channel_and_all_their_values(tmp_path):
    written = {write(tmp_path / f"{i}.png").tobytes() for i in range(20)}
    data = ppgen.data.load(tmp_path)
    assert (data.keys, data.x_shape, data.measure) == (("x",), (1, 4, 5), "8-bit")
    assert {image.numpy().tobytes() for columns in data.splits.values() for image in columns["x"]} == written
    assert torch.equal(data.split()["x"], data.splits["test"]["x"] / 255)


def test_sub_folders_are_classes_in_the_order_of_their_names(tmp_path):
    for i in range(10):
        write(tmp_path / "dog" / f"{i}.png", value=200)
        write(tmp_path / "cat" / f"{i}.png", value=100)
    data = ppgen.data.load(tmp_path)
    assert data.num_classes == {"y": 2}
    for columns in data.splits.values():
        assert torch.equal(columns["x"][:, 0, 0, 0], torch.where(columns["y"] == 1, 200, 100).to(torch.uint8))


def test_one_colour_image_makes_all_of_them_colour(tmp_path):
    for i in range(9):
        write(tmp_path / f"{i}.png", value=i + 1)
    write(tmp_path / "9.bmp", (4, 5, 3), value=10)
    write(tmp_path / "rgba.png", (4, 5, 4))
    write(tmp_path / "palette.png", (4, 5, 3), mode="P")
    data = ppgen.data.load(tmp_path, binarize="threshold")
    assert data.x_shape == (3, 4, 5)
    assert data.measure == "binary"


def test_black_and_white_images_are_binary(tmp_path):
    for i in range(10):
        write(tmp_path / f"{i}.png", value=255 * (i % 2), mode="1")
    data = ppgen.data.load(tmp_path)
    assert data.measure == "binary"
    assert set(data.split("train")["x"].unique().tolist()) == {0.0, 1.0}


def test_splits_on_disk_are_kept_with_one_numbering_of_classes(tmp_path):
    for i in range(4):
        write(tmp_path / "train" / "b" / f"{i}.png")
        write(tmp_path / "train" / "c" / f"{i}.png")
        write(tmp_path / "val" / "c" / f"{i}.png")
        write(tmp_path / "test" / "a" / f"{i}.png")
    data = ppgen.data.load(tmp_path)
    assert [data.size(split) for split in data.splits] == [8, 4, 4]
    assert data.splits["valid"]["y"].tolist() == [2] * 4
    assert data.splits["test"]["y"].tolist() == [0] * 4


def test_the_spec_builds_it_again(tmp_path):
    for i in range(20):
        write(tmp_path / f"{i}.png")
    data = ppgen.data.load(tmp_path, binarize="static", seed=2)
    assert ppgen.data.load(**data.spec).fingerprint() == data.fingerprint()


def test_hidden_files_and_other_files_are_passed_over(tmp_path):
    for i in range(10):
        write(tmp_path / f"{i}.png")
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "._0.png").write_bytes(b"not an image")
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "0.png").write_bytes(b"not an image")
    assert sum(ppgen.data.load(tmp_path).size(split) for split in ("train", "valid", "test")) == 10


def test_no_images_are_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(DataError, match=r"has no images(.|\n)*\.png"):
        ppgen.data.load(tmp_path)


def test_images_of_differing_size_become_squares_of_the_shortest_side(tmp_path):
    for i in range(10):
        write(tmp_path / f"{i}.png", (12 + i, 9 + 2 * i))
    assert ppgen.data.load(tmp_path).x_shape == (1, 9, 9)
    larger = ppgen.data.load(tmp_path, resize=11)
    assert larger.x_shape == (1, 11, 11)
    assert ppgen.data.load(**larger.spec).fingerprint() == larger.fingerprint()
    assert ppgen.data.load(tmp_path, crop=5).x_shape == (1, 5, 5)
    with pytest.raises(SettingError, match=r"crop is out of range\n  expected: a whole number from 1 to 9"):
        ppgen.data.load(tmp_path, crop=10)


def test_a_square_is_the_middle_of_a_picture(tmp_path):
    pixels = {i: write(tmp_path / f"{i}.png", (6, 9)) for i in range(10)}
    found = ppgen.data.load(tmp_path, crop=4)
    middles = {each[1:5, 2:6].tobytes() for each in pixels.values()}
    assert {x.numpy().tobytes() for part in found.splits.values() for x in part["x"]} == middles


def test_a_damaged_image_is_named(tmp_path):
    for i in range(5):
        write(tmp_path / f"{i}.png", (40, 50))
    Image.fromarray(np.zeros((4, 5), dtype=np.uint16)).save(tmp_path / "0.png")
    with pytest.raises(DataError, match="more than 8 bits"):
        ppgen.data.load(tmp_path)
    (tmp_path / "0.png").unlink()
    (tmp_path / "3.png").write_bytes(b"not an image")
    with pytest.raises(DataError, match=r"image: .*3.png cannot be read"):
        ppgen.data.load(tmp_path)
    (tmp_path / "3.png").write_bytes((tmp_path / "2.png").read_bytes()[:200])
    with pytest.raises(DataError, match=r"image: .*3.png cannot be read"):
        ppgen.data.load(tmp_path)


def test_loose_images_beside_classes_are_refused(tmp_path):
    write(tmp_path / "cat" / "a.png")
    write(tmp_path / "loose.png")
    with pytest.raises(DataError, match=r"got: loose.png lies outside"):
        ppgen.data.load(tmp_path)


X, Y = RNG.normal(size=(30, 4)), RNG.integers(0, 3, 30)


@pytest.mark.parametrize(("arrays", "keys"), [({"x": X, "y": Y}, ("x", "y")), ({"images": X}, ("x",))])
def test_names_of_arrays_are_sites_and_an_only_one_is_x(tmp_path, arrays, keys):
    np.savez(tmp_path / "mine.npz", **arrays)
    data = ppgen.data.as_dataset(str(tmp_path / "mine.npz"))
    assert (data.name, data.keys, data.measure) == ("mine", keys, "continuous")
    assert data.num_classes == ({"y": 3} if "y" in keys else {})
    assert sum(data.size(split) for split in data.splits) == 30


@pytest.mark.parametrize("site", ["x_", ""])
def test_splits_in_the_names_are_kept(tmp_path, site):
    labels = {"y_train": Y[:20], "y_test": Y[20:]} if site else {}
    np.savez(tmp_path / "mine.npz", **{f"{site}train": X[:20], f"{site}test": X[20:]}, **labels)
    data = ppgen.data.load(tmp_path / "mine.npz")
    assert [data.size(split) for split in data.splits] == [18, 2, 10]
    assert torch.equal(data.split("test")["x"], torch.from_numpy(X[20:]))


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
    with pytest.raises(DataError, match=r"(?s)cannot be read.*pickles"):
        ppgen.data.load(tmp_path / f"mine{suffix}")


@pytest.mark.parametrize(
    ("file", "content", "told"),
    [
        ("a.npy", b"", "cannot be read"),
        ("a.npy", b"\x80\x04N. and more", "magic string is not correct"),
        ("a.npz", b"PK\x03\x04 cut", "not a zip file"),
        ("a.csv", b"", "No columns to parse"),
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


def png_of_16_bits(colour: int, channels: int) -> bytes:
    """Four by four black pixels of 16 bits a channel, by the chunks of the format: pillow writes none in colour."""
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", 4, 4, 16, colour, 0, 0, 0)),
        (b"IDAT", zlib.compress((b"\0" + bytes(2 * channels * 4)) * 4)),
        (b"IEND", b""),
    ]
    ends = (struct.pack(">I", len(b)) + a + b + struct.pack(">I", zlib.crc32(a + b)) for a, b in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(ends)


@pytest.mark.parametrize(("colour", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_sixteen_bits_a_channel_are_never_cut_to_eight(tmp_path: Path, colour: int, channels: int) -> None:
    (tmp_path / "a.png").write_bytes(png_of_16_bits(colour, channels))
    with pytest.raises(DataError, match="more than 8 bits"):
        ppgen.data.load(tmp_path)


def test_a_pipe_is_no_file_to_wait_for(tmp_path: Path) -> None:
    for name in ("a.png", "b.npz"):
        os.mkfifo(tmp_path / name)
    for place in (tmp_path, tmp_path / "b.npz"):
        with pytest.raises(DataError, match="pipe"):
            ppgen.data.load(place)


def test_an_archive_larger_than_memory_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros((1000, 100)))
    monkeypatch.setattr("ppgen.data.user_files.physical_memory", lambda: 500_000)
    with pytest.raises(DataError, match="bytes when unpacked"):
        ppgen.data.load(tmp_path / "a.npz")


def test_splits_of_an_archive_may_come_first_or_last(tmp_path):
    images, labels = RNG.integers(0, 255, (12, 8, 9), dtype=np.uint8), np.arange(12) % 2
    np.savez(tmp_path / "a.npz", train_images=images[:8], train_labels=labels[:8], val_images=images[8:10],
             val_labels=labels[8:10], test_images=images[10:], test_labels=labels[10:])  # fmt: skip
    data = ppgen.data.usual_form(ppgen.data.load(tmp_path / "a.npz"))
    assert [data.size(split) for split in data.splits] == [8, 2, 2]
    assert data.x_shape == (1, 8, 9)
    assert data.num_classes == {"y": 2}


def test_a_table_has_a_column_for_each_of_its_columns(tmp_path):
    lines = "\n".join(f"{150 + i},{'cat' if i % 3 else 'dog'},{i % 2 == 0}" for i in range(30))
    (tmp_path / "a.csv").write_text(f"height (cm),class,smokes\n{lines}\n")
    data = ppgen.data.load(tmp_path / "a.csv", steps=[("usual_form", {})])
    kinds = {name: column.kind for name, column in data.columns.items()}
    assert kinds == {"height_cm": "count", "_class": "categorical", "smokes": "binary"}
    assert data.columns["_class"].categories == ("cat", "dog")
    assert ppgen.data.load(**data.spec).fingerprint() == data.fingerprint()


@pytest.mark.parametrize("orientation", range(1, 10))
@pytest.mark.parametrize("suffix", ["jpg", "png", "tiff"])
def test_a_picture_stands_as_the_camera_was_held(tmp_path, orientation, suffix):
    """Eight ways to hold it, by EXIF; a ninth is none."""
    noted = Image.Exif()
    noted[0x0112] = orientation
    stored = np.kron(RNG.permutation(6).reshape(2, 3).astype(np.uint8) * 50, np.ones((8, 8), np.uint8))
    for i in range(4):
        Image.fromarray(stored).save(tmp_path / f"{i}.{suffix}", exif=noted, quality=100)
    if suffix == "tiff" and 5 <= orientation <= 8:
        with pytest.raises(DataError, match=r"cannot be read(.|\n)*lies on its side"):
            ppgen.data.load(tmp_path)
        return
    seen = np.rot90(
        stored[:, ::-1] if orientation in (2, 4, 5, 7) else stored,
        {3: 2, 4: 2, 5: 1, 6: -1, 7: -1, 8: 1}.get(orientation, 0),
    )
    x = ppgen.data.load(tmp_path).splits["train"]["x"]
    assert x.shape[1:] == (1, *seen.shape)
    assert np.abs(x[0, 0].numpy() - seen.astype(float)).max() <= 2.0
