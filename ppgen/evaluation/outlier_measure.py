"""A score of outliers: a function of suspects that is larger the less they are like the training data."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import torch
from torch import Tensor

from ppgen.errors import DataError, SettingError
from ppgen.evaluation.suspects import Suspects

__all__ = ["OutlierScore", "scored"]


@dataclasses.dataclass(frozen=True)
class OutlierScore:
    """A score of outliers, ours or yours.

    Args:
        key: its name: ``"typicality"``.
        function: of :class:`~ppgen.evaluation.Suspects`, gives one number for each row, [N]: larger for what is less
            like the training data. It raises a :class:`~ppgen.errors.PpgenError` where it has no answer.
        title: its name in print; default: the key.

    Example:
        >>> ink = OutlierScore("ink", lambda suspects: suspects.x.flatten(1).sum(1))
        >>> ink.title
        'ink'
    """

    key: str
    function: Callable[[Suspects], Tensor]
    title: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.key, str) or not self.key or not callable(self.function):
            raise SettingError(
                "OutlierScore: a score has a name and a function",
                expected="OutlierScore(key, function)",
                got=f"{self.key!r}, {self.function!r}",
                fix='ppgen.OutlierScore("ink", lambda suspects: suspects.x.flatten(1).sum(1))',
                code="S226",
            )
        if not self.title:
            object.__setattr__(self, "title", self.key)


def scored(score: OutlierScore, rows: Suspects) -> Tensor:
    """The values of a score, [N] in float64 on the CPU.

    Args:
        score: which.
        rows: of which data.

    Raises:
        DataError: unless there is a number for each row; infinite ones can be ranked.
    """
    values = torch.as_tensor(score.function(rows)).detach().cpu().double()
    if values.shape != (rows.size,) or bool(values.isnan().any()):
        raise DataError(
            f"outlier score {score.key}: there is not one number for each row",
            expected=f"[{rows.size}], none of them NaN",
            got=f"{list(values.shape)}, {int(values.isnan().sum())} NaN",
            fix="return one number for each row, or raise ppgen.Unanswerable with the reason",
            code="D125",
        )
    return values
