"""``ppgen interpolate``: the way from one code to another, as a picture or as numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ppgen.cli.assignments import assignments
from ppgen.cli.options import output_option, run_argument, run_options
from ppgen.cli.output import verify_output
from ppgen.cli.runs import open_run
from ppgen.cli.walking import WALKS, start_of, walk_options, write_walk

__all__ = ["interpolate"]


@click.command()
@run_argument
@click.option("--from", "first", type=int, multiple=True, default=(0,), help="A row of the test split.  [default: 0]")
@click.option("--to", "last", type=int, multiple=True, default=(1,), help="Where to.  [default: 1]")
@click.option(
    "--path",
    type=click.Choice(["spherical", "linear"]),
    help="By which way.  [default: spherical where z is Normal]",
)
@click.option("--steps", type=int, default=9, show_default=True, help="Columns, both ends among them.")
@walk_options
@output_option("interpolation.png")
@run_options
def interpolate(
    run: Path,
    first: tuple[int, ...],
    last: tuple[int, ...],
    path: str | None,
    steps: int,
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
    """Walk from one code to another.

    The codes are those of rows of the test split, or draws of the prior.

    \b
    Examples:
      ppgen interpolate runs/vae-digits --from 3 --to 8
      ppgen interpolate runs/vae-digits --from 3 --from 4 --to 8 --to 9 --path linear
      ppgen interpolate runs/gan-digits -n 5 -o between.png
    """
    verify_output(output, WALKS)
    values = assignments(given, "--given")
    fit = open_run(run, **opening)
    ends = start_of(fit, first, prior), start_of(fit, last, prior)
    settings = {"site": site, "steps": steps, "hold": hold, "n": number, "seed": seed}
    write_walk(fit.interpolate(*ends, path, **settings, **values), output, fit.data if scores else None)
