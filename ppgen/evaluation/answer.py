"""What one question to a fit brought to light."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from ppgen.estimate import Estimate

__all__ = ["Answer", "reason_of"]


@dataclasses.dataclass
class Answer:
    """The estimates of one question, the baselines beside them, and what could not be said.

    Args:
        estimates: by metric.
        baselines: by metric and name, ``"kid real/real"``.
        refusals: the reason for each metric of the question that has no number.
        per_datum: log-densities [N], for paired comparison.
        facts: what a reader needs to know of how the numbers came about.
    """

    estimates: dict[str, Estimate] = dataclasses.field(default_factory=dict)
    baselines: dict[str, Estimate] = dataclasses.field(default_factory=dict)
    refusals: dict[str, str] = dataclasses.field(default_factory=dict)
    per_datum: np.ndarray | None = None
    facts: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def reason_of(error: Exception | str) -> str:
    """A refusal on one line."""
    return "; ".join(line.strip() for line in str(error).splitlines() if line.strip())
