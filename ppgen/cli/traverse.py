"""``ppgen traverse``: what each dimension of a latent stands for, as a picture or as numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ppgen.cli.assignments import assignments
from ppgen.cli.options import output_option, run_argument, run_options
from ppgen.cli.output import verify_output
from ppgen.cli.runs import open_run
from ppgen.cli.walking import WALKS, start_of, walk_options, write_walk

__all__ = ["traverse"]


@click.command()
@run_argument
@click.option("--row", "rows", type=int, multiple=True, default=(0,), help="A row of the test split.  [default: 0]")
@click.option("--dim", "dims", type=int, multiple=True, help="A dimension to walk.  [default: the active ones]")
@click.option("--steps", type=int, default=9, show_default=True, help="Columns.")
@click.option(
    "--span",
    type=click.Choice(["prior", "posterior"]),
    help="Whose quantiles to walk through.  [default: prior; posterior where codes are points]",
)
@walk_options
@output_option("traversal.png")
@run_options
def traverse(
    run: Path,
    rows: tuple[int, ...],
    dims: tuple[int, ...],
    steps: int,
    span: str | None,
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
    """Walk along one dimension of a latent at a time.

    \b
    Examples:
      ppgen traverse runs/vae-digits
      ppgen traverse runs/vae-digits --row 3 --row 8 --dim 0 --dim 5
      ppgen traverse runs/hvae-digits --site z2 -o top.png
      ppgen traverse runs/cvae-digits --given y=3
      ppgen traverse runs/gan-digits --seed 4 -o noise.npz
    """
    verify_output(output, WALKS)
    values = assignments(given, "--given")
    fit = open_run(run, **opening)
    start = start_of(fit, rows, prior)
    settings = {"steps": steps, "span": span, "hold": hold, "n": number, "seed": seed}
    write_walk(fit.traverse(start, site, dims or None, **settings, **values), output, fit.data if scores else None)
