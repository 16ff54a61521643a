"""The data of a fit in the types that its model reads: floats as its parameters are, and its own bits as integers."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ppgen.data import Dataset
from ppgen.data.domains import joined, name_in
from ppgen.declare import ProgramModule, ProgramPart

__all__ = ["in_types", "types_for"]


def types_for(model: ProgramModule, guide: Any, dataset: Dataset) -> dict[str, torch.dtype]:
    """The types in which a pair reads the columns of float64 and of booleans; all others are read as they are.

    float64 stays if the model has parameters of that type, or is hand-written without any that are known before its
    first run; for all other models floats have torch's default type. Booleans stay where they are covariates, such as
    masks, and in hand-written programs; a column of bits that is a site of a declared model becomes integers.

    Args:
        model: of the fit.
        guide: likewise, or ``None``.
        dataset: whose stored columns are read.
    """
    is_written = isinstance(model, ProgramPart)
    modules = [part for part in (model, guide if is_written else None) if part is not None]
    held = [t for part in modules for t in itertools.chain(part.parameters(), part.buffers()) if t.is_floating_point()]
    stays = any(t.dtype == torch.float64 for t in held) or (is_written and not held)
    types: dict[str, torch.dtype] = {}
    for name, stored in dataset.splits["train"].items():
        if stored.dtype == torch.float64:
            types[name] = torch.float64 if stays else torch.get_default_dtype()
        elif stored.dtype == torch.bool:
            types[name] = torch.int64 if not is_written and name in model.sites else torch.bool
    return types


def in_types(types: Mapping[str, torch.dtype], dataset: Dataset) -> Dataset:
    """The data set with its stored columns of float64 and of booleans in other types.

    Args:
        types: by column; of columns that have another type than these two, they are not asked.
        dataset: of the fit.
    """
    domains = {
        domain: in_types({key: types[name] for key in own.keys if (name := name_in(domain, key)) in types}, own)
        for domain, own in dataset.domains.items()
    }
    if domains:
        splits = {split: joined({name: own.splits[split] for name, own in domains.items()}) for split in dataset.splits}
    else:
        splits = {split: _cast(types, columns) for split, columns in dataset.splits.items()}
    return dataclasses.replace(dataset, splits=splits, domains=domains)


def _cast(types: Mapping[str, torch.dtype], columns: Mapping[str, Tensor]) -> dict[str, Tensor]:
    own = (torch.float64, torch.bool)
    return {key: t.to(types[key]) if t.dtype in own and key in types else t for key, t in columns.items()}
