"""Where training stands, beside weights and optimizer state."""

from __future__ import annotations

import dataclasses

__all__ = ["Progress"]


@dataclasses.dataclass
class Progress:
    """Where training stands, as its checkpoints say.

    Args:
        epoch: epochs done.
        position: batches done of the epoch that has begun.
        step: optimizer steps done.
        seconds: of training, over all processes that took it up.
        best_loss: the smallest validation loss, if early stopping asks for it.
        best_epoch: the epoch of that loss, whose weights are kept.
        lowered: what the learning rate is multiplied by since validation stalled.
        lowered_at: the epoch after which it is.
        stopped: ``""``, ``"early"``, ``"interrupted"``, ``"diverged"``, or a callback's reason.
    """

    epoch: int = 0
    position: int = 0
    step: int = 0
    seconds: float = 0.0
    best_loss: float | None = None
    best_epoch: int = 0
    lowered: float = 1.0
    lowered_at: int = 0
    stopped: str = ""

    def must_fit(self, epochs: int, num_batches: int) -> None:
        """Refuse what no training can have written.

        Args:
            epochs: rows of the history.
            num_batches: of an epoch.

        Raises:
            ValueError: if steps, epochs and batches contradict one another.
        """
        in_order = 0 <= self.step <= self.epoch * num_batches + self.position and 0 <= self.position <= num_batches
        if epochs != self.epoch or not in_order:
            raise ValueError(f"{self} after {epochs} epochs of {num_batches} batches")
