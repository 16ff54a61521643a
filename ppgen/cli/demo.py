"""``ppgen demo``: six families fitted to the same glyphs, judged alike, on one page."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ppgen import zoo
from ppgen.cli.options import SEED, FilePath, limit_threads, progress_option, threads_option

if TYPE_CHECKING:
    from ppgen.data import Dataset
    from ppgen.evaluation import Scorecard
    from ppgen.fitted import Fit

__all__ = ["demo"]

DATA = "glyphs-few"
PARTICLES = {False: 50, True: 10}


@click.command()
@click.option("--quick", is_flag=True, help="Shorter fits and fewer particles: worse numbers, sooner.")
@click.option(
    "--out",
    type=FilePath(file_okay=False, path_type=Path),
    default=Path("runs/demo"),
    show_default=True,
    help="Where the runs and the report go; runs of an earlier demo are replaced.",
)
@click.option("--seed", type=SEED, default=0, show_default=True, help="Of everything.")
@threads_option(default=1)
@progress_option
def demo(quick: bool, out: Path, seed: int, threads: int, progress: bool) -> None:
    """Fit, compare and report six kinds of models.

    An autoencoder, a VAE, a beta-VAE, a conditional VAE, a PixelCNN and a GAN meet the same images of digits in eight
    typefaces; nothing is downloaded. Takes a few minutes, or about one with --quick.

    \b
    Examples:
      ppgen demo --quick
      ppgen demo --out runs/demo-1 --seed 1
    """
    limit_threads(threads)

    import ppgen
    from ppgen.reporting.report import report

    started = time.monotonic()
    dataset = ppgen.data.load(DATA)
    click.echo(f"{dataset!r}\n")
    fits, cards = {}, {}
    for number, name in enumerate(zoo.demo_names(), start=1):
        click.echo(f"{number}/{len(zoo.demo_names())} {click.style(name, bold=True)}: {zoo.recipe(name).summary}")
        fits[name], cards[name] = _meet(name, dataset, out / name, quick=quick, seed=seed, show=progress)
    comparison = ppgen.compare(cards, seed=seed)
    page = report(comparison, out / "report.html", fits=fits, title="Six generative models of digits in print")
    click.echo(f"\n{comparison}")
    click.echo(f"\nDone in {time.monotonic() - started:.0f} s. What to look at next:")
    click.echo(f"  {page}: open it in a browser; samples, reconstructions, what each model knows")
    click.echo(f"  ppgen sample {out / 'cvae'} --given y=3: threes, and only threes")
    click.echo("  ppgen fit vae --set latent_dim=2 --out runs/flat: a run of your own; it tells you how to go on")


def _meet(name: str, dataset: Dataset, folder: Path, *, quick: bool, seed: int, show: bool) -> tuple[Fit, Scorecard]:
    """Fit a recipe into its folder, evaluate it and say how long both took."""
    import ppgen
    from ppgen.reporting import save_figures
    from ppgen.runs import RunFolder

    run = RunFolder(folder, overwrite=True)
    recipe = zoo.recipe(name)
    model, guide, objective = zoo.build(name, dataset, seed=seed, **recipe.demo_options)
    settings = recipe.demo_settings(quick)
    fit = ppgen.fit(model, dataset, guide=guide, objective=objective, seed=seed, out=run, progress=show, **settings)
    if fit.stopped == "interrupted":
        raise KeyboardInterrupt("The demo starts from the beginning next time.")
    fitted = time.monotonic()
    card = ppgen.evaluate(fit, num_particles=PARTICLES[quick], seed=seed, progress=show)
    card.save(folder)
    save_figures(fit)
    took = f"fitted in {fit.seconds:.1f} s, evaluated in {time.monotonic() - fitted:.1f} s"
    click.echo(f"    {fit.num_parameters:,} parameters, {len(fit.history)} epochs, {took}")
    return fit, card
