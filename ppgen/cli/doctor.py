"""``ppgen doctor``: what is wrong with a run, and what to do about it."""

from __future__ import annotations

from typing import Any

import click

from ppgen.cli.flags import fix_in_flags
from ppgen.cli.options import SEED, run_options, runs_argument
from ppgen.cli.runs import find_runs, open_run

__all__ = ["doctor"]


@click.command()
@runs_argument
@click.option("--seed", type=SEED, default=0, show_default=True, help="Of all draws.")
@run_options
def doctor(runs: tuple[str, ...], seed: int, **opening: Any) -> None:
    """Say what is wrong with a run, in plain words.

    It looks at how training ended, convergence, overfitting, the adversarial game, posterior collapse, the guide's
    importance weights and its calibration, and densities of values on a grid. Each complaint comes with its remedy;
    what could not be looked at is said.

    \b
    Examples:
      ppgen doctor runs/vae-digits
      ppgen doctor runs/*
    """
    from ppgen.reporting import examine

    context = click.get_current_context()
    group = context.find_root().command
    commands = group.commands if isinstance(group, click.Group) else {}
    for folder in find_runs(runs).values():
        found = fix_in_flags(str(examine(open_run(folder, **opening), seed=seed)), context.command.params, commands)
        click.echo(f"{folder}:\n" + "\n".join(f"  {line}" for line in found.splitlines()))
