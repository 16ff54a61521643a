"""Seeded, disjoint splits of rows into train, valid and test."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ppgen.errors import DataError, SettingError

__all__ = ["carve", "check_seed", "fractions", "shuffle_split"]

Columns = Mapping[str, Tensor]


def check_seed(seed: int) -> None:
    """Refuse a seed that is not a whole number from 0 to 2^63 - 1.

    Raises:
        SettingError: if it is not.
    """
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed < 2**63:
        raise SettingError("seed", expected="a whole number from 0 to 2^63 - 1", got=repr(seed), fix="seed=0")


def fractions(num_data: int, valid: float, test: float) -> tuple[int, int]:
    """The rows that the fractions ``valid`` and ``test`` stand for; a positive fraction is at least one row.

    Raises:
        SettingError: if a fraction is not in [0, 1), or nothing would be left to train on.

    Example:
        >>> fractions(100, 0.1, 0.2)
        (10, 20)
    """
    for label, fraction in (("valid", valid), ("test", test)):
        if not isinstance(fraction, int | float) or not 0.0 <= fraction < 1.0:
            raise SettingError(
                f"{label} is a fraction of the rows",
                expected="0 <= fraction < 1",
                got=repr(fraction),
                fix=f"{label}=0.1, or {label}=0 for none",
            )
    counts = tuple(max(1, round(fraction * num_data)) if fraction > 0 else 0 for fraction in (valid, test))
    if num_data > 0 and sum(counts) >= num_data:
        raise SettingError(
            f"{num_data} rows leave nothing to train on",
            expected="valid + test to leave at least one row",
            got=f"valid={valid} ({counts[0]} rows), test={test} ({counts[1]} rows)",
            fix="smaller fractions, more rows, or valid=0, test=0",
        )
    return counts[0], counts[1]


def shuffle_split(columns: Columns, num_valid: int, num_test: int, seed: int) -> dict[str, dict[str, Tensor]]:
    """Shuffle the rows with a seed and cut them into train, valid and test.

    Args:
        columns: tensors [N, ...].
        num_valid: rows of the valid split, may be 0.
        num_test: rows of the test split, may be 0.
        seed: of the shuffle.

    Returns:
        The three splits; every row is in exactly one.
    """
    num_data = len(next(iter(columns.values())))
    if num_data == 0:
        raise DataError(
            "the data set is empty",
            expected="at least one row",
            got="0 rows",
            fix="look at the filter or the file that left nothing over",
        )
    order = torch.randperm(num_data, generator=torch.Generator().manual_seed(seed))
    num_train = num_data - num_valid - num_test
    rows = dict(zip(("train", "valid", "test"), order.split([num_train, num_valid, num_test]), strict=True))
    return {split: {key: t[index.to(t.device)] for key, t in columns.items()} for split, index in rows.items()}


def carve(train: Columns, test: Columns, num_valid: int, seed: int) -> dict[str, dict[str, Tensor]]:
    """Keep an official test split and take a seeded valid split out of the official training split."""
    cut = shuffle_split(train, num_valid, 0, seed)
    return {"train": cut["train"], "valid": cut["valid"], "test": dict(test)}
