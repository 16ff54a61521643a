"""The part of a data set that a fit is judged on."""

from __future__ import annotations

import dataclasses

__all__ = ["DataSplit"]


@dataclasses.dataclass(frozen=True)
class DataSplit:
    """The data that a fit is judged on.

    Args:
        name: of the data set.
        size: number of data points.
        split: its name.

    Example:
        >>> print(DataSplit("digits", 360))
        digits, test split, 360 data points
    """

    name: str
    size: int
    split: str = "test"

    @property
    def part(self) -> str:
        """Which part of the data set it is: ``"test split, 360 data points"``."""
        return f"{self.split} split, {self.size} data points"

    def __str__(self) -> str:
        return f"{self.name}, {self.part}"
