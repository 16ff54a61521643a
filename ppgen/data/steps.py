"""Steps that are taken of a data set after it was loaded, as a run folder keeps them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ppgen.arguments import one_of
from ppgen.data.augmentation import augmented
from ppgen.data.conditioning import attributes, partial_labels, quadrants
from ppgen.data.dataset import Dataset
from ppgen.data.mutation import mutated
from ppgen.data.own_data import captions, lines, usual_form
from ppgen.data.paired_sets import paired
from ppgen.data.picture_pairs import side_by_side
from ppgen.errors import SettingError

__all__ = ["apply"]

_STEPS: dict[str, Callable[..., Dataset]] = {
    "attributes": attributes,
    "augmented": augmented,
    "captions": captions,
    "lines": lines,
    "mutated": mutated,
    "paired": paired,
    "partial_labels": partial_labels,
    "quadrants": quadrants,
    "side_by_side": side_by_side,
    "usual_form": usual_form,
}
"""What may be made of a data set after it was loaded, by the name that a run folder keeps."""


def apply(dataset: Dataset, steps: Sequence[Sequence[Any]]) -> Dataset:
    """The data set after some steps.

    Args:
        dataset: as it was loaded.
        steps: each ``[name, arguments]``, such as ``["partial_labels", {"per_class": 10}]``.

    Raises:
        SettingError: on a step that there is not.
    """
    for name, arguments in _pairs(dataset.name, steps):
        dataset = _STEPS[one_of(f"{dataset.name}: step", name, _STEPS)](dataset, **arguments)
    return dataset


def _pairs(name: str, steps: Any) -> list[Any]:
    """Steps as pairs of a name and arguments."""
    is_list = isinstance(steps, Sequence) and not isinstance(steps, str | bytes)
    pairs = list(steps) if is_list else [steps]
    for pair in pairs:
        if not (isinstance(pair, list | tuple) and len(pair) == 2 and isinstance(pair[1], Mapping)):
            raise SettingError(
                f"{name}: a step is no pair of a name and its arguments",
                expected='["partial_labels", {"per_class": 10}]',
                got=repr(pair),
                fix='steps=[["partial_labels", {"per_class": 10}]]',
                code="S149",
            )
    return pairs
