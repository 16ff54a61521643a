"""Default values of ``ppgen.fit`` as help texts show them, read from its source without importing torch."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

__all__ = ["FIT_DEFAULTS", "defaults_of"]


def defaults_of(file: Path, function: str) -> dict[str, Any]:
    """The default values in a function's signature, which are then written nowhere else.

    Args:
        file: the source file.
        function: its name; all its defaults are literals.

    Example:
        >>> FIT_DEFAULTS["seed"], FIT_DEFAULTS["device"]
        (0, 'auto')
    """
    tree = ast.parse(file.read_text(encoding="utf-8"))
    arguments = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == function).args
    placed = [*arguments.posonlyargs, *arguments.args]
    pairs = [*zip(placed[len(placed) - len(arguments.defaults) :], arguments.defaults, strict=True)]
    pairs += [(name, value) for name, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if value]
    return {name.arg: ast.literal_eval(value) for name, value in pairs}


FIT_DEFAULTS = defaults_of(Path(__file__).parents[1] / "training" / "fit.py", "fit")
