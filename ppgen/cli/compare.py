"""``ppgen compare``: runs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ppgen.cli.options import device_option, group_option, output_option, runs_argument
from ppgen.cli.runs import by_folder, scored_runs

__all__ = ["compare"]


@click.command()
@runs_argument
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "latex", "csv"]),
    default="text",
    show_default=True,
    help="How the table is written.",
)
@output_option(None, help="Write to a file.  [default: print]")
@group_option
@click.option("--level", type=float, default=0.95, show_default=True, help="Coverage of each interval.")
@device_option
def compare(runs: tuple[str, ...], form: str, output: Path | None, group: bool, level: float, device: str) -> None:
    """Lay runs side by side.

    RUN is a run folder, or a folder of run folders; one without scores is evaluated first. Differences in log-density
    are paired, data point by data point, with their intervals; bounds that overlap and data of different measures are
    not ranked.

    \b
    Examples:
      ppgen compare runs/vae-digits runs/pixelcnn-digits
      ppgen compare runs/demo
      ppgen compare runs/* --format latex -o table.tex
      ppgen compare runs/vae-seeds runs/pixelcnn-seeds --group
    """
    import ppgen

    entries: dict[str, Any] = dict(scored_runs(runs, device=device))
    if group:
        entries = by_folder(entries.values())
    comparison = ppgen.compare(entries, level=level, progress=False)
    text: str = getattr(comparison, f"to_{form}")().rstrip("\n")
    if output is None:
        click.echo(text)
    else:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text + "\n", encoding="utf-8")
        click.echo(click.format_filename(output))
