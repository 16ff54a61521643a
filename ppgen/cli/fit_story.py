"""What ``ppgen fit`` says before it begins, and when it is done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from ppgen import zoo
from ppgen.cli.assembly import Assembled
from ppgen.cli.flags import fix_in_flags

if TYPE_CHECKING:
    from ppgen.data import Dataset
    from ppgen.fitted import Fit

__all__ = ["headline", "summary"]


def headline(built: Assembled, dataset: Dataset, recipe: zoo.Recipe | None, options: Sequence[click.Parameter]) -> str:
    """What is known before the fit; a guide and an objective that nobody asked for are chosen by ``ppgen.fit``.

    Args:
        built: what is to be fitted.
        dataset: to what.
        recipe: that it is of, if it is of one.
        options: of the command, in whose words decisions are told.
    """
    from ppgen.declare import Program

    model = "a Pyro model and guide written by hand" if isinstance(built.model, Program) else str(built.model)
    guide = [] if built.guide is None else [f"guide {type(built.guide).__name__}"]
    objective = [] if built.objective is None else [f"objective {built.objective.name}"]
    decided = [fix_in_flags(line, options) for line in zoo.said(dataset, built.model)] if recipe else []
    return "\n".join([model, *guide, *objective, repr(dataset), *decided, ""])


def summary(fitted: Fit) -> str:
    """How the fit went: its last epoch, or the best one where its weights were kept; and what went wrong in a game.

    Args:
        fitted: the fit.
    """
    from ppgen.declare import label_of

    row, which = fitted.history[-1], "last"
    scored = [row for row in fitted.history if "loss" in row.get("valid", {})]
    if fitted.settings.get("patience") is not None and scored:
        row, which = min(scored, key=lambda row: row["valid"]["loss"]), "best"
    split = "valid" if row.get("valid") else "train"
    numbers = ", ".join(
        f"{name} {value:.2f}" for name, value in row[split].items() if isinstance(value, float) and name != "loss"
    )
    took = (
        f"{len(fitted.history)} epoch{'s' * (len(fitted.history) != 1)} in {fitted.seconds:.1f} s"
        + ", stopped early" * (fitted.stopped == "early")
    )
    guide = [] if fitted.guide is None else [f"guide {label_of(fitted.guide)}"]
    pair = ", ".join([*guide, f"objective {fitted.objective.name}"])
    notes = []
    if "critic_loss" in row["train"]:
        from ppgen.reporting import game_notes

        notes = game_notes(fitted.history)
    return "\n".join([f"{pair}: {took}; {which} epoch {row['epoch']}, {split}: {numbers}", *notes])
