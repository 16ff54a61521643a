"""Digits: what scikit-learn has is what a model sees, row by row."""

from __future__ import annotations

import torch
from sklearn.datasets import load_digits

import ppgen.data


def test_images_keep_their_labels():
    data = ppgen.data.load("digits", binarize=None)
    bunch = load_digits()
    official = {
        image.astype("uint8").tobytes(): int(label) for image, label in zip(bunch.images, bunch.target, strict=True)
    }
    for columns in data.splits.values():
        for image, label in zip(columns["x"], columns["y"], strict=True):
            assert official[image.numpy().tobytes()] == label


def test_every_split_has_every_digit_in_fair_number():
    data = ppgen.data.load("digits")
    for columns in data.splits.values():
        shares = columns["y"].bincount(minlength=10) / len(columns["y"])
        assert torch.all((shares - 0.1).abs() < 0.05)


def test_another_seed_is_another_split():
    assert not torch.equal(ppgen.data.load("digits").split()["y"], ppgen.data.load("digits", seed=1).split()["y"])
