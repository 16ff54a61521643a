"""A temperature for the draws of a model: its autoregressive sites draw from the distribution that it gives them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from pyro.poutine.messenger import Messenger

from ppgen.declare import label_of
from ppgen.distributions import Tempering
from ppgen.errors import Unanswerable

__all__ = ["at_temperature"]


class _AtTemperature(Messenger):
    """Around a run of a model: every site that can be drawn at a temperature is."""

    def __init__(self, temperature: float) -> None:
        super().__init__()
        self.temperature, self.met = temperature, False

    def _pyro_sample(self, msg: Any) -> None:
        if isinstance(msg["fn"], Tempering):
            msg["fn"], self.met = msg["fn"].tempered(self.temperature), True


@contextlib.contextmanager
def at_temperature(temperature: float, model: Any) -> Iterator[None]:
    """A block of draws at a temperature; at 1, a block like any other.

    Args:
        temperature: above 0.
        model: that is drawn from, for the message.

    Raises:
        Unanswerable: if no site had conditionals to sharpen.
    """
    if temperature == 1.0:
        yield
        return
    with _AtTemperature(temperature) as handler:
        yield
    if not handler.met:
        raise Unanswerable(
            f"temperature: no site of {label_of(model)} is drawn position by position",
            expected="an autoregressive site, whose conditionals a temperature sharpens",
            got=f"temperature={temperature}",
            fix="temperature=1.0; mean=True shows the likelihood's mean, which is smoother than a draw",
        )
