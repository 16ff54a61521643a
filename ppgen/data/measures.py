"""Measures: what the values of a column are before any likelihood."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from ppgen.arguments import one_of
from ppgen.errors import DataError

__all__ = ["MEASURES", "check_measure", "measure_of", "on_levels"]

MEASURES = ("binary", "8-bit", "integer", "unit interval", "continuous")


def measure_of(values: Iterable[Tensor]) -> str:
    """The first of :data:`MEASURES` that type and values prove.

    Args:
        values: tensors [N, ...] of one column, one for each split; empty ones prove nothing.

    Example:
        >>> measure_of([torch.tensor([0.0, 1.0]), torch.tensor([0.5])])
        'unit interval'
    """
    parts = [part for part in values if part.numel()]
    return next(known for known in MEASURES if all(_is_surely(known, part) for part in parts))


def check_measure(name: str, key: str, measure: str, values: list[Tensor]) -> None:
    """Refuse a measure that the values of a column cannot have.

    Args:
        name: of the data set, for the error text.
        key: of the column.
        measure: what a user says that the values are.
        values: tensors [N, ...], one for each split, none of them empty.

    Raises:
        SettingError: for an unknown measure.
        DataError: for one that does not hold.
    """
    one_of(f"{name}: measure", measure, MEASURES)
    if not all(_holds(measure, part) for part in values):
        low, high = min(v.min().item() for v in values), max(v.max().item() for v in values)
        raise DataError(
            f"{name}: {key} is not {measure}",
            expected=f"values of the measure {measure!r}",
            got=f"values in [{low:.4g}, {high:.4g}]",
            fix='binarize="static"' if measure == "binary" else "leave measure out: it is read from the values",
            code="D025",
        )


_FEWEST_LEVELS = 52  # k / 51 and coarser grids lie on that of k / 255 too


def on_levels(values: list[Tensor]) -> float | None:
    """The value of white, 255 or 1, of numbers that are surely pixels of 8 bits; ``None`` of any others.

    Bytes are, and so are floats on the levels ``k`` or ``k / 255`` that take more of them than a coarser grid has:
    by chance, no such numbers come about.

    Args:
        values: tensors [N, ...] of one column, one for each split.

    Example:
        >>> on_levels([torch.arange(100) / 255]), on_levels([torch.rand(100)]), on_levels([torch.tensor([0.0, 0.2])])
        (1.0, None, None)
    """
    if all(part.dtype == torch.uint8 for part in values):
        return 255.0 if any(bool((part > 1).any()) for part in values) else None
    white = 1.0 if max(part.max().item() for part in values) <= 1.0 else 255.0
    if not all(_on_grid(part * (255.0 / white)) for part in values):
        return None
    levels = torch.cat([(part * (255.0 / white)).round().flatten().unique() for part in values]).unique()
    return white if len(levels) > _FEWEST_LEVELS else None


def _is_surely(measure: str, values: Tensor) -> bool:
    """Whether a measure can be concluded from type and values; of floats, 8-bit levels cannot."""
    return values.dtype == torch.uint8 if measure == "8-bit" else _holds(measure, values)


def _holds(measure: str, values: Tensor) -> bool:
    """Whether values can have a measure."""
    match measure:
        case "binary":
            return bool(((values == 0) | (values == 1)).all())
        case "8-bit":
            return _on_grid(values) or _on_grid(values * 255.0)
        case "integer":
            return not values.is_floating_point() or bool((values == values.round()).all())
        case "unit interval":
            return bool(values.min() >= 0 and values.max() <= 1)
    return True


def _on_grid(values: Tensor) -> bool:
    """Whether all values are whole numbers in 0..255, up to the rounding of a division by 255."""
    real = values.to(torch.float64)
    return bool((real.min() >= -1e-3) & (real.max() <= 255.001) & ((real - real.round()).abs() < 1e-3).all())
