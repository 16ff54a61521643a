"""``ppgen report``: runs as one page to read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ppgen.cli.options import SEED, output_option, run_options, runs_argument
from ppgen.cli.runs import open_run, scored_runs

__all__ = ["report"]


@click.command()
@runs_argument
@output_option("report.html", help="The page to write.", folder=True)
@click.option("--title", help="The page's heading.  [default: by the data]")
@click.option("--seed", type=SEED, default=0, show_default=True, help="Chooses the test data and samples shown.")
@run_options
def report(
    runs: tuple[str, ...],
    output: Path,
    title: str | None,
    seed: int,
    **opening: Any,
) -> None:
    """Write runs as one HTML page.

    The page is self-contained: tables, ranking, verdicts in words, and figures of every run. A run without scores is
    evaluated first.

    \b
    Examples:
      ppgen report runs/vae-digits
      ppgen report runs/demo -o runs/demo/report.html
      ppgen report runs/* --title "What digits are made of"
    """
    import ppgen
    from ppgen.reporting.report import report as write

    folders = scored_runs(runs, **opening)
    fits = {name: open_run(folder, **opening) for name, folder in folders.items()}
    comparison = ppgen.compare(folders, progress=False)
    click.echo(click.format_filename(write(comparison, output, fits=fits, title=title, seed=seed)))
