"""The form in which recipes take one's own data: names, layouts and levels; and nothing else is touched."""

from __future__ import annotations

import pytest
import torch

import ppgen.data
from ppgen.data import from_tensors, usual_form
from ppgen.data.own_data import captions

BYTES = torch.randint(0, 256, (40, 9, 11, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
GREY = BYTES[..., 0].contiguous()
FORMS = {
    "[N, H, W]": (GREY, GREY.unsqueeze(1)),
    "[N, 1, H, W]": (GREY.unsqueeze(1), GREY.unsqueeze(1)),
    "[N, H, W, 1]": (GREY.unsqueeze(-1), GREY.unsqueeze(1)),
    "[N, H, W, 3]": (BYTES, BYTES.permute(0, 3, 1, 2)),
    "[N, H, W, 4]": (torch.cat([BYTES, BYTES[..., :1]], -1), BYTES.permute(0, 3, 1, 2)),
    "[N, 3, H, W]": (BYTES.permute(0, 3, 1, 2), BYTES.permute(0, 3, 1, 2)),
    "floats to 1": (GREY / 255, GREY.unsqueeze(1)),
    "floats to 255": (GREY.float(), GREY.unsqueeze(1)),
    "doubles to 1": (GREY.double() / 255, GREY.unsqueeze(1)),
    "flat bytes": (GREY.flatten(1), GREY.flatten(1)),
    "flat floats": (GREY.flatten(1).float(), GREY.flatten(1)),
}


@pytest.mark.parametrize("form", FORMS)
def test_pixels_become_levels_between_0_and_1_with_channels_first(form):
    given, expected = FORMS[form]
    data = usual_form(from_tensors({"train": given, "test": given[:7]}, valid=0))
    assert torch.equal(data.split("test")["x"], expected[:7] / 255)
    column = data.columns["x"]
    assert (column.measure, column.levels, column.white) == ("8-bit", 256, 1.0)
    assert usual_form(data) is data


@pytest.mark.parametrize(
    "given",
    [
        torch.randn(40, 5),
        torch.randint(0, 100, (40, 6)).float(),  # counts
        torch.rand(40, 20, 3),  # sequences
        torch.randn(40, 9, 9),
        torch.rand(40, 1, 9, 9),  # no levels
        (torch.rand(40, 1, 9, 9) * 5).floor() / 5,  # levels of a coarser grid
        torch.bernoulli(torch.full((40, 1, 9, 9), 0.5)),
    ],
)
def test_what_has_the_form_or_is_no_image_stays_as_it_is(given):
    data = from_tensors(given)
    assert usual_form(data) is data


@pytest.mark.parametrize("binarize", [None, "static", "dynamic"])
def test_named_data_sets_stay_as_they_are(binarize):
    data = ppgen.data.load("digits", binarize=binarize)
    assert usual_form(data) is data


def test_images_and_labels_are_x_and_y():
    labels = (torch.arange(40) % 3).to(torch.uint8)
    data = usual_form(from_tensors({"images": GREY, "labels": labels.unsqueeze(1), "other": torch.randn(40)}))
    assert data.keys == ("x", "y", "other")
    assert data.num_classes == {"y": 3}
    assert data.columns["y"].kind == "categorical"
    rows = torch.cat([part["y"] for part in data.splits.values()])
    assert rows.bincount().tolist() == labels.bincount().tolist()


@pytest.mark.parametrize("how", [{"binarize": "dynamic"}, {"dequantize": True}])
def test_layouts_are_mended_under_any_protocol(how):
    data = usual_form(from_tensors(GREY, **how))
    assert data.x_shape == (1, 9, 11)
    assert data.split("train")["x"].shape[1:] == (1, 9, 11)


def test_numbers_of_many_values_in_a_table_are_counts():
    table = {"age": torch.arange(40) * 2, "answer": torch.arange(40) % 5, "height": torch.randn(40)}
    kinds = {name: column.kind for name, column in usual_form(from_tensors(table)).columns.items()}
    assert kinds == {"age": "count", "answer": "categorical", "height": "real"}


def test_captions_take_the_place_of_their_images():
    glyphs = ppgen.data.load("glyphs")
    texts = captions(glyphs)
    assert captions(texts) is texts
    assert texts.columns["x"].categories == glyphs.columns["caption"].categories
    for split in ("train", "valid", "test"):
        before, after = glyphs.split(split), texts.split(split)
        assert torch.equal(after["x"], before["caption"].float())
        assert torch.equal(after["y"], before["y"])
    again = ppgen.data.load("glyphs", steps=texts.spec["steps"])
    assert again.fingerprint() == texts.fingerprint()
    assert ppgen.data.words_of(texts.columns["x"], texts.split("test")["x"][:1]) == ["a large bold 5"]
