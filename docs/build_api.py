"""Write the API reference as HTML: ``python docs/build_api.py docs/api``. A warning ends it with exit code 1."""

from __future__ import annotations

import importlib
import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import get_type_hints

import pdoc
import pdoc.render
import torch

import ppgen

# The page of `ppgen` shows the public list, with a page for each module in it; these parts are not in the list.
PARTS = ("declare", "training", "fitted", "walks", "inference", "runs", "estimate")


def build(folder: Path) -> list[str]:
    """Write one page for ``ppgen`` and one for each part to ``folder``; return the warnings."""
    modules = ["ppgen", *(f"ppgen.{part}" for part in PARTS)]
    listed = [f"ppgen.{name}" for name in ppgen.__all__ if isinstance(getattr(ppgen, name), ModuleType)]
    for name in [*modules, *listed]:
        module = importlib.import_module(name)
        for public in module.__all__:
            setattr(module, public, getattr(module, public))  # a name that is imported on first use is here now
    # A named tuple keeps its annotations as text, in a namespace of its own where pdoc finds no imports.
    maker = ppgen.zoo.BuiltRecipe.__new__
    maker.__annotations__ = get_type_hints(maker, {"nn": torch.nn, "Objective": ppgen.objectives.Objective})
    pdoc.render.configure(docformat="google", footer_text=f"ppgen {ppgen.__version__}")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pdoc.pdoc(*modules, output_directory=folder)
    return [str(warning.message) for warning in caught]


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    complaints = build(Path(sys.argv[1]))
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    print(f"{sys.argv[1]}/index.html")
    sys.exit(bool(complaints))
