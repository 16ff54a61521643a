"""What a model must be told to run without data: its covariates."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ppgen.data import Dataset
from ppgen.declare import ProgramPart
from ppgen.fitting.preparation import representative_rows

__all__ = ["covariates", "placeholders"]


def covariates(model: Any, dataset: Dataset) -> tuple[list[str], list[str]]:
    """Names of the covariates that a prior run needs, and of all that it takes.

    Those of a declared model are parents that are no sites. Of a hand-written program only the arguments are known:
    those that share the name of an observed site are taken for its value.
    """
    sites = model.sites
    if isinstance(model, ProgramPart):
        takes = set(model.arguments) | (set(dataset.keys) if "batch" in model.arguments else set())
        others = [key for key in dataset.keys if key in takes and key not in sites] if len(dataset.keys) > 1 else []
        return others, others
    known = dict.fromkeys(p for site in sites.values() for p in site.parents if p not in sites)
    needed = {p for site in sites.values() for p in site.parents if p not in site.optional}
    return [name for name in known if name in needed], list(known)


def placeholders(model: Any, dataset: Dataset, n: int) -> dict[str, Tensor]:
    """Values for the data arguments of a hand-written program, which a prior run draws anew: [n, ...] of zeros."""
    if not isinstance(model, ProgramPart):
        return {}
    needed, _ = covariates(model, dataset)
    rows = representative_rows(dataset)
    return {key: torch.zeros(n, *t.shape[1:], dtype=t.dtype) for key, t in rows.items() if key not in needed}
