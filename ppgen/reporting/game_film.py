"""The film of an adversarial game on a line: data, draws and the critic, at some steps of training."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from ppgen.context import evaluating
from ppgen.reporting.illustration import Illustration
from ppgen.reporting.mosaic import Array
from ppgen.reporting.style import INK, PALETTE, STONE, MaybeAxes, house_style, panels
from ppgen.training import Callback

__all__ = ["GameFilm"]

_DRAWS, _PLACES = 2000, 121


@dataclasses.dataclass(frozen=True)
class Frame:
    """What both players were at one step.

    Args:
        step: of training.
        draws: of the model, [N].
        scores: of the critic, at the places of the film, [S].
    """

    step: int
    draws: Array
    scores: Array


class GameFilm(Callback):
    """Films an adversarial fit of numbers on a line: a callback of ``ppgen.fit`` that keeps a frame at each step named.

    Args:
        data: numbers on a line, [N, 1].
        steps: of training at which a frame is kept.

    Example:
        >>> import ppgen
        >>> x = torch.randn(200, 1)
        >>> film = GameFilm(x, steps=(1, 4))
        >>> model = ppgen.models.GAN((1,), 1, hidden=(8,), output="none")
        >>> fit = ppgen.fit(model, x, max_epochs=2, callbacks=[film], progress=False)
        >>> [frame.step for frame in film.frames]
        [1, 4]
    """

    def __init__(self, data: torch.Tensor, steps: Sequence[int]) -> None:
        self.data, self.steps = data.flatten().double().cpu().numpy(), frozenset(steps)
        low, high = float(self.data.min()), float(self.data.max())
        margin = 0.25 * (high - low)
        self.places = np.linspace(low - margin, high + margin, _PLACES)
        self.frames: list[Frame] = []

    def step(self, training: Any) -> None:
        """Keep a frame, if this is a step to keep one of."""
        if training.step not in self.steps:
            return
        model, critic = training.fit.model, training.fit.state.networks["critic"]
        site = next(name for name, each in model.sites.items() if each.role == "implicit")
        with evaluating(model, critic):
            draws = model(size=_DRAWS)[site]
            scores = critic(torch.as_tensor(self.places).to(draws).unsqueeze(-1))
        self.frames.append(Frame(training.step, *(each.flatten().double().cpu().numpy() for each in (draws, scores))))

    def draw(self, ax: MaybeAxes = None) -> Illustration:
        """A column a frame: above, the densities of data and draws; below, the critic's scores.

        Args:
            ax: to draw in; default: a new figure.
        """
        ends = float(self.places[0]), float(self.places[-1])
        bins = np.linspace(*ends, 41).tolist()
        with house_style():
            each = panels(ax, (2.1 * len(self.frames), 3.2), len(self.frames), (1.6, 1.0))
            for column, frame in enumerate(self.frames):
                above, below = each[0][column], each[1][column]
                above.hist(self.data, bins=bins, density=True, color=STONE, alpha=0.6, label="data")
                shown = np.clip(frame.draws, *ends)
                above.hist(shown, bins=bins, density=True, histtype="step", color=PALETTE[1], label="draws")
                above.set(title=f"step {frame.step}", xlim=ends, xticks=[], yticks=[])
                below.plot(self.places, frame.scores, color=PALETTE[0])
                below.axhline(0.0, color=INK, linewidth=0.5)
                below.set(xlim=ends, yticks=[], xlabel="x")
            each[0][0].legend(loc="upper left")
            each[1][0].set_ylabel("critic")
        last = self.frames[-1].step
        said = f"Data, draws and the critic's scores in {len(self.frames)} frames up to step {last}; its line is at 0"
        return Illustration(each[0][0].figure, f"{said}.", f"{said}.")
