"""Learning curves: the ELBO, log-likelihood or losses of a fit, epoch by epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ppgen.errors import Unanswerable
from ppgen.reporting.illustration import Illustration
from ppgen.reporting.style import (
    MUTED,
    PALETTE,
    Axes,
    MaybeAxes,
    epoch_axis,
    house_style,
    label_line_ends,
    numeral,
    panels,
)

__all__ = ["draw_history", "learning_curves"]

History = Sequence[Mapping[str, Any]]

_WHERE = {"train": "on training data", "valid": "on validation data"}
_LOSS = "_loss"
_QUANTITIES = {"elbo": "ELBO", "log_prob": "log-likelihood", "loss": "loss", "log_joint": "log joint density"}


def learning_curves(histories: History | Mapping[str, History], *, ax: MaybeAxes = None) -> Illustration:
    """Draw the quantity that tells how far training has come, one small panel a model.

    The true ELBO where there is one, else the log-likelihood, else the loss that is minimised, on the training and
    validation splits; for adversarial training the losses of both players.

    Args:
        histories: ``fit.history``, or several by the name of their model. A row is
            ``{"epoch": 1, "train": {"elbo": ...}, "valid": {...}}``.
        ax: to draw in; default: a new figure.

    Returns:
        The figure; panels share the epoch axis but not the value axis, since models of different kinds have none in
        common.

    Raises:
        Unanswerable: if there is no epoch to draw.
    """
    named: Mapping[str, History] = histories if isinstance(histories, Mapping) else {"": histories}
    if not named or not all(named.values()):
        empty = next((name for name, history in named.items() if name and not history), "")
        raise Unanswerable(
            f"no whole epoch was trained{f' for {empty}' if empty else ''}, so there is no learning curve",
            expected="at least one row of fit.history",
            fix="fit for at least one epoch",
            code="U021",
        )
    columns = min(3, len(named))
    rows = math.ceil(len(named) / columns)
    with house_style():
        each = panels(ax, (3.2 * columns, 2.5 * rows), columns, [1.0] * rows).ravel()
        sentences = [draw_history(axes, *entry) for axes, entry in zip(each, named.items(), strict=False)]
        for axes in each[len(named) :]:
            axes.set_axis_off()
    if any("critic" in _players(history) for history in named.values()):
        sentences.append("these losses show a balance between two players, not progress")
    caption = f"{'; '.join(sentences)}."
    return Illustration(each[0].figure, f"Learning curve: {caption}", caption[:1].upper() + caption[1:])


def draw_history(axes: Axes, name: str, history: History) -> str:
    """Draw the learning curve of one model and say in words where it ended.

    Args:
        axes: to draw in.
        name: of the model, for the title; may be empty.
        history: a row an epoch.
    """
    from matplotlib.ticker import MaxNLocator

    title, curves = _curves(history)
    ends = []
    for (label, (epochs, heights)), colour in zip(curves.items(), PALETTE, strict=False):
        # A single epoch is a point, which a line would not show.
        axes.plot(epochs, heights, color=colour, label=label, marker="o" if len(epochs) == 1 else None, markersize=4)
        ends.append((epochs[-1], heights[-1], label, colour))
    epoch_axis(axes)
    axes.set(title=name or title[:1].upper() + title[1:], ylabel=f"{title}, nats" if name else "nats per datum")
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5))
    axes.grid(axis="y")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    if not ends:
        axes.text(0.5, 0.5, "nothing was recorded", transform=axes.transAxes, ha="center", color=MUTED)
        return "nothing was recorded"
    label_line_ends(axes, ends)
    last = max(epoch for epoch, _, _, _ in ends)
    values = " and ".join(f"{numeral(value, 1)} {_WHERE.get(label, f'of the {label}')}" for _, value, label, _ in ends)
    return f"{name + ': ' if name else ''}after {last:g} epochs the {title} is {values}"


def _curves(history: History) -> tuple[str, dict[str, tuple[list[float], list[float]]]]:
    """The quantity's title and its curves, by name, as epochs and values."""
    if players := _players(history):
        return "loss", {player: _read(history, "train", player + _LOSS) for player in players}
    for key, title in _QUANTITIES.items():
        curves = {split: _read(history, split, key) for split in ("train", "valid")}
        if any(epochs for epochs, _ in curves.values()):
            return title, {split: curve for split, curve in curves.items() if curve[0]}
    return "loss", {}


def _players(history: History) -> list[str]:
    """Who has a loss of its own: the two players of adversarial training."""
    keys = dict.fromkeys(key for row in history for key in row.get("train", {}) if key.endswith(_LOSS))
    return [key.removesuffix(_LOSS) for key in keys]


def _read(history: History, split: str, key: str) -> tuple[list[float], list[float]]:
    """Epochs and values of the rows that have this number."""
    rows = [(float(row["epoch"]), float(row[split][key])) for row in history if key in row.get(split, {})]
    return [epoch for epoch, _ in rows], [value for _, value in rows]
