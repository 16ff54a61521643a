"""Options that several commands share, and how their text becomes values."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ppgen.errors import SettingError

__all__ = ["assignments", "data_options", "load_data", "step_options", "steps_of"]

if TYPE_CHECKING:
    from ppgen.data import Dataset

F = TypeVar("F", bound=Callable[..., Any])

_WORD = re.compile(r"[A-Za-z_][\w./-]*")
_NO_WORDS = {
    "True": "true",
    "False": "false",
    "None": "null",
    "NaN": "0.0",
    "nan": "0.0",
    "Infinity": "0.0",
    "inf": "0.0",
}
"""Words that mean a value elsewhere, each with what JSON has in its place."""


def data_options(function: F) -> F:
    """Add ``--data``, ``--binarize`` and ``--data-root`` to a command."""
    for option in (
        click.option(
            "--data-root",
            metavar="FOLDER",
            type=click.Path(file_okay=False),
            help="Where data sets are stored.  [default: $PPGEN_DATA, else ~/.cache/ppgen/data]",
        ),
        click.option(
            "--binarize",
            type=click.Choice(["default", "static", "dynamic", "threshold", "none"]),
            default="default",
            show_default=True,
            help="How grey pixels become 0 and 1; none keeps them grey.",
        ),
        click.option(
            "--data",
            metavar="NAME|PATH",
            help="A data set's name (see `ppgen list datasets`), a folder of images, an .npy or an .npz file.",
        ),
    ):
        function = option(function)
    return function


def step_options(function: F) -> F:
    """Add ``--labels-per-class``, ``--quadrants`` and ``--attribute``: what a model is shown of a data set."""
    for option in (
        click.option("--attribute", "attributes", multiple=True, metavar="COLUMN", help="Gather columns into y."),
        click.option("--quadrants", type=click.IntRange(1, 3), help="Give so many quadrants of each image."),
        click.option("--labels-per-class", type=int, help="Keep so many training labels of each class."),
    ):
        function = option(function)
    return function


def steps_of(
    labels_per_class: int | None,
    quadrants: int | None,
    attributes: Sequence[str],
    default: Iterable[Sequence[Any]] = (),
) -> list[list[Any]]:
    """What is done to a data set after loading: what the options say, else what a recipe does.

    Example:
        >>> steps_of(5, None, (), default=[("partial_labels", {"per_class": 10}), ("quadrants", {"observed": 1})])
        [['quadrants', {'observed': 1}], ['partial_labels', {'per_class': 5}]]
    """
    steps: list[list[Any]] = []
    if attributes:
        steps.append(["attributes", {"columns": list(attributes)}])
    if labels_per_class is not None:
        steps.append(["partial_labels", {"per_class": labels_per_class}])
    if quadrants is not None:
        steps.append(["quadrants", {"observed": quadrants}])
    chosen = {step for step, _ in steps}
    return [[step, dict(arguments)] for step, arguments in default if step not in chosen] + steps


def load_data(
    data: str, *, binarize: str = "default", root: str | None = None, steps: Iterable[Sequence[Any]] = ()
) -> Dataset:
    """The data set that ``--data``, ``--binarize`` and ``--data-root`` describe.

    Args:
        data: a name that ``ppgen list datasets`` shows, or a path.
        binarize: as on the command line; ``"none"`` keeps grey pixels.
        root: the folder of the data sets; ``None`` for the default.
        steps: taken after loading; see :func:`steps_of`.
    """
    from ppgen.data import load

    return load(data, binarize=None if binarize == "none" else binarize, root=root, steps=steps)


def assignments(pairs: Iterable[str], option: str = "--set") -> dict[str, Any]:
    """Read ``NAME=VALUE`` pairs; a value is a JSON literal or a bare word, and is never evaluated.

    Args:
        pairs: the texts as typed (``["latent_dim=16", "loss=hinge"]``).
        option: the option's name, for the error text.

    Returns:
        Name to value.

    Raises:
        SettingError: if a pair has no ``=``, a name that is no identifier, appears twice or has a value that is
            neither JSON nor a word.

    Example:
        >>> assignments(["latent_dim=16", "loss=hinge", "hidden=[64, 64]"])
        {'latent_dim': 16, 'loss': 'hinge', 'hidden': [64, 64]}
    """
    values: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name.isidentifier():
            raise SettingError(
                f"{option} {pair}: this is no NAME=VALUE pair",
                expected="a name, an equals sign and a JSON value",
                got=pair,
                fix=f"{option} latent_dim=16",
            )
        if name in values:
            raise SettingError(f"{option} {name}: given twice", expected="one value", got=pair, fix="keep one of them")
        values[name] = _literal(text, pair, option)
    return values


def _literal(text: str, pair: str, option: str) -> Any:
    name = pair.partition("=")[0]
    if text not in _NO_WORDS:
        try:
            return json.loads(text, parse_constant=_refuse_constant)
        except ValueError:
            if _WORD.fullmatch(text):
                return text
    raise SettingError(
        f"{option} {pair}: the value is no JSON literal",
        expected='a number, true, false, null, a word, "quoted text", [a, list] or {"an": "object"}',
        got=text or "nothing",
        fix=f"{option} {name}={_NO_WORDS.get(text, '16')}",
    )


def _refuse_constant(text: str) -> Any:
    raise ValueError(text)  # NaN and Infinity are no JSON, though Python's reader takes them
