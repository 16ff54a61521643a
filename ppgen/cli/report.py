"""``ppgen report``: runs as one page to read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ppgen.cli.options import SEED, group_option, output_option, run_options, runs_argument
from ppgen.cli.runs import by_folder, open_run, scored_runs

__all__ = ["report"]


@click.command()
@runs_argument
@output_option("report.html", help="The page to write.", folder=True)
@click.option("--title", help="The page's heading.  [default: by the data]")
@click.option("--seed", type=SEED, default=0, show_default=True, help="Chooses the test data and samples shown.")
@group_option
@run_options
def report(
    runs: tuple[str, ...],
    output: Path,
    title: str | None,
    seed: int,
    group: bool,
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
      ppgen report runs/vae-seeds runs/pixelcnn-seeds --group
    """
    import ppgen
    from ppgen.reporting.report import report as write

    scored = scored_runs(runs, **opening)
    folders = by_folder(scored.values()) if group else {name: [run] for name, run in scored.items()}
    fits = {name: open_run(found[0], **opening) for name, found in folders.items()}
    comparison = ppgen.compare(folders, progress=False)
    click.echo(click.format_filename(write(comparison, output, fits=fits, title=title, seed=seed)))
