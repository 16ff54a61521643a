"""What the commands that walk through a latent space share: options, where they start, the file that they write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ppgen.cli.options import together
from ppgen.cli.output import PICTURES
from ppgen.errors import SettingError

if TYPE_CHECKING:
    from ppgen.data import Dataset
    from ppgen.fitted import Fit
    from ppgen.walks import Walk

__all__ = ["WALKS", "pick_rows", "rows_where", "start_of", "walk_options", "write_walk"]


WALKS = (*PICTURES, ".npz")

walk_options = together(
    click.option("--site", help="The latent to move.  [default: the top one for a traversal, else all]"),
    click.option("--hold", is_flag=True, help="Keep the latents below the one that moves, too."),
    click.option("--prior", is_flag=True, help="Start from draws of the prior, as a model without an encoder does."),
    click.option("-n", "--number", type=int, default=1, show_default=True, help="How many draws of the prior."),
    click.option("--given", multiple=True, metavar="NAME=VALUE", help="A covariate.  [default: that of the data]"),
    click.option("--seed", type=int, default=0, show_default=True, help="Of the draws."),
    click.option("--scores", is_flag=True, help="Print numbers, too, by a classifier trained on the data's labels."),
)


def start_of(fit: Fit, rows: Sequence[int], prior: bool) -> dict[str, Any] | None:
    """Rows of the test split to start from; ``None`` for draws, which are all that a model without an encoder has.

    Args:
        fit: the fit.
        rows: numbers of rows of the test split.
        prior: whether draws were asked for.
    """
    return None if prior or fit.guide is None else pick_rows(fit, list(rows))


def pick_rows(fit: Fit, rows: list[int]) -> dict[str, Any]:
    """Rows of the test split, without the values of latents that it may have."""
    from ppgen.declare import without_latents

    test = without_latents(fit.model, fit.data.split("test"))
    size = len(next(iter(test.values())))
    if wrong := [row for row in rows if not 0 <= row < size]:
        raise SettingError(
            f"there is no row {wrong[0]} in the test split",
            expected=f"0 to {size - 1}",
            got=str(wrong[0]),
            fix="--row 0",
            code="S154",
        )
    return {key: value[rows] for key, value in test.items()}


def rows_where(fit: Fit, conditions: Mapping[str, Any], option: str) -> dict[str, Any]:
    """The rows of the test split whose columns have the values asked for.

    Args:
        fit: the fit.
        conditions: value by column.
        option: its name, for the message.

    Raises:
        SettingError: naming a column that there is not, or saying that no row has the values.
    """
    import torch

    test = fit.data.split("test")
    flat = {name: value for name, value in test.items() if value.dim() == 1}
    chosen = torch.ones(len(next(iter(test.values()))), dtype=torch.bool)
    for name, value in conditions.items():
        if name not in flat:
            raise SettingError(
                f"{option} {name}={value}: the data have no column {name} of one number a row",
                expected=", ".join(flat) or "data with labels",
                got=name,
                fix=f"{option} {next(iter(flat), 'y')}={value}",
                code="S155",
            )
        chosen &= flat[name].cpu() == value
    rows = chosen.nonzero().flatten().tolist()
    if not conditions or not rows:
        asked = ", ".join(f"{name}={value}" for name, value in conditions.items())
        raise SettingError(
            f"{option}: no row of the test split is chosen" if not conditions else f"{option}: no row has {asked}",
            expected="NAME=VALUE of a column of labels, which some rows have",
            got=asked or "nothing",
            fix=f"{option} {next(iter(flat), 'y')}={next(iter(flat.values()))[0].item() if flat else 0}",
            code="S156",
        )
    return pick_rows(fit, rows)


def write_walk(walk: Walk, output: Path, judge: Dataset | None = None, changed: Mapping[str, int] = {}) -> None:
    """Draw a walk, or write its tensors: ``coordinates``, and latents and values by their sites.

    Args:
        walk: that was asked for.
        output: the file.
        judge: the data whose labels score it; ``None`` for no scores.
        changed: of arithmetic, the class that was to be added, by attribute.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    if output.suffix in PICTURES:
        from matplotlib import pyplot

        from ppgen.reporting import Illustration

        figure = walk.plot().figure
        Illustration(figure, walk.caption, "").save(output)
        pyplot.close(figure)
    else:
        import numpy as np

        arrays = {"coordinates": walk.coordinates, **walk.latents, **walk.values}
        np.savez_compressed(output, allow_pickle=False, **{name: value.numpy() for name, value in arrays.items()})
    click.echo(walk.caption, err=True)
    click.echo(output)
    if judge is not None:
        click.echo(walk.scores(judge, changed=changed))
