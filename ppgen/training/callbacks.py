"""Callbacks: what a user adds to training, at its start, after steps and epochs, and at its end."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ppgen.errors import SettingError
from ppgen.fitted import Fit

__all__ = ["RESERVED", "Callback", "ChoiceNote", "ProgressBar", "Training", "check_callbacks"]

RESERVED = ("early", "interrupted", "diverged")
"""What ppgen itself says of why training ended."""


class Training:
    """A fit under way, as a callback sees it.

    Args:
        fit: with the weights as they are, averaged ones after an epoch; it answers all that a fit answers.
        max_epochs: when training ends at the latest.
        num_batches: steps of an epoch.

    Attributes:
        epoch: epochs done.
        step: steps done.
        record: the parts of the last step's losses, [] each, on the device.
        row: what history will say of the epoch that ended: ``row["train"]``, ``row["valid"]``.
        stopped: the reason to end, ``""`` as long as there is none.
    """

    def __init__(self, fit: Fit, max_epochs: int, num_batches: int) -> None:
        self.fit, self.max_epochs, self.num_batches = fit, max_epochs, num_batches
        self.epoch = self.step = 0
        self.record: Mapping[str, Tensor] = {}
        self.row: dict[str, Any] = {}
        self.stopped = ""
        self.is_between_epochs = False

    def log(self, name: str, value: Any) -> None:
        """Put a number beside the epoch's own in history, as ``row["logged"][name]``.

        Args:
            name: of the number.
            value: a number, or a tensor [].

        Raises:
            SettingError: if it is no finite number, or there is no row for it: only ``epoch`` has one.
        """
        if not self.is_between_epochs:
            raise SettingError(
                f"callback: there is no row of history for {name!r} here",
                expected="training.log in def epoch(self, training), after an epoch and its validation",
                got="start, step or end",
                fix="keep it in the callback, self.values.append(...), and log it in epoch",
                code="S128",
            )
        try:
            number = float(value.detach() if isinstance(value, Tensor) else value)
        except (TypeError, ValueError, RuntimeError):
            number = math.nan
        if not math.isfinite(number):
            raise SettingError(
                f"callback: {name!r} is no finite number, which history could keep",
                expected="a finite number, or a tensor of one",
                got=repr(value),
                fix=f'training.log("{name}", float(...)), in epoch(self, training)',
                code="S107",
            )
        self.row.setdefault("logged", {})[name] = number

    def stop(self, reason: str = "callback") -> None:
        """End training after this step or epoch; ``fit.stopped`` says why. An epoch that has begun gets no row.

        Args:
            reason: in a word or two.

        Raises:
            SettingError: if it is no text, or what ppgen says of itself.
        """
        if not isinstance(reason, str) or not reason or reason in RESERVED:
            raise SettingError(
                "callback: training stops for a reason",
                expected=f"a text, other than {', '.join(RESERVED)}",
                got=repr(reason),
                fix='training.stop("good enough")',
                code="S108",
            )
        self.stopped = reason


class Callback:
    """The base class of callbacks: ``ppgen.fit(..., callbacks=[MyCallback()])``. A subclass has what it needs of these.

    Callbacks may look at everything, log numbers and end the training. The random state is put back after each of
    them, so that one that draws changes no fit.

    Example:
        >>> class GoodEnough(Callback):
        ...     def epoch(self, training):
        ...         training.log("loss again", training.row["train"]["loss"])
        ...         if training.row["train"]["loss"] < 30:
        ...             training.stop("good enough")
        >>> import ppgen
        >>> fit = ppgen.fit(ppgen.models.VAE((1, 8, 8)), data="digits", max_epochs=2, progress=False,
        ...                 callbacks=[GoodEnough()])
        >>> sorted(fit.history[0]["logged"])
        ['loss again']
    """

    def start(self, training: Training) -> None:
        """Before the first step, also of a run that is taken up."""

    def step(self, training: Training) -> None:
        """After every step; ``training.record`` holds its losses."""

    def epoch(self, training: Training) -> None:
        """After every epoch and its validation; ``training.row`` becomes its row of history."""

    def end(self, training: Training) -> None:
        """After the last step, whatever ended it; ``training.stopped`` says what."""


class ChoiceNote(Callback):
    """Says in the first row of history what was chosen for the user.

    Args:
        what: a word, ``row``'s key.
        text: one line.
    """

    def __init__(self, what: str, text: str) -> None:
        self.what, self.text = what, text

    def epoch(self, training: Training) -> None:
        if training.epoch == 1:
            training.row[self.what] = self.text


class ProgressBar(Callback):
    """The bar of a fit: steps, and the last epoch's bound or losses.

    Args:
        title: in front of the bar.
        said: what stands above it: what was chosen for the user.
    """

    def __init__(self, title: str, said: str = "") -> None:
        self.title, self.said = title, said

    def start(self, training: Training) -> None:
        from tqdm.auto import tqdm

        if self.said:
            tqdm.write(f"{self.title}: {self.said}", file=sys.stderr)
        total = training.max_epochs * training.num_batches
        self.bar = tqdm(total=total, initial=training.step, unit="step", desc=self.title, leave=False)

    def step(self, training: Training) -> None:
        self.bar.update(1)

    def epoch(self, training: Training) -> None:
        self.bar.set_postfix_str(_headline(training.row))

    def end(self, training: Training) -> None:
        self.bar.close()


def check_callbacks(callbacks: Any) -> tuple[Callback, ...]:
    """The callbacks that a user gave.

    Raises:
        SettingError: naming the first that is none.
    """
    given = tuple(callbacks) if isinstance(callbacks, (list, tuple)) else (callbacks,)
    for callback in given:
        if not isinstance(callback, Callback):
            is_class = isinstance(callback, type)
            name = callback.__name__ if is_class else type(callback).__name__
            raise SettingError(
                "fit: this is no callback",
                expected="a list of ppgen.Callback objects",
                got=f"the class {name} itself" if is_class else name,
                fix=f"callbacks=[{name}()]"
                if is_class
                else "class Mine(ppgen.Callback): def epoch(self, training): ...",
                code="S109",
            )
    return given


def _headline(row: Mapping[str, Any]) -> str:
    """The quantities of an epoch that stand beside the bar."""
    split = "valid" if row.get("valid") else "train"
    keys = [key for key in ("elbo", "log_prob", "log_joint") if key in row[split]] or list(row[split])[:2]
    return f"{split} " + ", ".join(f"{key} {row[split][key]:.2f}" for key in keys)
