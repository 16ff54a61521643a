"""Sequences of different lengths: padded to one, with the lengths beside them in a column of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from ppgen.data.column import lengths_of
from ppgen.errors import DataError

__all__ = ["check_lengths", "clear_padding", "pad", "pad_alike"]


def pad(name: str, steps: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Sequences as one tensor, zeros behind the shorter ones.

    Args:
        name: of the column, for error texts.
        steps: a tensor [T_i, ...] for each row.

    Returns:
        The padded sequences [N, T, ...], T being the longest, and their lengths [N], int64.

    Raises:
        DataError: for a sequence without a step, or whose steps differ in shape or type from those of the first; and
            for a list of tensors of one shape with three dimensions, which are more likely images.

    Example:
        >>> pad("x", [torch.ones(3), torch.ones(1)])
        (tensor([[1., 1., 1.],
                [1., 0., 0.]]), tensor([3, 1]))
    """
    for row, sequence in enumerate(steps):
        is_like_first = sequence.dim() > 0 and sequence.shape[1:] == steps[0].shape[1:]
        if not is_like_first or not len(sequence) or sequence.dtype != steps[0].dtype:
            raise DataError(
                f"{name}: row {row} is no sequence like the first",
                expected=f"[T, {', '.join(map(str, [*steps[0].shape[1:], '...'][: steps[0].dim() - 1 or 1]))}]"
                f" with T >= 1, {steps[0].dtype}",
                got=f"{list(sequence.shape)}, {sequence.dtype}",
                fix=f"look at {name}[{row}]; rows of one shape may be stacked: torch.stack({name})",
                code="D026",
            )
    if len(steps) > 1 and steps[0].dim() == 3 and len({len(sequence) for sequence in steps}) == 1:
        raise DataError(
            f"{name} may be images or sequences",
            expected=f"one tensor of images, or of sequences with their lengths in {name}_lengths",
            got=f"a list of {len(steps)} tensors of one shape, {list(steps[0].shape)}",
            fix=f"torch.stack({name})",
            code="D027",
        )
    return pad_sequence(list(steps), batch_first=True), torch.tensor([len(sequence) for sequence in steps])


def check_lengths(name: str, values: Tensor, lengths: Tensor) -> None:
    """Refuse lengths that sequences cannot have, naming the first row.

    Args:
        name: of the sequences' column.
        values: the padded sequences [N, T, ...].
        lengths: how many steps of each are its own, [N].

    Raises:
        DataError: if a length is no whole number from 1 to T.
    """
    told, dtype = f"{name}_lengths", str(lengths.dtype).removeprefix("torch.")
    if lengths.dim() != 1 or lengths.dtype != torch.int64:
        raise DataError(
            f"{told} are no lengths of {name}",
            expected=f"{name} [N, T, ...], {told} [N] int64",
            got=f"{name} {list(values.shape)}, {told} {list(lengths.shape)} {dtype}",
            fix=f"give the column another name than {told}, if it holds no lengths",
            code="D028",
        )
    wrong = ((lengths < 1) | (lengths > values.shape[1])).nonzero()
    if len(wrong):
        row = int(wrong[0])
        raise DataError(
            f"{told}: a sequence has an impossible length",
            expected=f"1 to {values.shape[1]}, the steps that {name} has room for",
            got=f"{int(lengths[row])} in row {row}",
            fix=f"leave out sequences without a step: keep = {told} > 0",
            code="D029",
        )


def clear_padding(name: str, values: Tensor, lengths: Tensor) -> Tensor:
    """Sequences with zeros behind their ends, so that nothing depends on what stood there.

    Args:
        name: of the column.
        values: sequences [N, T, ...] with anything behind their ends, also what is not finite.
        lengths: how many steps of each are its own, [N].

    Raises:
        DataError: if the lengths are impossible.
    """
    check_lengths(name, values, lengths)
    is_padding = torch.arange(values.shape[1], device=values.device) >= lengths.to(values.device).unsqueeze(1)
    return values.masked_fill(is_padding.reshape(*is_padding.shape, *[1] * (values.dim() - 2)), 0)


def pad_alike(
    splits: Mapping[str, Mapping[str, Tensor]], least: Mapping[str, int] | None = None
) -> dict[str, dict[str, Tensor]]:
    """Splits whose sequences have room for equally many steps.

    Args:
        splits: columns [N, ...] of each.
        least: the steps that a column's sequences must have room for in any case.
    """
    rooms = dict(least or {})
    for columns in splits.values():
        for key in columns:
            if lengths_of(key, columns) is not None:
                rooms[key] = max(rooms.get(key, 0), columns[key].shape[1])
    return {
        split: {key: _with_room(values, rooms.get(key, 0)) for key, values in columns.items()}
        for split, columns in splits.items()
    }


def _with_room(values: Tensor, steps: int) -> Tensor:
    missing = steps - values.shape[1] if values.dim() > 1 else 0
    if missing <= 0:
        return values
    return torch.cat([values, values.new_zeros(len(values), missing, *values.shape[2:])], 1)
