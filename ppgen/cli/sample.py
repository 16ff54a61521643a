"""``ppgen sample``: new data points from a run, as a picture or as numbers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ppgen.cli.assignments import assignments
from ppgen.cli.options import SEED, output_option, progress_option, run_argument, run_options
from ppgen.cli.output import PICTURES, verify_output
from ppgen.cli.runs import open_run
from ppgen.errors import SettingError

if TYPE_CHECKING:
    from ppgen.fitted import Fit

__all__ = ["sample"]

NUMBERS = (".npy", ".npz")


@click.command()
@run_argument
@click.option("-n", "--number", type=int, default=64, show_default=True, help="How many.")
@output_option("samples.png", help="A picture (.png, .svg, .pdf) or numbers (.npy, .npz).")
@click.option(
    "--given",
    multiple=True,
    metavar="NAME=VALUE",
    help="A covariate: one value, or a list to go round.  [default: each class in turn]",
)
@click.option("--mean", is_flag=True, help="Show the likelihood's mean instead of a draw from it: smoother, no sample.")
@click.option("--temperature", type=float, default=1.0, show_default=True, help="Of an autoregressive model's draws.")
@click.option("--seed", type=SEED, default=0, show_default=True, help="Of the draws.")
@progress_option
@run_options
def sample(
    run: Path,
    number: int,
    output: Path,
    given: tuple[str, ...],
    mean: bool,
    temperature: float,
    seed: int,
    progress: bool,
    **opening: Any,
) -> None:
    """Draw new data points from a run.

    A conditional model goes through the classes in turn unless --given says otherwise.

    \b
    Examples:
      ppgen sample runs/vae-digits -n 64 -o samples.png
      ppgen sample runs/cvae-digits --given y=3
      ppgen sample runs/pixelcnn --temperature 0.8
      ppgen sample runs/cvae-digits -n 20 --given "y=[0, 1]"
      ppgen sample runs/cvae-glyphs --given "y=a large bold 5, leaning left"
      ppgen sample runs/vae-digits -n 10000 -o samples.npz
    """
    verify_output(output, PICTURES + NUMBERS)
    values = assignments(given, "--given")
    fit = open_run(run, **opening)
    how: dict[str, Any] = {"seed": seed, "mean": mean, "temperature": temperature, "progress": progress}
    drawn = fit.sample(number, **how, **_covariates(fit, number, values))
    output.parent.mkdir(parents=True, exist_ok=True)
    if output.suffix in PICTURES:
        from ppgen.reporting import grids

        grids(drawn if len(drawn) > 1 else drawn.only).save(output)
    else:
        _write(drawn, output)
    click.echo(click.format_filename(output))


def _covariates(fit: Fit, number: int, given: Mapping[str, Any]) -> dict[str, Any]:
    """A value for each draw: the user's, repeated as needed, else the classes in turn, or what the test split has."""
    import torch

    from ppgen.data import as_tokens

    needed, test = fit.covariates, fit.data.split("test")
    for name in given:
        if name not in needed:
            raise SettingError(
                f"--given {name}: the model is not conditional on {name}",
                expected=", ".join(needed) or "no --given: the model is not conditional",
                got=f"{name}={given[name]}",
                fix=f"--given {needed[0]}={given[name]}" if needed else "leave --given out",
                code="S016",
            )
    values: dict[str, Any] = {}
    for name in needed:
        if name in given:
            value = given[name]
        elif name in fit.data.num_classes:
            value = list(range(fit.data.num_classes[name]))
            click.echo(f"{name} goes through {value[0]} to {value[-1]} (--given {name}=... for others)", err=True)
        elif name in test:
            value = test[name]
            click.echo(f"{name} is that of the test data, one after the other", err=True)
        else:
            continue  # fit.sample says what is missing
        rows = torch.as_tensor(as_tokens(fit.data.columns.get(name), value))
        is_for_all = rows.dim() == 0 or isinstance(value, str)
        values[name] = rows.expand(number, *rows.shape) if is_for_all else rows[torch.arange(number) % len(rows)]
    return values


def _write(named: Mapping[str, Any], output: Path) -> None:
    import numpy as np

    arrays = {name: tensor.numpy() for name, tensor in named.items()}
    if output.suffix == ".npz":
        np.savez_compressed(output, **arrays)
    elif len(arrays) == 1:
        np.save(output, next(iter(arrays.values())))
    else:
        raise SettingError(
            f"-o {output}: the model has several observed sites",
            expected="a file that holds several arrays",
            got=", ".join(arrays),
            fix=f"-o {output.with_suffix('.npz')}",
            code="S017",
        )
