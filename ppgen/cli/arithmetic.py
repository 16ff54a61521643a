"""``ppgen arithmetic``: what tells two groups apart, added to other data, as a picture or as numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ppgen.cli.assignments import assignments
from ppgen.cli.options import output_option, run_argument, run_options
from ppgen.cli.output import verify_output
from ppgen.cli.runs import open_run
from ppgen.cli.walking import WALKS, rows_where, start_of, walk_options, write_walk

__all__ = ["arithmetic"]


@click.command()
@run_argument
@click.option("--positive", multiple=True, metavar="NAME=VALUE", help="Rows that have what to add (needed).")
@click.option("--negative", multiple=True, metavar="NAME=VALUE", help="Rows that lack it (needed).")
@click.option("--row", "rows", type=int, multiple=True, default=(0,), help="A row to add it to.  [default: 0]")
@click.option(
    "--strength",
    type=float,
    multiple=True,
    default=(0.0, 0.5, 1.0, 1.5),
    help="How much of it to add.  [default: 0 0.5 1 1.5]",
)
@walk_options
@output_option("arithmetic.png")
@run_options
def arithmetic(
    run: Path,
    positive: tuple[str, ...],
    negative: tuple[str, ...],
    rows: tuple[int, ...],
    strength: tuple[float, ...],
    site: str | None,
    hold: bool,
    prior: bool,
    number: int,
    given: tuple[str, ...],
    seed: int,
    scores: bool,
    output: Path,
    **opening: Any,
) -> None:
    """Add to codes what tells two groups apart.

    That is the difference of the groups' mean codes; groups and rows are of the test split.

    \b
    Examples:
      ppgen arithmetic runs/vae-digits --positive y=8 --negative y=3 --row 5
      ppgen arithmetic runs/vae-sprites --positive shape=2 --negative shape=0 --row 1 --row 2
      ppgen arithmetic runs/vae-digits --positive y=8 --negative y=3 --row 5 --row 6 --scores
    """
    verify_output(output, WALKS)
    values = assignments(given, "--given")
    groups = {"--positive": assignments(positive, "--positive"), "--negative": assignments(negative, "--negative")}
    fit = open_run(run, **opening)
    plus, minus = (rows_where(fit, conditions, option) for option, conditions in groups.items())
    settings = {"strength": strength, "site": site, "hold": hold, "n": number, "seed": seed}
    walk = fit.arithmetic(plus, minus, start_of(fit, rows, prior), **settings, **values)
    write_walk(walk, output, fit.data if scores else None, groups["--positive"])
