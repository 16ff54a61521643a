"""Options that several commands share."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from ppgen.cli import completion
from ppgen.cli.defaults import FIT_DEFAULTS

__all__ = [
    "SEED",
    "FilePath",
    "data_options",
    "device_option",
    "group_option",
    "limit_threads",
    "output_option",
    "progress_option",
    "run_argument",
    "run_options",
    "runs_argument",
    "setting_option",
    "step_options",
    "steps_of",
    "threads_option",
    "together",
]

SEED = click.IntRange(0, 2**63 - 1)
"""What every generator takes."""


class FilePath(click.Path):
    """A path that names something: the empty text, which stands for the current folder, is refused."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path, or a usage error."""
        text = os.fspath(value)
        if not text or "\0" in text or len(text) > 4000 or any(len(part) > 255 for part in text.split(os.sep)):
            self.fail(f"{text[:80]!r} is no path. Expected the name of a file or folder, such as runs/vae.", param, ctx)
        return super().convert(value, param, ctx)


F = TypeVar("F", bound=Callable[..., Any])


def together(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Several options as one decorator, which adds them in this order."""

    def add(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return add


data_options = together(
    click.option(
        "--data",
        metavar="NAME|PATH",
        shell_complete=completion.data_sets,
        help="A data set's name (see `ppgen list datasets`), a folder of images, an .npy, .npz or .csv file."
        "  [default: the recipe's, else digits]",
    ),
    click.option(
        "--binarize",
        type=click.Choice(["default", "static", "dynamic", "threshold", "none"]),
        default="default",
        show_default=True,
        callback=lambda context, option, value: None if value == "none" else value,
        help="How grey pixels become 0 and 1; none keeps them grey.",
    ),
    click.option("--dequantize", is_flag=True, help="Add uniform noise to levels, for a density on a continuum."),
    click.option(
        "--resize",
        type=click.IntRange(1),
        metavar="N",
        help="Scale images to cover N x N pixels.  [default: as they are]",
    ),
    click.option(
        "--crop",
        type=click.IntRange(1),
        metavar="N",
        help="Cut the central N x N pixels out, before that.  [default: all of them]",
    ),
    click.option(
        "--data-root",
        "root",
        metavar="FOLDER",
        type=FilePath(file_okay=False),
        help="Where data sets are stored.  [default: $PPGEN_DATA, else ~/.cache/ppgen/data]",
    ),
)

step_options = together(
    click.option(
        "--labels-per-class",
        type=int,
        help="Keep so many training labels of each class.  [default: the recipe's, else all]",
    ),
    click.option(
        "--quadrants",
        type=click.IntRange(1, 3),
        help="Give so many quadrants of each image.  [default: the recipe's, else none]",
    ),
    click.option(
        "--paired",
        metavar="NAME",
        help="Give something that each image is to be made from: edges, half, grey or small."
        "  [default: the recipe's, else nothing]",
    ),
    click.option(
        "--attribute",
        "attributes",
        multiple=True,
        metavar="COLUMN",
        help="Gather columns into y.  [default: y as it is]",
    ),
)


def output_option(
    default: str | None, help: str = "A picture (.png, .svg, .pdf) or numbers (.npz).", folder: bool = False
) -> Callable[[F], F]:
    """``-o``, with a name of its own for each command."""
    return click.option(
        "-o",
        "--out",
        "--output",
        "output",
        type=FilePath(dir_okay=folder, path_type=Path),
        default=default,
        show_default=default is not None,
        help=help,
    )


device_option = click.option(
    "--device", default=FIT_DEFAULTS["device"], show_default=True, help="auto, cpu, cuda or cuda:1."
)


def setting_option(name: str, setting: str, kind: Any, text: str, unset: str = "none") -> Callable[[F], F]:
    """An option of ``ppgen.fit``, ``None`` unless the user gives it: the default is that of the function's signature.

    Args:
        name: of the option (``"--lr"``).
        setting: the argument of ``ppgen.fit`` (``"learning_rate"``).
        kind: the type.
        text: of the help, to which the default is added.
        unset: what a default of ``None`` means.
    """
    default = FIT_DEFAULTS[setting]
    text += f"  [default: the recipe's, else {unset if default is None else default}]"
    return click.option(name, setting, type=kind, help=text)


progress_option = click.option(
    "--progress/--no-progress", default=sys.stderr.isatty, help="Show a bar.  [default: on a terminal]"
)


def threads_option(default: int | None = None) -> Callable[[F], F]:
    """``--threads``, for :func:`limit_threads`; ``default=None`` leaves their number as it is."""
    return click.option(
        "--threads",
        type=click.IntRange(1, 4096),
        default=default,
        show_default=default is not None,
        help="CPU threads; one is best for small networks, and on a busy machine."
        + ("" if default else "  [default: all cores]"),
    )


def limit_threads(threads: int | None) -> None:
    """Hold torch to a number of CPU threads until the command ends.

    Threads wait for each other by spinning: where another program holds one of the cores, two can take twenty times
    as long as one. Results depend on their number in the last digits, so a resumed run needs the same.

    Args:
        threads: how many; ``None`` leaves their number as it is, and torch alone.
    """
    if threads is not None:
        import torch

        click.get_current_context().call_on_close(functools.partial(torch.set_num_threads, torch.get_num_threads()))
        torch.set_num_threads(threads)


def _own_class_option(kind: str) -> Callable[[F], F]:
    return click.option(
        f"--{kind}",
        metavar="FILE.py:Class",
        help=f"Your own {kind}'s class, if its file moved or changed.  [default: that of the fit]",
    )


run_options = together(
    *(_own_class_option(kind) for kind in ("model", "guide", "objective")),
    click.option("--data", metavar="PATH", help="Where the run's data lies now, if it was moved.  [default: there]"),
    device_option,
    threads_option(),
)
"""How a run is opened: a command hands all of them on to :func:`ppgen.cli.runs.open_run`, and reads none."""


run_argument = click.argument("run", type=FilePath(path_type=Path), shell_complete=completion.runs)
group_option = click.option(
    "--group",
    is_flag=True,
    help="Runs in one folder are fits of one model that differ in their seed: a row of means for each folder.",
)
runs_argument = click.argument("runs", metavar="RUN...", nargs=-1, required=True, shell_complete=completion.runs)


def steps_of(
    labels_per_class: int | None,
    quadrants: int | None,
    paired: str | None,
    attributes: Sequence[str],
    default: Iterable[Sequence[Any]] = (),
) -> list[list[Any]]:
    """The steps after loading a data set: those that options ask for, else a recipe's.

    Args:
        labels_per_class: training labels to keep of each class.
        quadrants: of each image, to be given.
        paired: what each image is to be made from.
        attributes: columns to gather into ``y``.
        default: the recipe's steps, as :func:`ppgen.data.load` takes them.

    Example:
        >>> steps_of(5, None, None, (), default=[("partial_labels", {"per_class": 10}), ("quadrants", {"observed": 1})])
        [['quadrants', {'observed': 1}], ['partial_labels', {'per_class': 5}]]
    """
    known: dict[str, dict[str, Any]] = {
        "attributes": {"columns": list(attributes) or None},
        "partial_labels": {"per_class": labels_per_class},
        "quadrants": {"observed": quadrants},
        "paired": {"task": paired},
    }
    asked = {step: arguments for step, arguments in known.items() if None not in arguments.values()}
    kept = [[step, dict(arguments)] for step, arguments in default if step not in asked]
    return kept + [[step, arguments] for step, arguments in asked.items()]
