"""Whether a batch can be run at all: it has rows, finite numbers, and what the model observes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ppgen.declare.batch import batch_rows
from ppgen.declare.look import label_of
from ppgen.declare.program import ProgramPart
from ppgen.declare.verify import verify_finite
from ppgen.errors import DataError

__all__ = ["verify_given", "verify_rows_given"]


def verify_rows_given(batch: Mapping[str, Tensor]) -> None:
    """Check that a batch has rows, of finite numbers.

    Args:
        batch: tensors ``[rows, ...]`` by site and covariate.

    Raises:
        DataError: naming the tensor.
    """
    if batch_rows(batch, None) < 1:
        shapes = ", ".join(f"{name} of shape {list(value.shape)}" for name, value in batch.items())
        raise DataError(
            "the data set is empty",
            expected="at least one data point, [batch, ...]",
            got=shapes,
            fix="check the file, filter or split that it came from",
            code="D050",
        )
    for name, value in batch.items():
        verify_finite("batch", name, value)


def verify_given(model: Any, batch: Mapping[str, Tensor]) -> None:
    """Check that a batch has every observed site of a declared model.

    Args:
        model: a model, or the model of a program.
        batch: tensors ``[rows, ...]`` by site and covariate; an empty one is that of a prior run.

    Raises:
        DataError: naming the site.
    """
    if not batch or isinstance(model, ProgramPart):
        return
    for site in model.sites.values():
        if site.role == "observed" and site.name not in batch:
            raise DataError(
                f"{label_of(model)}.{site.name}: the data do not contain this observed site",
                expected=f"a tensor under the key {site.name!r}",
                got=f"keys {sorted(batch)}",
                fix=f'data={{"{site.name}": tensor}}',
                code="D051",
            )
