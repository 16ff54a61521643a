"""``ppgen evaluate``: density, sampling and representation of a run."""

from __future__ import annotations

from typing import Any

import click

from ppgen.cli.options import SEED, progress_option, run_options, runs_argument
from ppgen.cli.runs import find_runs, open_run

__all__ = ["evaluate"]


@click.command()
@runs_argument
@click.option(
    "--metrics",
    multiple=True,
    help="Only these, by key or question: log_prob,kid or sampling. Printed, and not kept.  [default: all]",
)
@click.option("--particles", type=int, default=1000, show_default=True, help="Of the bound on log p(x).")
@click.option("--samples", type=int, help="Drawn for the sampling metrics.  [default: as many as test data]")
@click.option("--seed", type=SEED, default=0, show_default=True, help="Of all draws.")
@run_options
@progress_option
def evaluate(
    runs: tuple[str, ...],
    metrics: tuple[str, ...],
    particles: int,
    samples: int | None,
    seed: int,
    progress: bool,
    **opening: Any,
) -> None:
    """Measure how good a run is, on its test split.

    Four questions are asked: how probable are data (density), how good are samples (sampling), what do codes know
    (representation), is the posterior as sure as it should be (calibration). Each number is printed with what it is
    and with its baseline, and goes to scores.json in the run folder; figures go to figures/. What --metrics names is
    printed only: scores.json holds all of them, or none.

    \b
    Examples:
      ppgen evaluate runs/vae-digits
      ppgen evaluate runs/*
      ppgen evaluate runs/vae-digits --particles 5000
      ppgen evaluate runs/vae-digits --metrics log_prob,kid
      ppgen evaluate runs/laddervae-digits --model my_models.py:LadderVAE
    """
    import ppgen
    from ppgen.reporting import game_notes, save_figures

    chosen = [key.strip() for names in metrics for key in names.split(",")] or None
    for place, folder in enumerate(find_runs(runs).values()):
        fit = open_run(folder, **opening)
        card = ppgen.evaluate(
            fit,
            chosen,
            num_particles=particles,
            num_samples=samples,
            seed=seed,
            progress=progress,
        )
        if chosen is None:
            card.save(folder)
            save_figures(fit)
        told = "\n".join([f"{folder}: {card}", *game_notes(fit.history, card)])
        click.echo(("\n" if place else "") + told)
