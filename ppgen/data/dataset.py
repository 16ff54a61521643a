"""A data set: three disjoint, seeded splits, the measure of its values and the protocol that made them."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ppgen.arguments import one_of
from ppgen.data.column import Column, check_kinds, describe_column, lengths_of
from ppgen.data.domains import Together, draw_orders, joined, name_in
from ppgen.data.measures import MEASURES
from ppgen.data.splitting import SPLITS, num_rows
from ppgen.data.transforms import Transform
from ppgen.declare import extreme_rows
from ppgen.errors import DataError

__all__ = ["NOISE_SEEDS", "Dataset", "main_site"]

# 777 is the seed of the VampPrior code's validation and test bits; each split has noise of its own.
NOISE_SEEDS = {"train": 776, "valid": 777, "test": 778}

_FEW = 16

Columns = Mapping[str, Tensor]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Tensors in three disjoint splits that say what they are.

    Args:
        name: ``"digits"``, or ``"tensors"`` for a user's own.
        measure: what the values of ``x`` are before any likelihood: ``"binary"`` (0 or 1), ``"8-bit"`` (256 levels),
            ``"integer"``, ``"unit interval"`` (in [0, 1]) or ``"continuous"``. Densities of different measures never
            compare.
        splits: ``"train"``, ``"valid"`` and ``"test"``, each a mapping from site or covariate to a stored tensor
            [N, ...]. Images are stored as uint8 where that loses nothing. Unpaired domains differ in N.
        transform: stored minibatch to what a model sees; ``None`` where they are the same.
        spec: the arguments of :func:`ppgen.data.load` that build it again; empty for a user's own tensors.
        num_classes: the sizes of integer covariates, ``{"y": 10}``.
        origin: the data set that this one was made from by hiding labels or parts of images; what is computed once
            for a data set, such as a feature network, is computed for that one.
        protocol: how the values came about ("static bits, seed 0"); it enters :meth:`fingerprint`, since numbers
            from two protocols do not belong in one column.
        kinds: of columns whose kind is another than their values show, ``{"n": "count"}``; see
            :attr:`columns`.
        categories: the names of classes, ``{"y": ("cat", "dog")}``, in the order of their numbers.
        domains: the data sets whose rows were never paired, by name; :func:`ppgen.data.unpaired` makes such a data
            set. Each answers for itself: ``data.domains["horses"].split("test")``.

    Raises:
        DataError: if a split is missing, has other sites than the rest or columns of unequal length.
        SettingError: for a kind that there is not.

    Example:
        >>> import ppgen.data
        >>> ppgen.data.load("digits")
        Dataset 'digits': x [1, 8, 8], image, binary (static bits, seed 0)
          train 1077, valid 360, test 360
          y: categorical, 10 classes
    """

    name: str
    measure: str
    splits: Mapping[str, Mapping[str, Tensor]]
    transform: Transform | Together | None = None
    spec: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    num_classes: Mapping[str, int] = dataclasses.field(default_factory=dict)
    protocol: str = "as given"
    origin: Dataset | None = None
    kinds: Mapping[str, str] = dataclasses.field(default_factory=dict)
    categories: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    domains: Mapping[str, Dataset] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if tuple(self.splits) != SPLITS:
            raise DataError(
                f"{self.name}: wrong splits",
                expected=", ".join(SPLITS),
                got=", ".join(self.splits),
                fix='splits={"train": ..., "valid": ..., "test": ...}',
                code="D015",
            )
        one_of(f"{self.name}: measure", self.measure, MEASURES)
        for split in SPLITS:
            if _rows_in_words(self.splits[split]) != _rows_in_words(self.splits["train"]):
                raise DataError(
                    f"{self.name}: the {split} split is unlike the train split",
                    expected=_rows_in_words(self.splits["train"]),
                    got=_rows_in_words(self.splits[split]),
                    fix="give every split the same sites, with rows of the same type and shape",
                    code="D016",
                )
            if not self.domains:  # each of which was checked as it was made
                num_rows(f"{self.name}: the columns of the {split} split", self.splits[split])
        check_kinds(self.name, self.kinds, self.splits["train"])
        if not self.splits["train"] or self.size("train") == 0:
            raise DataError(
                f"{self.name}: the data set is empty",
                expected="at least one row to train on",
                fix="look at the filter or the fractions valid= and test= that left nothing over",
                code="D017",
            )

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of the sites and covariates of a batch."""
        return (*self.splits["train"], *(() if self.transform is None else self.transform.adds))

    @functools.cached_property
    def columns(self) -> Mapping[str, Column]:
        """What each site and covariate of a batch is: kind, shape of one value, measure, what says that it is missing.

        Read from the stored values of all splits, once; ``kinds`` says otherwise where values cannot tell, such as of
        whole numbers whether they are classes or counts.
        """
        if self.domains:
            owned = ((domain, column) for domain, own in self.domains.items() for column in own.columns.values())
            return {name_in(domain, column.name): _of_domain(column, domain) for domain, column in owned}
        train, main = self.splits["train"], main_site(self.splits["train"])
        columns = {
            key: describe_column(
                key,
                [stored[key] for stored in self.splits.values()],
                kind="count" if key in _all_lengths(train) else self.kinds.get(key),
                measure=self.measure if key == main else None,
                num_classes=self.num_classes.get(key),
                lengths=lengths_of(key, train),
                categories=self.categories.get(key, ()),
            )
            for key in train
        }
        return columns | self.transform.describe(columns) if isinstance(self.transform, Transform) else columns

    @property
    def x_shape(self) -> tuple[int, ...]:
        """The shape of one ``x`` (of the main site, where no site is called ``x``)."""
        return tuple(self.splits["train"][main_site(self.splits["train"])].shape[1:])

    @property
    def random(self) -> bool:
        """Whether training batches are drawn anew each time; if not, ``split("train")`` is all there is to see."""
        return self.transform is not None and self.transform.random

    def size(self, split: str = "train") -> int:
        """The number of rows of a split; of the longest domain, where they are unpaired."""
        return max(len(tensor) for tensor in self._stored(split).values())

    def split(self, name: str = "test") -> dict[str, Tensor]:
        """A whole split as a model sees it, each tensor [N, ...]; the same values at every call.

        Random transforms draw once with a fixed seed, on the CPU, so that valid and test bits are the same on every
        device and in every run.

        Rows of unpaired domains stand beside each other as they do in training, by chance: each domain in an order of
        its own that a fixed seed draws, a shorter one anew from its start until the longest is through. No row is left
        out, and one of a shorter domain may come once more than another. For each row once, and for one domain alone,
        ask ``data.domains["horses"].split(name)``.
        """
        if self.domains:
            one_of(f"{self.name}: split", name, SPLITS)
            return self._drawn({domain: own.split(name) for domain, own in self.domains.items()}, name)
        return self._as_seen(self._stored(name), NOISE_SEEDS[name])

    def stored(self, split: str) -> dict[str, Tensor]:
        """A whole split as it is stored, all columns of one length [N, ...]; unpaired rows as :meth:`split` has them.

        Args:
            split: its name.
        """
        if self.domains:
            return self._drawn({domain: own.stored(split) for domain, own in self.domains.items()}, split)
        return dict(self._stored(split))

    def draw_orders(self, split: str, generator: torch.Generator, device: torch.device) -> dict[str, Tensor]:
        """A random order of a split's rows for every stored column, [N] row numbers each, on ``device``.

        All columns share one permutation; of unpaired domains each has its own, as long as that of the longest.

        Args:
            split: its name.
            generator: of the permutations, on the CPU.
            device: where the orders go.
        """
        if not self.domains:
            order = torch.randperm(self.size(split), generator=generator).to(device)
            return dict.fromkeys(self._stored(split), order)
        drawn = draw_orders({domain: own.size(split) for domain, own in self.domains.items()}, generator)
        owned = [(domain, order.to(device)) for domain, order in drawn.items()]
        return {name_in(domain, key): order for domain, order in owned for key in self.domains[domain].splits[split]}

    def representative_rows(self) -> dict[str, Tensor]:
        """A few training rows, and the extremes of every integer column in every split, as a model sees them.

        Returns:
            Tensors [B, ...] by site and covariate; a domain with fewer such rows than another repeats them.
        """
        if self.domains:
            few = joined({domain: own.representative_rows() for domain, own in self.domains.items()})
            most = torch.arange(max(len(values) for values in few.values()))
            return {key: values[most % len(values)] for key, values in few.items()}
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
        domains = {domain: own.to(device) for domain, own in self.domains.items()}
        if domains:  # whose tensors are also those of the splits: each moves once
            splits = {split: joined({name: own.splits[split] for name, own in domains.items()}) for split in SPLITS}
        else:
            splits = {split: {key: t.to(device) for key, t in stored.items()} for split, stored in self.splits.items()}
        return dataclasses.replace(self, splits=splits, domains=domains)

    def _drawn(self, by_domain: Mapping[str, Columns], split: str) -> dict[str, Tensor]:
        """Columns [N, ...] of unpaired domains, each in an order that the split's seed draws."""
        sizes = {domain: len(next(iter(columns.values()))) for domain, columns in by_domain.items()}
        orders = draw_orders(sizes, torch.Generator().manual_seed(NOISE_SEEDS[split]))
        rows = {}
        for domain, columns in by_domain.items():
            rows[domain] = {key: t.index_select(0, orders[domain].to(t.device)) for key, t in columns.items()}
        return joined(rows)

    def _as_seen(self, stored: Columns, seed: int) -> dict[str, Tensor]:
        """Stored rows [B, ...] as a model sees them, with noise of its own seed."""
        return dict(stored) if self.transform is None else self.transform(stored, torch.Generator().manual_seed(seed))

    def _stored(self, split: str) -> Columns:
        return self.splits[one_of(f"{self.name}: split", split, SPLITS)]

    def __repr__(self) -> str:
        train, main = self.splits["train"], main_site(self.splits["train"])
        kinds = {key: str(column) for key, column in self.columns.items()}
        of_main = kinds[main] if self.measure in kinds[main] else f"{kinds[main]}, {self.measure}"
        lines = [
            f"Dataset {self.name!r}: {main} {list(self.x_shape)}, {of_main} ({self.protocol})",
            "  " + ", ".join(f"{split} {self._rows_in_words(split)}" for split in SPLITS),
        ]
        for key, tensor in train.items():
            if key != main:
                shape = f" {list(tensor.shape[1:])}" if tensor.dim() > 1 else ""
                known = int((tensor >= 0).sum()) if key in self.num_classes else len(tensor)
                partly = f", {known} of {len(tensor)} training rows observed" if known < len(tensor) else ""
                lines.append(f"  {key}{shape}: {kinds[key]}{partly}")
        if self.transform is not None and self.transform.adds:
            lines.append(f"  {', '.join(self.transform.adds)}: {self.transform}")
        return "\n".join(lines)

    def _rows_in_words(self, split: str) -> str:
        """``"80"``; of unpaired domains ``"(80 horses, 60 zebras)"``."""
        each = ", ".join(f"{own.size(split)} {domain}" for domain, own in self.domains.items())
        return f"({each})" if each else str(self.size(split))


def _all_lengths(columns: Columns) -> list[str]:
    """The covariates that hold the lengths of sequences."""
    return [lengths for key in columns if (lengths := lengths_of(key, columns)) is not None]


def _of_domain(column: Column, domain: str) -> Column:
    """A domain's column as it is called beside those of other domains."""
    lengths = None if column.lengths is None else name_in(domain, column.lengths)
    return dataclasses.replace(column, name=name_in(domain, column.name), lengths=lengths, domain=domain)


def main_site(columns: Mapping[str, Tensor]) -> str:
    """The site that measure and shape speak of: ``x``, else the first of numbers, of several bits, or of labels.

    Args:
        columns: tensors [N, ...].
    """
    labels = {key: t.dtype in (torch.int64, torch.bool) for key, t in columns.items()}
    several = {key: t.dtype == torch.bool and t.dim() > 1 for key, t in columns.items()}
    return "x" if "x" in columns else min(columns, key=lambda key: (labels[key], labels[key] and not several[key]))


def _rows_in_words(columns: Mapping[str, Tensor]) -> str:
    rows = (f"{key} {str(t.dtype).removeprefix('torch.')} {list(t.shape[1:])}" for key, t in sorted(columns.items()))
    return ", ".join(rows) or "nothing"
