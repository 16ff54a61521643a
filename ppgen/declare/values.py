"""Every value of a batch or data set against the distributions that it is given to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ppgen.declare.batch import batch_rows, extreme_rows, partly_missing
from ppgen.declare.check import check
from ppgen.declare.look import label_of, look, random_sites
from ppgen.declare.supports import has_finite_support, support_of
from ppgen.declare.verify import verify_support

__all__ = ["given_distributions", "verify_batch", "verify_values"]

_FEW = 16


def verify_batch(model: nn.Module, guide: nn.Module | None, batch: Mapping[str, Tensor]) -> None:
    """Check a batch from a user as a fit checks its data, every row of it.

    Raises:
        DataError, DeclarationError: if the pair cannot have anything to say about it.
    """
    index = torch.tensor([*range(min(_FEW, batch_rows(batch, None))), *extreme_rows(batch)])
    few = {key: value[index.to(value.device)] for key, value in batch.items()}
    check(model, guide, few)
    verify_values("data", model, given_distributions(model, few), batch)


def given_distributions(model: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Any]:
    """The distributions of all sites whose values the batch has, be it in some rows."""
    names = partly_missing(model, batch)
    nodes = random_sites(look(model, {key: value for key, value in batch.items() if key not in names}, None))
    return {name: node["fn"] for name, node in nodes.items() if node["is_observed"] or name in names}


def verify_values(where: str, model: nn.Module, given: Mapping[str, Any], rows: Mapping[str, Tensor]) -> None:
    """Every value against the likelihood's support: one bad row in a million is still an error."""
    for name, fn in given.items():
        if name in rows and _is_fixed(support_of(fn)):
            site = f"{label_of(model)}.{name} ({where})"
            role = getattr(model, "sites", {})[name].role if name in getattr(model, "sites", {}) else ""
            may_miss = role == "latent" and has_finite_support(fn)
            verify_support(site, name, fn, rows[name], role=role, may_miss=may_miss)


def _is_fixed(support: Any) -> bool:
    """Whether a support is known, and the same for every row, so that other rows can be held against it."""
    while hasattr(support, "base_constraint"):
        support = support.base_constraint
    bounds = [getattr(support, name, None) for name in ("lower_bound", "upper_bound")]
    return support is not None and not any(isinstance(bound, Tensor) and bound.dim() for bound in bounds)
