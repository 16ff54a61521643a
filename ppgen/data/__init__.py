"""Data with a measure: every set in three disjoint splits, and what its values are said beside them."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__all__ = [
    "Column",
    "Dataset",
    "Transform",
    "as_batch",
    "as_dataset",
    "as_tokens",
    "attributes",
    "augmented",
    "counterparts",
    "describe",
    "draw_glyphs",
    "from_tensors",
    "load",
    "mutated",
    "names",
    "own_rows",
    "paired",
    "partial_labels",
    "quadrants",
    "side_by_side",
    "tokens_of",
    "unpaired",
    "usual_form",
    "words_of",
]

# No file here is called load.py or names.py: importing a submodule binds its name on the package, over the function's.
_HOMES = {
    "Column": "column",
    "Dataset": "dataset",
    "Transform": "transforms",
    "as_batch": "loading",
    "as_dataset": "loading",
    "as_tokens": "vocabulary",
    "attributes": "conditioning",
    "augmented": "augmentation",
    "counterparts": "glyph_faces",
    "describe": "catalogue",
    "draw_glyphs": "glyph_drawing",
    "from_tensors": "tensors",
    "load": "loading",
    "mutated": "mutation",
    "names": "catalogue",
    "own_rows": "rows_to_score",
    "paired": "paired_sets",
    "partial_labels": "conditioning",
    "quadrants": "conditioning",
    "side_by_side": "picture_pairs",
    "tokens_of": "vocabulary",
    "unpaired": "unpaired_sets",
    "usual_form": "own_data",
    "words_of": "vocabulary",
}

if TYPE_CHECKING:
    from ppgen.data.augmentation import augmented
    from ppgen.data.catalogue import describe, names
    from ppgen.data.column import Column
    from ppgen.data.conditioning import attributes, partial_labels, quadrants
    from ppgen.data.dataset import Dataset
    from ppgen.data.glyph_drawing import draw_glyphs
    from ppgen.data.glyph_faces import counterparts
    from ppgen.data.loading import as_batch, as_dataset, load
    from ppgen.data.mutation import mutated
    from ppgen.data.own_data import usual_form
    from ppgen.data.paired_sets import paired
    from ppgen.data.picture_pairs import side_by_side
    from ppgen.data.rows_to_score import own_rows
    from ppgen.data.tensors import from_tensors
    from ppgen.data.transforms import Transform
    from ppgen.data.unpaired_sets import unpaired
    from ppgen.data.vocabulary import as_tokens, tokens_of, words_of


def __getattr__(name: str) -> Any:
    # Lazy (PEP 562), so that the catalogue can be listed without importing torch.
    if name in _HOMES:
        return getattr(importlib.import_module(f"ppgen.data.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'ppgen.data' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
