"""A data set: three disjoint splits, the measure of its values and the protocol that made them."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ppgen.data.transforms import Transform
from ppgen.declare.batch import extreme_rows
from ppgen.errors import DataError, SettingError

__all__ = ["MEASURES", "SPLITS", "Dataset", "main_site"]

SPLITS = ("train", "valid", "test")
MEASURES = ("binary", "8-bit", "integer", "unit interval", "continuous")

# 777 is the seed of the VampPrior code's validation and test bits; each split has noise of its own.
NOISE_SEEDS = {"train": 776, "valid": 777, "test": 778}

_FEW = 16


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
        origin: the data set that this one shows less of (fewer labels, parts of images); what is measured once for a
            data set, such as a feature network, is measured there.
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
        if self.measure not in MEASURES:
            raise SettingError(
                f"{self.name}: unknown measure",
                expected=", ".join(MEASURES),
                got=repr(self.measure),
                fix='measure="continuous"',
            )
        for split in SPLITS:
            if _rows_in_words(self.splits[split]) != _rows_in_words(self.splits["train"]):
                raise DataError(
                    f"{self.name}: the {split} split is unlike the train split",
                    expected=_rows_in_words(self.splits["train"]),
                    got=_rows_in_words(self.splits[split]),
                    fix="give every split the same sites, with rows of the same type and shape",
                )
            rows = {key: len(t) for key, t in self.splits[split].items()}
            if len(set(rows.values())) > 1:
                raise DataError(
                    f"{self.name}: columns of the {split} split differ in length",
                    expected="one row of every site and covariate per data point",
                    got=", ".join(f"{count} of {key}" for key, count in rows.items()),
                )
        if not self.splits["train"] or self.size("train") == 0:
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
        stored = dict(self._stored(name))
        if self.transform is None:
            return stored
        return self.transform(stored, torch.Generator().manual_seed(NOISE_SEEDS[name]))

    def representative_rows(self) -> dict[str, Tensor]:
        """A few training rows, and the extremes of every integer column in every split, as a model sees them."""
        pieces = []
        for split, stored in self.splits.items():
            index = extreme_rows(stored) if self.size(split) else []
            if split == "train":
                index = [*range(min(_FEW, self.size(split))), *index]
            pieces.append({key: tensor[torch.tensor(index, dtype=torch.long)] for key, tensor in stored.items()})
        rows = {key: torch.cat([piece[key].cpu() for piece in pieces]) for key in self.splits["train"]}
        return rows if self.transform is None else self.transform(rows, torch.Generator().manual_seed(0))

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

    def _stored(self, split: str) -> Mapping[str, Tensor]:
        if split not in self.splits:
            raise SettingError(
                f"{self.name}: unknown split", expected=", ".join(SPLITS), got=repr(split), fix='split="test"'
            )
        return self.splits[split]

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
    """The site that measure and shape speak of: ``x``, else the first that is not an integer label, else the first."""
    if "x" in columns:
        return "x"
    return next((key for key, tensor in columns.items() if tensor.dtype != torch.int64), next(iter(columns)))


def _rows_in_words(columns: Mapping[str, Tensor]) -> str:
    rows = (f"{key} {str(t.dtype).removeprefix('torch.')} {list(t.shape[1:])}" for key, t in sorted(columns.items()))
    return ", ".join(rows) or "nothing"
