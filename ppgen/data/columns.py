"""What a user hands over, made into tensors, or refused with a reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ppgen.errors import DataError

__all__ = ["to_column", "to_columns"]


def to_columns(given: Mapping[str, Any]) -> dict[str, Tensor]:
    """Tensors of equal length from a mapping of sites and covariates to tensors or arrays.

    Args:
        given: each value [N, ...].

    Returns:
        See :func:`to_column` for the types.

    Raises:
        DataError: for anything that is not a non-empty, finite, numeric array, or if the lengths differ.
    """
    if not given:
        raise DataError(
            "the data has no columns", expected='{"x": tensor}', got="an empty dictionary", fix='data={"x": tensor}'
        )
    for key in given:
        if not isinstance(key, str) or not key.isidentifier():
            raise DataError(
                f"{key!r} cannot name a site",
                expected="the name of a method or argument of the model",
                got=repr(key),
                fix='data={"x": tensor, "y": labels}',
            )
    columns = {key: to_column(key, value) for key, value in given.items()}
    rows = {key: len(column) for key, column in columns.items()}
    if len(set(rows.values())) > 1:
        raise DataError(
            "the columns differ in length",
            expected="one row of every site and covariate per data point",
            got=", ".join(f"{count} rows of {key}" for key, count in rows.items()),
            fix="pass rows that belong together; drop the surplus ones",
        )
    if min(rows.values()) == 0:
        raise DataError(
            "the data set is empty",
            expected="at least one row",
            got="0 rows",
            fix="look at the filter or the file that left nothing over",
        )
    return columns


def to_column(name: str, value: Any) -> Tensor:
    """One column as a tensor of its own memory, [N, ...].

    Floats take torch's default type. Integers and booleans become int64 labels, except that ``x`` becomes float, and
    that uint8 or boolean arrays of two or more dimensions are images and become uint8, values unchanged.

    Args:
        name: for error texts, and ``"x"`` is never an integer label.
        value: a tensor or a numpy array.

    Raises:
        DataError: for lists and other types, object, string and complex arrays, scalars, and values not finite.
    """
    tensor = _to_tensor(name, value)
    if tensor.dim() == 0:
        raise DataError(
            f"{name} has no rows",
            expected="[N, ...], one row per data point",
            got="a single number",
            fix=f"{name}.reshape(1)",
        )
    if 0 in tensor.shape[1:]:
        raise DataError(
            f"{name} has rows without values",
            expected="at least one value a row",
            got=str(list(tensor.shape)),
            fix="look at the slice that left nothing over",
        )
    if tensor.is_complex():
        raise DataError(
            f"{name} is complex",
            expected="real numbers",
            got=str(tensor.dtype),
            fix=f"torch.view_as_real({name}), or its modulus and phase",
        )
    if tensor.is_floating_point():
        _refuse_non_finite(name, tensor)
        return tensor.to(torch.get_default_dtype())
    if tensor.dim() >= 2 and tensor.dtype in (torch.uint8, torch.bool):
        return tensor.to(torch.uint8)
    return tensor.to(torch.get_default_dtype() if name == "x" else torch.int64)


def _to_tensor(name: str, value: Any) -> Tensor:
    if isinstance(value, Tensor):
        if value.layout is not torch.strided:
            raise DataError(
                f"{name} is sparse", expected="a dense tensor", got=str(value.layout), fix=f"{name}.to_dense()"
            )
        # A copy, so that a later change of the user's tensor cannot change data that has a fingerprint.
        return value.detach().clone()
    if isinstance(value, list | tuple):
        raise DataError(
            f"{name} is a {type(value).__name__}",
            expected="a tensor or a numpy array, [N, ...]",
            got=f"a {type(value).__name__} of {len(value)}",
            fix=f"torch.as_tensor({name}) or numpy.asarray({name})",
        )
    if not isinstance(value, np.ndarray):
        raise DataError(
            f"{name} is no tensor",
            expected="a tensor or a numpy array, [N, ...]",
            got=type(value).__name__,
            fix=f"numpy.asarray({name})",
        )
    kind = value.dtype.kind
    if kind in "US":
        raise DataError(
            f"{name} holds text",
            expected="numbers; labels as integers 0, 1, ...",
            got=str(value.dtype),
            fix=f"names, {name} = numpy.unique({name}, return_inverse=True)",
        )
    if kind not in "biufc":
        raise DataError(
            f"{name} is an array of objects" if kind == "O" else f"{name} holds no numbers",
            expected="a numeric array whose rows have equal shape",
            got=f"dtype {value.dtype}",
            fix=f"numpy.stack(list({name})).astype('float32')",
        )
    # numpy has types, byte orders and read-only views that torch lacks; one copy settles all of them.
    if kind == "u" and value.dtype.itemsize > 1:
        return torch.from_numpy(value.astype(np.int64))
    if kind == "f" and value.dtype.itemsize > 8:
        return torch.from_numpy(value.astype(np.float64))
    if kind == "c" and value.dtype.itemsize > 16:
        return torch.from_numpy(value.astype(np.complex128))
    return torch.from_numpy(np.array(value, dtype=value.dtype.newbyteorder("="), order="C"))


def _refuse_non_finite(name: str, tensor: Tensor) -> None:
    finite = torch.isfinite(tensor)
    if finite.all():
        return
    bad = (~finite).nonzero()
    first = tuple(bad[0].tolist())
    raise DataError(
        f"{name} has {len(bad)} non-finite value{'s' if len(bad) > 1 else ''}, first at {list(first)}",
        expected="finite numbers",
        got=str(tensor[first].item()),
        fix=f"keep = torch.isfinite({name}).flatten(1).all(1), and keep those rows of every column",
    )
