"""A user's own tensors and arrays, made into columns or refused with a reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ppgen.data.column import lengths_of
from ppgen.data.padding import clear_padding, pad
from ppgen.data.splitting import num_rows
from ppgen.data.torch_sets import is_torch_set, read_torch_set
from ppgen.errors import DataError

__all__ = ["to_column", "to_columns"]


def to_columns(given: Any) -> dict[str, Tensor]:
    """Tensors of equal length from a user's tensors or arrays.

    Args:
        given: a mapping of sites and covariates to values [N, ...], or to a list of sequences [T_i, ...]; a data set
            of ``torch.utils.data``; anything else means ``{"x": given}``.

    Returns:
        See :func:`to_column` for the types; sequences are padded with zeros and have their lengths beside them.

    Raises:
        DataError: for anything that is not a non-empty, finite, numeric array, or if the lengths differ.
    """
    given = read_torch_set(given) if is_torch_set(given) else given
    given = given if isinstance(given, Mapping) else {"x": given}
    if not given:
        raise DataError(
            "the data has no columns",
            expected='{"x": tensor}',
            got="an empty dictionary",
            fix='data={"x": tensor}',
            code="D005",
        )
    for key in given:
        if not isinstance(key, str) or not key.isidentifier():
            raise DataError(
                f"{key!r} cannot name a site",
                expected="the name of a method or argument of the model",
                got=repr(key),
                fix='data={"x": tensor, "y": labels}',
                code="D006",
            )
    columns = {key: to_column(key, value) for key, value in _padded(given).items()}
    if num_rows("the columns", columns) == 0:
        raise DataError(
            "the data set is empty",
            expected="at least one row",
            got="0 rows",
            fix="look at the filter or the file that left nothing over",
            code="D007",
        )
    return columns


def _padded(given: Mapping[str, Any]) -> dict[str, Any]:
    """Lists of sequences as tensors with lengths beside them, and zeros behind the end of every sequence."""
    found = dict(given)
    for key, value in given.items():
        if isinstance(value, list | tuple) and value and all(isinstance(row, Tensor | np.ndarray) for row in value):
            if f"{key}_lengths" in given:
                raise DataError(
                    f"{key} is a list of sequences, which have their lengths already",
                    expected=f"{key} alone, or {key} as one tensor [N, T, ...] with {key}_lengths",
                    got=f"a list, and {key}_lengths beside it",
                    fix=f"leave {key}_lengths out",
                    code="D008",
                )
            rows = [_to_tensor(f"{key}[{row}]", sequence) for row, sequence in enumerate(value)]
            found[key], found[f"{key}_lengths"] = pad(key, rows)
        elif (lengths := lengths_of(key, given)) is not None:
            values, counted = _to_tensor(key, value), to_column(lengths, given[lengths])
            if values.dim() and len(values) == len(counted):  # else the number of rows is what is wrong
                found[key] = clear_padding(key, values, counted)
    return found


def to_column(name: str, value: Any) -> Tensor:
    """One column as a tensor of its own memory, [N, ...].

    float64 and booleans stay what they are, and shorter floats take torch's default type: a fit hands a model its data
    in the type of its parameters. Integers become int64 labels. Of ``x``, integers become floats that hold them; uint8
    arrays of two or more dimensions are images and stay uint8, as do the bits of such an ``x``, values unchanged.

    Args:
        name: for error texts, and ``"x"`` is never an integer label.
        value: a tensor or a numpy array.

    Raises:
        DataError: for lists and other types, object, string and complex arrays, scalars, and values not finite.
    """
    tensor = _to_tensor(name, value)
    if tensor.dim() == 0 or 0 in tensor.shape[1:]:
        raise DataError(
            f"{name} has no rows" if tensor.dim() == 0 else f"{name} has rows without values",
            expected="[N, ...], one row per data point, with at least one value each",
            got=str(list(tensor.shape)),
            fix=f"{name}.reshape(1)" if tensor.dim() == 0 else "look at the slice that left nothing over",
            code="D009",
        )
    if tensor.is_complex():
        raise DataError(
            f"{name} is complex",
            expected="real numbers",
            got=str(tensor.dtype),
            fix=f"torch.view_as_real({name}), or its modulus and phase",
            code="D010",
        )
    if tensor.is_floating_point():
        bad = (~torch.isfinite(tensor)).nonzero()
        if len(bad):
            raise DataError(
                f"{name} has {len(bad)} non-finite value{'s' if len(bad) > 1 else ''}, first at {bad[0].tolist()}",
                expected="finite numbers",
                got=str(tensor[tuple(bad[0].tolist())].item()),
                fix=f"keep = torch.isfinite({name}).flatten(1).all(1), and keep those rows of every column",
                code="D011",
            )
        return tensor if tensor.dtype == torch.float64 else tensor.to(torch.get_default_dtype())
    is_bits = tensor.dtype == torch.bool
    if is_bits and name != "x":
        return tensor
    if tensor.dim() >= 2 and (is_bits or tensor.dtype == torch.uint8):
        return tensor.to(torch.uint8)
    return _floats_of(name, tensor) if name == "x" else tensor.to(torch.int64)


def _floats_of(name: str, integers: Tensor) -> Tensor:
    """Integers as floats that tell each from the next: torch's default type, else float64, up to 2^53."""
    for dtype in (torch.get_default_dtype(), torch.float64):
        floats = integers.to(dtype)
        if torch.equal(floats.to(torch.int64), integers.to(torch.int64)):
            return floats
    raise _too_large(name, "integers up to 2^53, which floats can hold", f"up to {int(integers.abs().max())}")


