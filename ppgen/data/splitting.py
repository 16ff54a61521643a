"""Rows cut into train, valid and test: by fractions or by an official split, with a seed."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ppgen.arguments import finite_number, whole_number
from ppgen.errors import DataError, SettingError

__all__ = ["SPLITS", "carve", "check_seed", "fractions", "num_rows", "shuffle_split"]

SPLITS = ("train", "valid", "test")

Columns = Mapping[str, Tensor]


def check_seed(seed: int) -> None:
    """Refuse a seed that is not a whole number from 0 to 2^63 - 1.

    Raises:
        SettingError: if it is not.
    """
    whole_number("seed", seed, at_least=0, at_most=2**63 - 1)


def fractions(num_data: int, valid: float, test: float) -> tuple[int, int]:
    """The rows that the fractions ``valid`` and ``test`` stand for; a positive fraction is at least one row.

    Args:
        num_data: rows there are.
        valid: fraction for the valid split.
        test: fraction for the test split.

    Raises:
        SettingError: if a fraction is no number or negative, or nothing would be left to train on.

    Example:
        >>> fractions(100, 0.1, 0.2)
        (10, 20)
    """
    shares = [finite_number(name, x, at_least=0, suggested=0.1) for name, x in (("valid", valid), ("test", test))]
    num_valid, num_test = (max(1, round(share * num_data)) if share > 0 else 0 for share in shares)
    if num_valid + num_test >= num_data:
        raise SettingError(
            f"{num_data} rows leave nothing to train on",
            expected="valid + test to leave at least one row",
            got=f"valid={valid} ({num_valid} rows), test={test} ({num_test} rows)",
            fix="more rows, or smaller fractions: ppgen.data.from_tensors(x, valid=0, test=0)",
            code="S043",
        )
    return num_valid, num_test


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
    order = torch.randperm(num_data, generator=torch.Generator().manual_seed(seed))
    rows = zip(SPLITS, order.split([num_data - num_valid - num_test, num_valid, num_test]), strict=True)
    return {split: {key: t[index.to(t.device)] for key, t in columns.items()} for split, index in rows}


def carve(train: Columns, test: Columns, num_valid: int, seed: int) -> dict[str, dict[str, Tensor]]:
    """Keep an official test split and take a seeded valid split out of the official training split.

    Args:
        train: official training columns [N, ...].
        test: official test columns [M, ...].
        num_valid: rows of the valid split.
        seed: of the shuffle.
    """
    return shuffle_split(train, num_valid, 0, seed) | {"test": dict(test)}


def num_rows(where: str, columns: Columns) -> int:
    """The number of rows that all columns share; 0 where there are no columns.

    Args:
        where: whose columns they are, for the error text.
        columns: tensors [N, ...].

    Raises:
        DataError: if they differ in length.
    """
    rows = {key: len(column) for key, column in columns.items()}
    if len(set(rows.values())) > 1:
        raise DataError(
            f"{where} differ in length",
            expected="one row of every site and covariate per data point",
            got=", ".join(f"{count} rows of {key}" for key, count in rows.items()),
            fix="pass rows that belong together; drop the surplus ones",
            code="D033",
        )
    return max(rows.values(), default=0)
