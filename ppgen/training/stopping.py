"""When a fit ends: after so many epochs, or when validation stalls, the learning rate lowered once before."""

from __future__ import annotations

import dataclasses
import math

from ppgen.objectives import Objective, TrainingPosition

__all__ = ["LOWERED", "Stopping", "choose_stopping", "settled_after"]

MOST_EPOCHS, MOST_STEPS = 200, 2000
"""Of a fit that ends when validation stalls: it never takes more than these, whichever is longer."""

WITHOUT_VALIDATION = 3000
"""Steps of a fit that has no validation loss to wait for."""

FEWEST_EPOCHS_WAITED, STEPS_WAITED = 5, 400
"""For a better validation loss: whichever is longer, since an epoch of few steps changes little."""

LOWERED = 0.2
"""What the learning rate is multiplied by when validation has stalled for the first time."""


@dataclasses.dataclass(frozen=True)
class Stopping:
    """When a fit ends.

    Args:
        max_epochs: at the latest.
        patience: epochs without a better validation loss to wait for, whose weights are kept; ``None`` trains to the
            last epoch and keeps the last weights.
        lowers: whether the learning rate is lowered, and as long waited again, before that ends the fit.
        said: the choice in words, where it was not the user's.
    """

    max_epochs: int
    patience: int | None = None
    lowers: bool = False
    said: str = ""

    def settings(self) -> dict[str, object]:
        """What a run folder says of it."""
        on_plateau = "lower" if self.lowers else "stop"
        return {"max_epochs": self.max_epochs, "patience": self.patience, "on_plateau": on_plateau}


def choose_stopping(
    max_epochs: int | None,
    patience: int | None,
    *,
    num_batches: int,
    has_validation: bool,
    is_constant: bool,
    keeps_best: bool = False,
) -> Stopping:
    """The user's number of epochs, else what data and objective allow.

    Args:
        max_epochs: as given to :func:`fit`.
        patience: likewise.
        num_batches: of an epoch.
        has_validation: whether there are a validation split and one loss that is a measure of the fit.
        is_constant: whether the learning rate has no schedule of its own, which would have to know the end.
        keeps_best: whether a fit of a known end keeps the weights that validation liked best.

    Example:
        >>> choose_stopping(7, None, num_batches=10, has_validation=True, is_constant=True)
        Stopping(max_epochs=7, patience=None, lowers=False, said='')
        >>> choose_stopping(None, None, num_batches=100, has_validation=True, is_constant=True).said
        'until validation stalls for 5 epochs twice, the learning rate lowered between; at most 200 epochs'
    """
    if max_epochs is not None:
        return Stopping(max_epochs, patience)
    if not (has_validation and is_constant):
        epochs = math.ceil(WITHOUT_VALIDATION / num_batches)
        why = "no validation loss to wait for" if is_constant else "a schedule needs an end"
        kept = epochs if keeps_best and patience is None else patience
        return Stopping(epochs, kept, said=f"{epochs} epochs of {num_batches} steps, as there is {why}")
    epochs = max(MOST_EPOCHS, math.ceil(MOST_STEPS / num_batches))
    waited = patience or max(FEWEST_EPOCHS_WAITED, math.ceil(STEPS_WAITED / num_batches))
    twice = f"until validation stalls for {waited} epochs twice, the learning rate lowered between"
    return Stopping(epochs, waited, lowers=True, said=f"{twice}; at most {epochs} epochs")


def settled_after(objective: Objective, max_epochs: int, num_batches: int) -> int:
    """The epochs after which nothing is scheduled any more: before, validation may stall because the loss is another.

    Args:
        objective: of the fit.
        max_epochs: likewise.
        num_batches: of an epoch.
    """
    ends = (TrainingPosition(epoch * num_batches, float(epoch)) for epoch in range(max_epochs + 1))
    values = [objective.schedule(position) for position in ends]
    return next((epoch for epoch in range(max_epochs, 0, -1) if values[epoch - 1] != values[-1]), 0)
