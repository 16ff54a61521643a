"""Protocols on scikit-learn's digits: which bits are fixed, what their mean is, what is said about them."""

from __future__ import annotations

import pytest
import torch

import ppgen.data
from ppgen.data.binarize import Source, with_protocol
from ppgen.errors import DataError, SettingError


@pytest.fixture(scope="module")
def grey():
    return ppgen.data.load("digits", binarize=None)


def is_binary(x):
    return bool(((x == 0) | (x == 1)).all())


def test_static_bits_are_the_default_and_the_same_for_the_same_seed(grey):
    first, again, other = (ppgen.data.load("digits", seed=seed) for seed in (0, 0, 1))
    for split in ("train", "valid", "test"):
        assert is_binary(first.split(split)["x"])
        assert torch.equal(first.split(split)["x"], again.split(split)["x"])
    assert not torch.equal(first.split()["x"], other.split()["x"])
    assert (first.measure, first.protocol, first.random) == ("binary", "static bits, seed 0", False)


@pytest.mark.parametrize("mode", ["static", "dynamic"])
def test_bits_have_the_grey_levels_as_means(grey, mode):
    p = torch.cat([grey.split(split)["x"] for split in grey.splits])
    data = ppgen.data.load("digits", binarize=mode)
    bits = torch.cat([data.split(split)["x"] for split in data.splits])
    # Per grey level, pooled over all pixels that have it.
    for level in p.unique():
        here = bits[p == level]
        assert abs(here.mean() - level) <= 4 * (level * (1 - level) / here.numel()).sqrt()


def test_dynamic_training_bits_differ_from_batch_to_batch_while_valid_and_test_stay():
    data = ppgen.data.load("digits", binarize="dynamic")
    generator = torch.Generator().manual_seed(0)
    stored = {key: tensor[:64] for key, tensor in data.splits["train"].items()}
    first, second = data.transform(stored, generator), data.transform(stored, generator)
    assert is_binary(first["x"])
    assert not torch.equal(first["x"], second["x"])
    assert torch.equal(first["y"], second["y"])
    for split in ("valid", "test"):
        assert torch.equal(data.split(split)["x"], data.split(split)["x"])
    assert data.random
    assert "redrawn each batch" in repr(data)


def test_valid_and_test_noise_are_not_the_same_draw():
    half = torch.full((200, 8), 128, dtype=torch.uint8)
    data = ppgen.data.from_tensors({"x": half}, valid=0.25, test=0.25, binarize="dynamic")
    assert (data.split("valid")["x"] == data.split("test")["x"]).float().mean() < 0.7


def test_threshold_is_on_from_half_up(grey):
    data = ppgen.data.load("digits", binarize="threshold")
    assert torch.equal(data.split()["x"], (grey.split()["x"] >= 0.5).float())
    assert data.protocol == "threshold 0.5"


def test_grey_digits_do_not_claim_to_be_8_bit(grey):
    assert (grey.measure, grey.protocol) == ("unit interval", "17 grey levels, k / 16")
    assert torch.equal(grey.split()["x"].unique() * 16, torch.arange(17.0))


def test_dequantised_digits_return_to_their_levels(grey):
    data = ppgen.data.load("digits", dequantize=True)
    assert data.measure == "continuous"
    assert torch.equal((data.split()["x"] * 17).floor(), grey.split()["x"] * 16)


def test_all_protocols_share_their_rows_and_none_shares_a_fingerprint():
    options = [{"binarize": mode} for mode in ("static", "dynamic", "threshold", None)] + [{"dequantize": True}]
    sets = [ppgen.data.load("digits", **option) for option in options]
    assert all(torch.equal(data.split()["y"], sets[0].split()["y"]) for data in sets)
    assert len({data.fingerprint() for data in sets}) == len(sets)


def test_unknown_modes_and_bits_to_be_dequantised_are_refused():
    with pytest.raises(SettingError, match=r"unknown binarize(.|\n)*got: 'statical'(.|\n)*fix: binarize="):
        ppgen.data.load("digits", binarize="statical")
    with pytest.raises(SettingError, match="not both"):
        ppgen.data.load("digits", binarize="static", dequantize=True)


@pytest.mark.parametrize("option", [{"binarize": "dynamic"}, {"dequantize": True}])
def test_bits_at_the_source_have_no_grey_levels(option):
    with pytest.raises(SettingError, match="sprites is binary: it has no grey levels"):
        ppgen.data.load("sprites", **option)


@pytest.mark.parametrize("mode", ["static", "threshold", None])
def test_bits_at_the_source_stay_what_they_are(mode):
    x = torch.randint(0, 2, (40, 6)).float()
    plain, asked = (ppgen.data.from_tensors(x, binarize=m) for m in (None, mode))
    assert torch.equal(plain.split()["x"], asked.split()["x"])
    assert asked.measure == "binary"


def test_levels_outside_their_range_are_refused_with_the_division_that_mends_them():
    with pytest.raises(DataError, match=r"got: values in \[0, 200\]\n  fix: x = x / 255"):
        ppgen.data.from_tensors({"x": torch.tensor([[0.0], [200.0]] * 10)}, binarize="static")
    with pytest.raises(DataError, match=r"got: values in \[-1, 1\]\n  fix: x = \(x - -1\) / 2"):
        ppgen.data.from_tensors(torch.linspace(-1, 1, 50)[:, None], binarize="dynamic", valid=0, test=0)


def test_real_numbers_have_no_levels_to_dequantise():
    with pytest.raises(SettingError, match="only integer levels can be dequantised"):
        ppgen.data.from_tensors({"x": torch.rand(20, 3)}, dequantize=True)


def test_a_site_of_another_name_is_binarized():
    splits = {split: {"scan": torch.rand(5, 3)} for split in ("train", "valid", "test")}
    source = Source(splits, 1.0, key="scan")
    data = with_protocol(source, name="scans", binarize="static", dequantize=False, seed=0)
    assert is_binary(data.split()["scan"])
