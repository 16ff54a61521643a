"""``ppgen bench``: posteriors held against published reference draws."""

from __future__ import annotations

from pathlib import Path

import click

from ppgen.cli.options import SEED, FilePath, limit_threads, threads_option

__all__ = ["bench"]


@click.command()
@click.argument("name", metavar="BENCH", type=click.Choice(["sbibm", "posteriordb"]))
@click.argument("folder", type=FilePath(exists=True, file_okay=False, path_type=Path))
@click.option("--task", "tasks", multiple=True, help="Run this task; may be given several times.  [default: all]")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown"]),
    default="text",
    show_default=True,
    help="How the table is written.",
)
@click.option("--seed", type=SEED, default=0, show_default=True, help="Of the fits.")
@threads_option()
def bench(name: str, folder: Path, tasks: tuple[str, ...], form: str, seed: int, threads: int | None) -> None:
    """Hold posteriors against reference draws of others.

    FOLDER has a file NAME.npz for each task. Of sbibm: arrays observation [10, D] and reference_draws [10, 2000, P].
    Of posteriordb: arrays data.NAME and draws.NAME [S, ...]. Each task is declared in ppgen, and fitted with the
    settings that ppgen has for any model. Nothing is written but the table, to stdout.

    \b
    Examples:
      ppgen bench sbibm references/sbibm
      ppgen bench posteriordb references/posteriordb --format markdown > posteriordb.md
    """
    from ppgen.evaluation import table
    from ppgen.zoo.posteriordb_bench import posteriordb
    from ppgen.zoo.sbibm_bench import sbibm

    limit_threads(threads)
    run = sbibm if name == "sbibm" else posteriordb
    block = run(folder, tasks, seed=seed, say=lambda line: click.echo(line, err=True))
    click.echo((table.to_markdown if form == "markdown" else table.to_text)([block], []).rstrip("\n"))
