"""What is made of a data set after it was loaded, kept with it so that a run folder can make it again."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ppgen.data.dataset import Dataset
from ppgen.errors import SettingError

__all__ = ["apply", "derived"]

_HOMES = {"attributes": "factors", "partial_labels": "labels", "quadrants": "masks"}


def derived(dataset: Dataset, step: str, arguments: Mapping[str, Any], **changes: Any) -> Dataset:
    """The data set with changed fields, which remembers the step and what it was made from.

    Args:
        dataset: before the step.
        step: the function of ``ppgen.data`` that was called.
        arguments: its arguments besides the data set; plain data.
        **changes: fields of :class:`~ppgen.data.Dataset` after the step.
    """
    spec = dict(dataset.spec)
    if spec:  # a user's own tensors cannot be loaded again, whatever was done to them
        spec["then"] = [*spec.get("then", []), [step, dict(arguments)]]
    return dataclasses.replace(dataset, spec=spec, origin=dataset.origin or dataset, **changes)


def apply(dataset: Dataset, steps: Iterable[Sequence[Any]]) -> Dataset:
    """Take steps, each ``[name, arguments]``, such as ``["partial_labels", {"per_class": 10}]``.

    Raises:
        SettingError: on a step that there is not.
    """
    for step, arguments in steps:
        if step not in _HOMES:
            raise SettingError(
                f"{dataset.name}: there is no step {step!r} after loading",
                expected=", ".join(_HOMES),
                got=repr(step),
                fix='then=[["partial_labels", {"per_class": 10}]]',
            )
        make = getattr(importlib.import_module(f"ppgen.data.{_HOMES[step]}"), step)
        dataset = make(dataset, **arguments)
    return dataset
