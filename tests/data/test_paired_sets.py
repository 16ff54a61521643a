"""Pairs made from images and read from disk, and domains by their names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ppgen import data
from ppgen.data.glyph_inks import edges
from ppgen.errors import DataError, SettingError


def images(channels: int = 1, seed: int = 0) -> torch.Tensor:
    return torch.randint(256, (30, channels, 8, 12), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def given_of(task: str, x: torch.Tensor) -> torch.Tensor:
    rows = data.paired(data.usual_form(data.from_tensors({"train": x})), task).split("train")
    torch.testing.assert_close(rows["x"], x / 255)
    return rows["given"]


def test_edges_are_those_of_glyphs_and_do_not_depend_on_brightness() -> None:
    x = images(3)
    torch.testing.assert_close(given_of("edges", x), edges(x) / 255, atol=0.51 / 255, rtol=0)
    torch.testing.assert_close(given_of("edges", x // 2 * 2), given_of("edges", x // 2))
    assert not given_of("edges", torch.zeros_like(x)).any()


def test_half_grey_and_small_say_what_they_are() -> None:
    x = images(3)
    half = given_of("half", x)
    assert torch.equal(half[..., :6], x[..., :6] / 255)
    assert not half[..., 6:].any()
    grey = given_of("grey", x)[:, 0] * 255
    torch.testing.assert_close(grey, 0.299 * x[:, 0] + 0.587 * x[:, 1] + 0.114 * x[:, 2])
    small = given_of("small", x)
    torch.testing.assert_close(small[0, 1, :4, 4:8], (x[0, 1, :4, 4:8] / 255).mean().expand(4, 4))


def test_pairs_keep_their_spec_and_what_is_given_already() -> None:
    digits = data.load("digits", binarize=None)
    pairs = data.paired(digits, "half")
    assert data.load(**pairs.spec).fingerprint() == pairs.fingerprint()
    assert pairs.origin is digits
    assert data.paired(pairs, "edges", keep=True) is pairs
    with pytest.raises(SettingError, match="keep=True"):
        data.paired(pairs, "edges")


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: data.paired(data.load("digits"), "grey"), r"images x \[3"),
        (lambda: data.paired(data.load("ring"), "half"), "no half"),
        (lambda: data.paired(data.load("digits"), "upside-down"), "unknown task"),
        (lambda: data.paired(data.load("digits+digits"), "half"), "unpaired domains a, b"),
    ],
)
def test_what_can_give_nothing_is_refused(make: object, told: str) -> None:
    with pytest.raises(SettingError, match=told):
        make()  # type: ignore[operator]


def write(folder: Path, x: torch.Tensor) -> None:
    folder.mkdir(parents=True)
    for number, image in enumerate(x.permute(0, 2, 3, 1).numpy()):
        Image.fromarray(np.ascontiguousarray(image)).save(folder / f"{number:02}.png")


def test_two_halves_of_a_picture_are_a_pair(tmp_path: Path) -> None:
    left, right = images(3), images(3, seed=1)
    write(tmp_path / "train", torch.cat([left, right], -1))
    whole = data.load(tmp_path / "train")
    pairs = data.side_by_side(whole, "right")
    rows, both = pairs.split("train"), whole.split("train")["x"]
    assert torch.equal(rows["x"], both[..., :12])
    assert torch.equal(rows["given"], both[..., 12:])
    assert data.load(**pairs.spec).fingerprint() == pairs.fingerprint()
    assert data.side_by_side(whole, resize=6).split("test")["given"].shape[1:] == (3, 6, 6)
    with pytest.raises(SettingError, match=r"side by side(.|\n)*resize to 8"):
        data.side_by_side(data.load(tmp_path / "train", resize=8))


def test_two_folders_of_the_same_names_are_pairs(tmp_path: Path) -> None:
    write(tmp_path / "x", images(3))
    write(tmp_path / "given", 255 - images(3))
    pairs = data.load(tmp_path)
    for split in ("train", "test"):
        rows = pairs.split(split)
        torch.testing.assert_close(rows["given"], 1 - rows["x"])
    assert data.load(**pairs.spec).fingerprint() == pairs.fingerprint()
    (tmp_path / "x" / "00.png").unlink()
    with pytest.raises(DataError, match="00 has no partner"):
        data.load(tmp_path)


def test_a_folder_of_two_domains_and_two_names_are_unpaired(tmp_path: Path) -> None:
    for folder, count in (("trainA", 20), ("trainB", 10), ("testA", 6), ("testB", 4)):
        write(tmp_path / folder, images(3)[:count])
    both = data.load(tmp_path)
    assert {name: own.size("test") for name, own in both.domains.items()} == {"a": 6, "b": 4}
    assert {name: own.size("train") + own.size("valid") for name, own in both.domains.items()} == {"a": 20, "b": 10}
    named = data.load("digits+digits", binarize=None)
    x = named.domains["b"].split("test")["x"]
    assert torch.equal(x, data.load("digits", binarize=None).split("test")["x"])
    for made in (both, named):
        assert data.load(**made.spec).fingerprint() == made.fingerprint()
    small = data.load(tmp_path / "trainA", resize=4, root=tmp_path)
    assert small.spec["resize"] == 4
    assert data.load(**data.load(tmp_path, resize=4).spec).domains["b"].x_shape == (3, 4, 4)
