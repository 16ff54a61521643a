"""A data set: three disjoint, seeded splits, the measure of its values and the protocol that made them."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ppgen.arguments import finite_number, one_of, whole_number
from ppgen.data.transforms import Transform
from ppgen.declare import extreme_rows
from ppgen.errors import DataError, SettingError

__all__ = [
    "MEASURES",
    "NOISE_SEEDS",
    "SPLITS",
    "Dataset",
    "carve",
    "check_seed",
    "fractions",
    "main_site",
    "num_rows",
    "shuffle_split",
]

SPLITS = ("train", "valid", "test")
MEASURES = ("binary", "8-bit", "integer", "unit interval", "continuous")

# 777 is the seed of the VampPrior code's validation and test bits; each split has noise of its own.
NOISE_SEEDS = {"train": 776, "valid": 777, "test": 778}

_FEW = 16

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
            fix="smaller fractions, more rows, or valid=0, test=0",
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
        )
    return max(rows.values(), default=0)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Tensors in three disjoint splits that say what they are.

    Args:
        name: ``"digits"``, or ``"tensors"`` for a user's own.
        measure: what the values of ``x`` are before any likelihood: ``"binary"`` (0 or 1), ``"8-bit"`` (256 levels),
            ``"integer"``, ``"unit interval"`` (in [0, 1]) or ``"continuous"``. Densities of different measures never
            compare.
        splits: ``"train"``, ``"valid"`` and ``"test"``, each a mapping from site or covariate to a stored tensor
            [N, ...]. Images are stored as uint8 where that loses nothing.
        transform: stored minibatch to what a model sees; ``None`` where they are the same.
        spec: the arguments of :func:`ppgen.data.load` that build it again; empty for a user's own tensors.
        num_classes: the sizes of integer covariates, ``{"y": 10}``.
        origin: the data set that this one was made from by hiding labels or parts of images; what is computed once
            for a data set, such as a feature network, is computed for that one.
        protocol: how the values came about ("static bits, seed 0"); it enters :meth:`fingerprint`, since numbers
            from two protocols do not belong in one column.

    Raises:
        DataError: if a split is missing, has other sites than the rest or columns of unequal length.

    Example:
        >>> import ppgen.data
        >>> ppgen.data.load("digits")
        Dataset 'digits': x [1, 8, 8], binary (static bits, seed 0)
          train 1077, valid 360, test 360
          y: integer, 10 classes
    """

    name: str
    measure: str
    splits: Mapping[str, Mapping[str, Tensor]]
    transform: Transform | None = None
    spec: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    num_classes: Mapping[str, int] = dataclasses.field(default_factory=dict)
    protocol: str = "as given"
    origin: Dataset | None = None

    def __post_init__(self) -> None:
        if tuple(self.splits) != SPLITS:
            raise DataError(f"{self.name}: wrong splits", expected=", ".join(SPLITS), got=", ".join(self.splits))
        one_of(f"{self.name}: measure", self.measure, MEASURES)
        for split in SPLITS:
            if _rows_in_words(self.splits[split]) != _rows_in_words(self.splits["train"]):
                raise DataError(
                    f"{self.name}: the {split} split is unlike the train split",
                    expected=_rows_in_words(self.splits["train"]),
                    got=_rows_in_words(self.splits[split]),
                    fix="give every split the same sites, with rows of the same type and shape",
                )
            num_rows(f"{self.name}: the columns of the {split} split", self.splits[split])
        if num_rows(self.name, self.splits["train"]) == 0:
            raise DataError(
                f"{self.name}: the data set is empty",
                expected="at least one row to train on",
                got="0 rows",
                fix="look at the filter or the fractions valid= and test= that left nothing over",
            )

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of the sites and covariates of a batch."""
        return (*self.splits["train"], *(() if self.transform is None else self.transform.adds))

    @property
    def x_shape(self) -> tuple[int, ...]:
        """The shape of one ``x`` (of the main site, where no site is called ``x``)."""
        return tuple(self.splits["train"][main_site(self.splits["train"])].shape[1:])

    @property
    def random(self) -> bool:
        """Whether training batches are drawn anew each time; if not, ``split("train")`` is all there is to see."""
        return self.transform is not None and self.transform.random

    def size(self, split: str = "train") -> int:
        """The number of rows of a split."""
        return len(next(iter(self._stored(split).values())))

    def split(self, name: str = "test") -> dict[str, Tensor]:
        """A whole split as a model sees it, each tensor [N, ...]; the same values at every call.

        Random transforms draw once with a fixed seed, on the CPU, so that valid and test bits are the same on every
        device and in every run.
        """
        return self._as_seen(self._stored(name), NOISE_SEEDS[name])

    def representative_rows(self) -> dict[str, Tensor]:
        """A few training rows, and the extremes of every integer column in every split, as a model sees them.

        Returns:
            Tensors [B, ...] by site and covariate.
        """
        index = {split: extreme_rows(stored) for split, stored in self.splits.items()}
        index["train"] = [*range(min(_FEW, self.size("train"))), *index["train"]]
        parts = [(self.splits[split], torch.tensor(rows, dtype=torch.long)) for split, rows in index.items()]
        rows = {key: torch.cat([stored[key][some].cpu() for stored, some in parts]) for key in self.splits["train"]}
        return self._as_seen(rows, 0)

    def fingerprint(self, split: str = "test") -> str:
        """16 hexadecimal digits that two evaluations share exactly when they saw the same data.

        The first half of a SHA-256 of measure, protocol, and names, types, shapes and bytes of the tensors in
        :meth:`split`.
        """
        digest = hashlib.sha256(f"{self.measure}\n{self.protocol}".encode())
        for key, tensor in sorted(self.split(split).items()):
            array = tensor.detach().cpu().contiguous().numpy()
            digest.update(f"\n{key} {array.dtype} {array.shape}\n".encode())
            digest.update(array.tobytes())
        return digest.hexdigest()[:16]

    def to(self, device: torch.device | str) -> Dataset:
        """The same data set with its stored tensors on another device."""
        splits = {split: {key: t.to(device) for key, t in stored.items()} for split, stored in self.splits.items()}
        return dataclasses.replace(self, splits=splits)

    def _as_seen(self, stored: Columns, seed: int) -> dict[str, Tensor]:
        """Stored rows [B, ...] as a model sees them, with noise of its own seed."""
        return dict(stored) if self.transform is None else self.transform(stored, torch.Generator().manual_seed(seed))

    def _stored(self, split: str) -> Columns:
        return self.splits[one_of(f"{self.name}: split", split, SPLITS)]

    def __repr__(self) -> str:
        main = main_site(self.splits["train"])
        lines = [
            f"Dataset {self.name!r}: {main} {list(self.x_shape)}, {self.measure} ({self.protocol})",
            "  " + ", ".join(f"{split} {self.size(split)}" for split in SPLITS),
        ]
        for key, tensor in self.splits["train"].items():
            if key != main:
                kind = "real" if tensor.is_floating_point() else "integer"
                shape = f" {list(tensor.shape[1:])}" if tensor.dim() > 1 else ""
                classes = f", {self.num_classes[key]} classes" if key in self.num_classes else ""
                if key in self.num_classes and (known := int((tensor >= 0).sum())) < len(tensor):
                    classes += f", {known} of {len(tensor)} training rows observed"
                lines.append(f"  {key}{shape}: {kind}{classes}")
        if self.transform is not None and self.transform.adds:
            lines.append(f"  {', '.join(self.transform.adds)}: {self.transform}")
        return "\n".join(lines)


def main_site(columns: Mapping[str, Tensor]) -> str:
    """The site that measure and shape speak of: ``x``, else the first that is not an integer label, else the first.

    Args:
        columns: tensors [N, ...].
    """
    if "x" in columns:
        return "x"
    return next((key for key, tensor in columns.items() if tensor.dtype != torch.int64), next(iter(columns)))


def _rows_in_words(columns: Mapping[str, Tensor]) -> str:
    rows = (f"{key} {str(t.dtype).removeprefix('torch.')} {list(t.shape[1:])}" for key, t in sorted(columns.items()))
    return ", ".join(rows) or "nothing"
