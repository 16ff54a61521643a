"""``ppgen translate``: images as a model translates them, as a picture or as numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ppgen.cli.options import SEED, FilePath, output_option, run_options
from ppgen.cli.output import PICTURES, verify_output
from ppgen.cli.runs import open_run

if TYPE_CHECKING:
    from torch import Tensor

    from ppgen.fitted import Fit

__all__ = ["translate"]


@click.command()
@click.argument("run", type=FilePath(path_type=Path))
@click.option("--site", help="Which translation, by the site that makes it, such as to_a.  [default: the first]")
@click.option(
    "--images",
    type=FilePath(exists=True, file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="A folder of images to translate.  [default: the test split]",
)
@output_option("translations.png")
@click.option("--seed", type=SEED, default=0, show_default=True, help="Of the choice of test images.")
@run_options
def translate(run: Path, site: str | None, images: Path | None, output: Path, seed: int, **opening: Any) -> None:
    """Translate images from one domain to another.

    The run must translate: pix2pix from pairs, cyclegan between two domains.

    A picture of test images shows every translation of the model, and the truth of pairs or the way back; one of your
    own images shows them above their translations. Numbers are all of them.

    \b
    Examples:
      ppgen translate runs/pix2pix
      ppgen translate runs/cyclegan --out both-ways.pdf
      ppgen translate runs/cyclegan --site to_a --images photographs/ --out translated.npz
    """
    verify_output(output, (*PICTURES, ".npz"))
    fit = open_run(run, **opening)
    output.parent.mkdir(parents=True, exist_ok=True)
    if output.suffix in PICTURES and images is None and site is None:
        from ppgen.reporting import translation_figure
        from ppgen.reporting.strip import shuffled_test

        translation_figure(fit, shuffled_test(fit, seed)).save(output)
    else:
        given = _given(fit, site, images)
        made = fit.translate(given, site=site)
        _write(output, given, made)
    click.echo(click.format_filename(output))


def _given(fit: Fit, site: str | None, images: Path | None) -> Tensor:
    """The images of a folder, as large as those of the training; or those of the test split."""
    from ppgen.translate import translated_rows

    rows = translated_rows(fit, site)
    if images is None:
        return rows
    import torch

    from ppgen.data.user_files import read_folder

    channels, height, width = rows.shape[1:]
    pictures, _ = read_folder(images, resize=height if height == width else None)
    x = pictures["train"]["x"] / 255
    if x.shape[1] == 3 and channels == 1:
        x = (x * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)  # ITU-R BT.601
    return x.expand(-1, channels, -1, -1) if x.shape[1] == 1 else x


def _write(output: Path, given: Tensor, made: Tensor) -> None:
    if output.suffix in PICTURES:
        from ppgen.reporting import grids

        drawn = (
            grids({"given": given[:64], "translation": made[:64]}) if given.shape == made.shape else grids(made[:64])
        )
        drawn.save(output)
        return
    import numpy as np

    np.savez_compressed(output, allow_pickle=False, given=given.numpy(), translation=made.numpy())
