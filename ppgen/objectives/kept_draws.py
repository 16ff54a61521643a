"""A step whose players share what the model drew, so that no generator runs twice on one batch."""

from __future__ import annotations

__all__ = ["StepWithDraws"]

import dataclasses
from collections.abc import Callable

from torch import Tensor

from ppgen.objectives.objective import Step

Draws = dict[str, Tensor]


@dataclasses.dataclass(frozen=True, eq=False)
class StepWithDraws(Step):
    """A step in which the critic's turn leaves its draws to the generator's.

    Between the two turns the generator has not moved: its draws, and the graph behind them, are the same still. Who
    takes them takes them away, since a graph serves one gradient only.

    Args:
        left: draws by site, as the last turn left them; empty before.
    """

    left: Draws = dataclasses.field(default_factory=dict)

    def leave(self, drawn: Draws) -> Draws:
        """Keep draws for the next turn.

        Args:
            drawn: by site, [B, ...] each, with the graph behind them.

        Returns:
            The same, detached.
        """
        self.left.update(drawn)
        return {name: value.detach() for name, value in drawn.items()}

    def take(self, draw: Callable[[], Draws]) -> Draws:
        """The draws that were left; where there are none, new ones.

        Args:
            draw: makes them.
        """
        taken = dict(self.left) or draw()
        self.left.clear()
        return taken
