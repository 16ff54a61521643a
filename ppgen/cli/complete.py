"""``ppgen complete``: a part of test data is given, and the rest drawn, as a picture or as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ppgen.cli.options import SEED, output_option, progress_option, run_argument, run_options
from ppgen.cli.output import PICTURES, verify_output
from ppgen.cli.runs import open_run
from ppgen.cli.walking import pick_rows
from ppgen.errors import SettingError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["complete"]

FIRST_HALF = "first-half"
KEPT = ("top-half", "bottom-half", "left-half", "right-half", "top-left", "nothing")


@click.command()
@run_argument
@click.option(
    "--keep",
    type=click.Choice([*KEPT, FIRST_HALF]),
    help="What is given.  [default: top-half of an image, first-half of a sequence or vector]",
)
@click.option("--row", "rows", type=int, multiple=True, help="A row of the test split.  [default: the first eight]")
@click.option("-n", "--number", type=click.IntRange(1, 64), default=4, show_default=True, help="Completions of each.")
@output_option("completions.png")
@click.option("--temperature", type=float, default=1.0, show_default=True, help="Below 1, surer than the model is.")
@click.option("--steps", type=click.IntRange(0), help="Of the chain of a model with latents.  [default: 200 or 20]")
@click.option("--seed", type=SEED, default=0, show_default=True, help="Of the draws.")
@progress_option
@run_options
def complete(
    run: Path,
    keep: str | None,
    rows: tuple[int, ...],
    number: int,
    output: Path,
    temperature: float,
    steps: int | None,
    seed: int,
    progress: bool,
    **opening: Any,
) -> None:
    """Draw the hidden part of test data.

    An autoregressive model draws it from p(hidden | given) position by position; one with latents by a Markov chain,
    whose steps its guide offers.

    A picture shows a line each: what is given, the completions, the truth.

    \b
    Examples:
      ppgen complete runs/pixelcnn
      ppgen complete runs/pixelcnn --keep top-half --row 3 --row 8 -n 6 --out halves.png
      ppgen complete runs/pixelcnn --temperature 0.8 --out halves.npz
    """
    import torch

    verify_output(output, (*PICTURES, ".npz"))
    fit = open_run(run, **opening)
    (column,) = [fit.model.column_of(site) for site in fit.observed][:1]
    size = len(fit.data.split("test")[column])
    batch = pick_rows(fit, list(rows or range(min(8, size))))
    truth = batch[column]
    mask = _kept(keep, truth.shape[1:])
    again = {name: value.repeat_interleave(number, dim=0) for name, value in batch.items()}
    settings: dict[str, Any] = {"temperature": temperature, "num_steps": steps, "seed": seed, "progress": progress}
    drawn = fit.complete(again, mask, **settings).only
    completions = drawn.unflatten(0, (len(truth), number))
    given = truth.masked_fill(~mask, 0.5 * float(truth.min() + truth.max()))
    output.parent.mkdir(parents=True, exist_ok=True)
    if output.suffix in PICTURES:
        from ppgen.reporting import grids

        lines = torch.cat([given.unsqueeze(1), completions, truth.unsqueeze(1)], dim=1).flatten(0, 1)
        grids({"given, completions, truth": lines}, columns=number + 2).save(output)
    else:
        import numpy as np

        arrays: dict[str, Any] = {"mask": mask, "completions": completions, "truth": truth}
        np.savez_compressed(output, allow_pickle=False, **{name: value.numpy() for name, value in arrays.items()})
    click.echo(click.format_filename(output))


def _kept(keep: str | None, event: Sequence[int]) -> Tensor:
    """The mask of what is given: ``[height, width]`` of images, ``[length]`` of sequences and vectors."""
    import torch

    masks: dict[str, Tensor] = {}
    if len(event) == 1:
        masks = {FIRST_HALF: torch.arange(event[0]) < event[0] // 2, "nothing": torch.zeros(event[0], dtype=torch.bool)}
    elif len(event) == 3:
        rows, columns = torch.meshgrid(*(torch.arange(side) for side in event[1:]), indexing="ij")
        top, left = rows < event[1] // 2, columns < event[2] // 2
        masks = dict(zip(KEPT, (top, ~top, left, ~left, top & left, torch.zeros_like(top)), strict=True))
    if (keep or next(iter(masks), None)) in masks:
        return masks[keep or next(iter(masks))]
    raise SettingError(
        "complete: the data have no such part" if keep else "complete: the data are neither images nor sequences",
        expected=" or ".join(f"--keep {name}" for name in masks) or "x [N, channels, height, width] or [N, length]",
        got=f"--keep {keep}, x of shape {list(event)}" if keep else f"x of shape {list(event)}",
        fix=f"--keep {next(iter(masks))}" if masks else "fit.complete(x, mask) in Python, with a mask of your own",
        code="S175",
    )
