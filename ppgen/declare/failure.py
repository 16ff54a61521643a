"""Code of the user's that failed: the likeliest mistake, found out by running it again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from ppgen.declare.supports import describe_tensor
from ppgen.errors import DataError, DeclarationError, PpgenError

__all__ = ["explain_failure"]


def explain_failure(
    where: str,
    arguments: Mapping[str, Any],
    error: Exception,
    again: Callable[[Mapping[str, Any]], object],
    fix: str | None = None,
) -> PpgenError:
    """The error of code that failed, with the likeliest mistake: labels out of range, or values of another dtype.

    Which of them it is, an experiment says: the code runs once more on inputs that differ in this one thing.

    Args:
        where: the site's method, or the program.
        arguments: its inputs by name.
        error: what it raised.
        again: runs the code on other inputs, and leaves no mark.
        fix: the remedy, where no experiment shows a likelier one.
    """
    if isinstance(error, PpgenError):  # from a network of ours, which does not know the site
        parts = {"expected": error.expected, "got": error.got, "fix": error.fix, "code": error.code}
        return type(error)(f"{where}: {error.what}", **parts)
    said = f"{type(error).__name__}: {(str(error).strip().splitlines() or ['no message'])[0]}"
    got = ", ".join(f"{name}: {describe_tensor(value)}" for name, value in arguments.items()) or "no inputs"
    usual = torch.get_default_dtype()
    tensors = {name: value for name, value in arguments.items() if isinstance(value, Tensor)}
    # Labels are what stands in one number per data point, and is counted or used as an index.
    labels = {name: value for name, value in tensors.items() if value.dim() == 1 and not value.is_floating_point()}
    numbers = {name: value for name, value in tensors.items() if value.dim() == 1 and value.is_floating_point()}
    strange = {name: value for name, value in tensors.items() if value.dtype is not usual and name not in labels}

    def mends(changed: Mapping[str, Tensor]) -> bool:
        if not changed or isinstance(error, ValueError):  # which is said of values, by distributions
            return False
        try:
            again({**arguments, **changed})
        except Exception:
            return False
        return True

    if mends({name: torch.zeros_like(value) for name, value in labels.items()}):
        return DataError(
            f"{where}: a label in {' or '.join(map(repr, labels))} is out of range",
            expected="labels from 0 to the number of classes minus 1",
            got=f"{got}; {said}",
            fix="renumber the labels, or build the model for more classes",
            code="D056",
        )
    if mends({name: value.long() for name, value in numbers.items()}):
        return DataError(
            f"{where}: labels must be whole numbers",
            expected="int64 labels",
            got=f"{got}; {said}",
            fix="; ".join(f"{name} = {name}.long()" for name in numbers),
            code="D057",
        )
    if mends({name: value.to(usual) for name, value in strange.items()}):
        return DataError(
            f"{where}: the networks or distributions cannot work with this dtype",
            expected=f"{str(usual).removeprefix('torch.')} values, int64 labels",
            got=f"{got}; {said}",
            fix="; ".join(f"{name} = {name}.to({usual})" for name in strange),
            code="D058",
        )
    return DeclarationError(
        f"{where} raised {said}",
        expected="code that runs on these inputs",
        got=got,
        fix=fix or "check the shapes that the networks expect against these, and the data's dtype",
        code="M042",
    )
