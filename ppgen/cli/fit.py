"""``ppgen fit``: fit a recipe or a model of your own, into a run folder."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import click

from ppgen import zoo
from ppgen.cli import completion
from ppgen.cli.assembly import assemble
from ppgen.cli.assignments import assignments
from ppgen.cli.defaults import FIT_DEFAULTS
from ppgen.cli.fit_story import headline, summary
from ppgen.cli.options import (
    SEED,
    FilePath,
    data_options,
    device_option,
    limit_threads,
    progress_option,
    setting_option,
    step_options,
    steps_of,
    threads_option,
)
from ppgen.cli.runs import is_run, naming, note_sources, register
from ppgen.cli.source import is_source
from ppgen.errors import SettingError

__all__ = ["fit"]


@click.command()
@click.argument("model", metavar="MODEL|FILE.py:Class", shell_complete=completion.recipes)
@data_options
@step_options
@click.option(
    "--likelihood",
    metavar="NAME",
    help="Of the data, such as gaussian or continuous-bernoulli.  [default: what their kind and measure ask for]",
)
@click.option(
    "--order",
    metavar="NAME",
    help="In which pixels are drawn: bottom-up, left-right, right-left ...; `complete` needs the given first."
    "  [default: raster]",
)
@click.option(
    "--condition",
    metavar="NAME",
    help="What a recipe's model is told beside x, such as y.  [default: the recipe's, mostly nothing]",
)
@click.option(
    "--loss",
    metavar="NAME",
    help="Of a game: nonsaturating, minimax, least-squares, hinge or wasserstein.  [default: nonsaturating]",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="An argument of the model, in JSON.  [default: the model's own]",
)
@click.option(
    "--guide",
    metavar="NAME|FILE.py:Class",
    shell_complete=completion.guides,
    help="The posterior's family.  [default: the model's own]",
)
@click.option(
    "--set-guide",
    "guide_settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="An argument of the guide, in JSON.  [default: its own]",
)
@click.option(
    "--objective",
    metavar="NAME|FILE.py:Class",
    shell_complete=completion.objectives,
    help="What is optimised.  [default: what the model calls for]",
)
@click.option(
    "--set-objective",
    "objective_settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="An argument of it, in JSON.  [default: the recipe's, else its own]",
)
@click.option(
    "--num-particles",
    type=int,
    help="Draws of the guide for each data point and step.  [default: the objective's]",
)
@click.option("--beta", type=float, help="Weight of the ELBO's rate.  [default: the recipe's, else 1]")
@click.option(
    "--warmup", type=float, help="Epochs over which that weight rises from 0.  [default: the recipe's, else 0]"
)
@setting_option("--epochs", "max_epochs", int, "Passes over the training data.", unset="till validation stalls")
@setting_option("--batch-size", "batch_size", int, "Data points a step.")
@setting_option(
    "--lr", "learning_rate", float, "Learning rate.", unset="0.001; of global latents alone, at full batch, 0.02"
)
@setting_option("--optimizer", "optimizer", str, "Any of torch.optim by its name: adamw, sgd, rmsprop ...")
@setting_option("--average", "average", float, "Decay of a moving average of the weights, such as 0.999.")
@setting_option(
    "--schedule",
    "schedule",
    click.Choice(["constant", "cosine"]),
    "How the learning rate changes.",
    unset="constant; where the learning rate is 0.02 so, cosine",
)
@setting_option(
    "--patience",
    "patience",
    int,
    "Stop after so many epochs without a better validation loss; keep the best.",
    unset="as --epochs says",
)
@setting_option("--clip-norm", "clip_norm", float, "Largest norm of the gradient.", unset="any")
@click.option(
    "--seed",
    type=SEED,
    default=FIT_DEFAULTS["seed"],
    show_default=True,
    help="Of initial weights, data order and noise.",
)
@device_option
@threads_option()
@click.option("--out", metavar="FOLDER", type=FilePath(path_type=Path), help="Run folder.  [default: runs/MODEL-DATA]")
@click.option("--resume", is_flag=True, help="Take up the run in the folder exactly where it stopped.")
@click.option("--overwrite", is_flag=True, help="Replace the run in the folder, once all checks are passed.")
@progress_option
def fit(
    model: str,
    data: str | None,
    binarize: str | None,
    dequantize: bool,
    resize: int | None,
    crop: int | None,
    root: str | None,
    labels_per_class: int | None,
    quadrants: int | None,
    paired: str | None,
    attributes: tuple[str, ...],
    likelihood: str | None,
    order: str | None,
    condition: str | None,
    loss: str | None,
    settings: tuple[str, ...],
    guide: str | None,
    guide_settings: tuple[str, ...],
    objective: str | None,
    objective_settings: tuple[str, ...],
    num_particles: int | None,
    beta: float | None,
    warmup: float | None,
    seed: int,
    threads: int | None,
    out: Path | None,
    resume: bool,
    overwrite: bool,
    **training: Any,
) -> None:
    """Fit a model and keep the run in a folder.

    MODEL is a recipe of the zoo (`ppgen list models`) or a class in a file of yours. Its constructor's x_shape is
    filled in from the data; other arguments come from --set.

    \b
    Examples:
      ppgen fit vae
      ppgen fit vae --data photographs/ --resize 32
      ppgen fit vae --data mnist --beta 4 --epochs 20 --device cuda --out runs/b4
      ppgen fit vae --set latent_dim=16 --guide full-rank
      ppgen fit points-gan --data ring --loss wasserstein
      ppgen fit vae --objective iwae --num-particles 16 --set-objective gradient=dreg
      ppgen fit semi-supervised --data mnist --labels-per-class 10
      ppgen fit masked --data mnist --quadrants 2
      ppgen fit pix2pix --data fashion --paired half
      ppgen fit cyclegan --data mnist+usps --resize 16
      ppgen fit cvae --data sprites --attribute shape --attribute scale
      ppgen fit my_models.py:LadderVAE --data digits --set latent_dim=16
      ppgen fit vae --objective my_objectives.py:Huber --set-objective width=2
      ppgen fit vae --out runs/b4 --resume       after Ctrl-C, a crash or a power cut
    """
    recipe = None if is_source(model) else zoo.recipe(model)
    if data is None:
        data = recipe.data if recipe else "digits"
    folder = out or _default_folder(model, data)
    _refuse_taken(folder, resume, overwrite)
    limit_threads(threads)

    import torch

    import ppgen
    from ppgen.runs import RunFolder

    run = RunFolder(folder, overwrite=overwrite)
    steps = steps_of(labels_per_class, quadrants, paired, attributes, default=zoo.steps(recipe) if recipe else ())
    sizes = _given(resize=resize, crop=crop)
    binarize = recipe.binarize if recipe and binarize == "default" else binarize
    dataset = ppgen.data.load(data, binarize=binarize, dequantize=dequantize, root=root, steps=steps, **sizes)
    built, sources = assemble(
        model,
        dataset,
        guide=guide,
        objective=objective,
        objective_settings=assignments(objective_settings, "--set-objective")
        | _given(beta=beta, warmup=warmup, num_particles=num_particles),
        settings=assignments(settings) | _given(likelihood=likelihood, order=order, condition=condition, loss=loss),
        guide_settings=assignments(guide_settings, "--set-guide"),
        seed=seed,
    )
    register(sources)
    click.echo(headline(built, dataset, recipe, fit.params))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fitted = ppgen.fit(
            built.model,
            dataset,
            guide=built.guide,
            objective=built.objective,
            seed=seed,
            out=run,
            resume=resume,
            **(recipe.settings() if recipe else {}) | _given(**training),
        )
    if fitted.stopped == "interrupted":
        kept = f"All is saved after {len(fitted.history)} epochs"
        raise KeyboardInterrupt(f"{kept}; take it up again by\n  {_again(folder)}")
    note_sources(folder, sources)
    click.echo(summary(fitted))
    click.echo(f"\n{folder}\n  {shlex.join(['ppgen', 'evaluate', str(folder), *naming(sources)])}")


def _given(**values: Any) -> dict[str, Any]:
    """Those that the user gave."""
    return {name: value for name, value in values.items() if value is not None}


def _default_folder(model: str, data: str) -> Path:
    name = model.partition(":")[2] or Path(model).stem
    return Path("runs") / f"{name.lower()}-{Path(data).stem}"


def _refuse_taken(folder: Path, resume: bool, overwrite: bool) -> None:
    """Make sure that no other run is lost in the folder, before the seconds that torch takes to import."""
    if resume and overwrite:
        raise SettingError(
            "--resume and --overwrite",
            expected="one of them",
            got="both",
            fix="--resume goes on, --overwrite starts anew",
            code="S009",
        )
    if is_run(folder) and not (resume or overwrite):
        raise SettingError(
            f"{folder}: there is a run in this folder already",
            expected="a new folder",
            got=str(folder),
            fix=f"--out {folder}-2, --resume to take the run up, or --overwrite to start anew",
            code="S010",
        )
    if resume and not is_run(folder):
        click.echo(f"{folder}: no run to take up yet, starting one", err=True)


def _again(folder: Path) -> str:
    """The command that takes the run up, from the words of this one."""
    words = [word for word in sys.argv[1:] if word not in ("--resume", "--overwrite")]
    place = [] if any(word.split("=")[0] == "--out" for word in words) else ["--out", str(folder)]
    return shlex.join(["ppgen", *words, *place, "--resume"])
