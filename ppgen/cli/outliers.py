"""``ppgen outliers``: which rows are unlike the training data of a run, and how well scores tell them."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ppgen.cli.options import SEED, output_option, progress_option, run_argument, run_options
from ppgen.cli.output import verify_output
from ppgen.cli.runs import open_run

if TYPE_CHECKING:
    from ppgen.evaluation import CalibratedScores, ReferenceRows

__all__ = ["outliers"]


@click.command()
@run_argument
@click.argument("suspects", metavar="[SUSPECTS]...", nargs=-1)
@click.option(
    "--scores",
    default="typicality",
    show_default=True,
    help="By key: log_prob,typicality,complexity,regret,reconstruction,pareto_k. P-values are of the first.",
)
@click.option("--rows", type=int, default=1000, show_default=True, help="At most so many of each kind, in tables.")
@click.option("--particles", type=int, default=100, show_default=True, help="Of the bound on log p(x).")
@click.option("--seed", type=SEED, default=0, show_default=True, help="Of all draws.")
@output_option(None, "A table of the score and p-value of each suspect (.csv).  [default: none is written]")
@progress_option
@run_options
def outliers(
    run: Path,
    suspects: tuple[str, ...],
    scores: str,
    rows: int,
    particles: int,
    seed: int,
    output: Path | None,
    progress: bool,
    **opening: Any,
) -> None:
    """Score data by how unlike a run's training data they are.

    SUSPECTS are folders of images, .npy, .npz or .csv files, or names of data sets (their test split). Of each, the
    p-values of its rows among validation data are summed up, and a table says how well the scores tell it from the
    run's own test split. Without SUSPECTS, noise and constants take their place.

    \b
    Examples:
      ppgen outliers runs/made-digits
      ppgen outliers runs/vae-mnist fashion --scores typicality,regret
      ppgen outliers runs/vae-mnist photos/ scans.npy -o p-values.csv
    """
    import ppgen
    from ppgen.evaluation import reference_rows

    if output is not None:
        verify_output(output, (".csv",))
    fit = open_run(run, **opening)
    asked = [key.strip() for key in scores.split(",") if key.strip()]
    settings: dict[str, Any] = {"num_data": rows, "num_particles": particles, "seed": seed, "progress": progress}
    if not suspects:
        click.echo(ppgen.detect_outliers(fit, scores=asked, **settings))
    found: dict[str, tuple[list[str], CalibratedScores]] = {}
    references: ReferenceRows | None = None  # made at the first, after what refuses the scores
    for place in suspects:
        names, batch = ppgen.data.own_rows(place, fit.data)
        batch = {key: values for key, values in batch.items() if key in fit.data.keys}
        told = ppgen.detect_outliers(fit, outside=batch, scores=asked, **settings)
        references = references or reference_rows(fit, asked[0], num_particles=particles, seed=seed)
        found[place] = names, references.of(batch)
        click.echo(f"{place}: {found[place][1]}\n{told}\n")
    if output is not None:
        _write(found, output)


def _write(found: dict[str, tuple[list[str], CalibratedScores]], output: Path) -> None:
    """A line for each row, in the order of its file."""
    from ppgen.files import replace

    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["suspects", "row", "score", "p_value"])
    for place, (names, scored) in found.items():
        pairs = zip(names, scored.values.tolist(), scored.p_values.tolist(), strict=True)
        lines.writerows([place, name, f"{value:.6g}", f"{p:.6g}"] for name, value, p in pairs)
    output.parent.mkdir(parents=True, exist_ok=True)
    replace(output, lambda temporary: temporary.write_text(text.getvalue(), encoding="utf-8"))
    click.echo(click.format_filename(output))
