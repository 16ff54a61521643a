"""What networks are fed: any batch dimensions, labels as vectors, several inputs joined into one."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import torch
from pyro.distributions.util import is_validation_enabled
from torch import Tensor
from torch.nn import functional

from ppgen.errors import DataError

__all__ = ["join", "one_hot", "over_batch"]


def over_batch(network: Callable[[Tensor], Tensor], x: Tensor, event_dim: int) -> Tensor:
    """Apply ``network`` to the events of ``x``, whatever batch dimensions stand before them.

    Convolutions accept exactly one batch dimension; particles, plates and chains make more, or none.

    Args:
        network: maps ``[N, *event]`` to ``[N, *out]``.
        x: ``[*batch, *event]``.
        event_dim: how many rightmost dimensions of ``x`` are one event.

    Returns:
        ``[*batch, *out]``.
    """
    split = x.dim() - event_dim
    if split == 1:
        return network(x)
    batch, event = x.shape[:split], x.shape[split:]
    out = network(x.reshape(prod(batch), *event))
    return out.reshape(*batch, *out.shape[1:])


def one_hot(labels: Tensor, num_classes: int) -> Tensor:
    """Class labels as unit vectors: ``y -> e_y``.

    Args:
        labels: ``[*batch]`` int64, each in ``0 .. num_classes - 1``.
        num_classes: how many classes there are.

    Returns:
        ``[*batch, num_classes]`` in the default dtype.

    Raises:
        DataError: a label outside its range, or labels that are not whole numbers. The range is read only where that
            is free (on the CPU) and while Pyro's validation is on, as with any distribution's arguments.

    Example:
        >>> one_hot(torch.tensor([2, 0]), 3)
        tensor([[0., 0., 1.],
                [1., 0., 0.]])
    """
    if labels.dtype != torch.int64:
        raise DataError(
            "class labels are not whole numbers",
            expected="an int64 tensor",
            got=f"a tensor of dtype {labels.dtype}",
            fix="labels.long(), or labels.argmax(-1) if they are one-hot already",
        )
    # Reading a value back from a GPU would stall every step.
    if labels.device.type == "cpu" and is_validation_enabled():
        wrong = (labels < 0) | (labels >= num_classes)
        if wrong.any():
            raise DataError(
                f"{int(wrong.sum())} class labels are out of range",
                expected=f"0 .. {num_classes - 1}",
                got=f"{int(labels[wrong][0])}",
                fix=f"num_classes={int(labels.max()) + 1}, or labels that start at 0",
            )
    return functional.one_hot(labels, num_classes).to(torch.get_default_dtype())


def join(*inputs: Tensor) -> Tensor:
    """Vectors side by side, with their batch dimensions broadcast against each other.

    A label ``[B, 10]`` meets a latent variable ``[B, 20]`` in training and ``[particles, B, 20]`` in evaluation.

    Args:
        inputs: tensors ``[*batch_i, features_i]``.

    Returns:
        ``[*batch, features_1 + features_2 + ...]``.

    Example:
        >>> join(torch.zeros(4, 1, 2), torch.ones(3, 5)).shape
        torch.Size([4, 3, 7])
    """
    batch = torch.broadcast_shapes(*(x.shape[:-1] for x in inputs))
    return torch.cat([x.expand(*batch, x.shape[-1]) for x in inputs], dim=-1)