def _too_large(name: str, expected: str, got: str) -> DataError:
    return DataError(
        f"{name} holds integers that would become other numbers",
        expected=expected,
        got=got,
        fix=f"labels by numpy.unique({name}, return_inverse=True)[1]; or {name}.astype('float64') / scale",
        code="D106",
    )


# By kind of a numpy type: the most bytes of one that torch has too, and the type for those that it lacks.
_WIDEST = {"u": (1, np.int64), "f": (8, np.float64), "c": (16, np.complex128)}


def _to_tensor(name: str, value: Any) -> Tensor:
    if isinstance(value, Tensor):
        if value.is_meta or value.is_nested:
            raise DataError(
                f"{name} is {'a tensor without values' if value.is_meta else 'a nested tensor'}",
                expected="a dense tensor of values, [N, ...]",
                got="device meta" if value.is_meta else f"{value.size(0)} tensors in one",
                fix=f"load {name} onto a device" if value.is_meta else f"a list of sequences: list({name}.unbind())",
                code="D107",
            )
        if value.layout is not torch.strided:
            raise DataError(
                f"{name} is sparse",
                expected="a dense tensor",
                got=str(value.layout),
                fix=f"{name}.to_dense()",
                code="D012",
            )
        # A copy, so that a later change of the user's tensor cannot change data that has a fingerprint.
        return _signed(name, value.detach().clone())
    if not isinstance(value, np.ndarray):
        raise DataError(
            f"{name} is no tensor",
            expected="a tensor or a numpy array, [N, ...]",
            got=type(value).__name__,
            fix=f"numpy.asarray({name})",
            code="D013",
        )
    if value.dtype.kind not in "biufc":
        is_text = value.dtype.kind in "US"
        raise DataError(
            f"{name} holds {'text' if is_text else 'objects' if value.dtype.kind == 'O' else 'no numbers'}",
            expected="numbers, in rows of equal shape; labels as integers 0, 1, ...",
            got=f"dtype {value.dtype}",
            fix=f"names, {name} = numpy.unique({name}, return_inverse=True)"
            if is_text
            else f"numpy.stack(list({name})).astype('float32')",
            code="D014",
        )
    # numpy has types, byte orders and read-only views that torch lacks; one copy settles all of them.
    most, wide = _WIDEST.get(value.dtype.kind, (8, None))
    dtype = wide if value.dtype.itemsize > most else value.dtype.newbyteorder("=")
    if value.dtype == np.uint64:
        return _signed(name, torch.from_numpy(np.array(value, dtype=np.uint64, order="C")))
    return torch.from_numpy(np.array(value, dtype=dtype, order="C"))


def _signed(name: str, tensor: Tensor) -> Tensor:
    """Unsigned integers of 64 bits as signed ones, which are all that a label can be."""
    if tensor.dtype is not torch.uint64:
        return tensor
    signed = tensor.to(torch.int64)
    if bool((signed < 0).any()):
        raise _too_large(name, "integers below 2^63", "larger ones")
    return signed
