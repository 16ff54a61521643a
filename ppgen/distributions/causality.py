"""The test whether a network is causal: values are changed from some position on, and nothing before may notice."""

from __future__ import annotations

__all__ = ["verify_causal"]

from typing import Any

import torch
from torch import Tensor, nn

from ppgen.context import preserved_state
from ppgen.distributions.causal_network import CausalNetwork
from ppgen.errors import SettingError

_ROWS = 16  # that are looked at, each changed from a position of its own on


def verify_causal(network: CausalNetwork, values: Tensor, channel_dims: int, *context: Tensor) -> None:
    """Refuse a network whose parameters of a position depend on values from that position on.

    Of each row, the values from a position on are exchanged for others of the data, and the parameters up to that
    position must stay. Both passes are in evaluation mode and begin at the same random state, so that neither dropout
    nor batch norm is mistaken for a look ahead. Nothing of it leaves a mark: no random state, buffer or gradient.

    Args:
        network: as it is called on values.
        values: ``[size, *channels, *positions]`` in the order of their drawing.
        channel_dims: how many dims the channels are.
        context: nothing, or one tensor ``[size, context_dim]``.

    Raises:
        SettingError: if a parameter changes.
    """
    values, context = values[:_ROWS], tuple(each[:_ROWS] for each in context)
    if not values.numel():
        return
    flat = values.flatten(1 + channel_dims).flatten(1, -2) if channel_dims else values.flatten(1).unsqueeze(1)
    size, _, length = flat.shape
    first = torch.randint(length, (size, 1), generator=torch.Generator().manual_seed(0)).to(values.device)
    places = torch.arange(length, device=values.device)
    changed = torch.where((places >= first).unsqueeze(1), _others(flat), flat).reshape(values.shape)
    before, after = (_parameters(network, given, *context) for given in (values, changed))
    scale = before[before.isfinite()].abs().max().clamp_min(1.0) if before.isfinite().any() else 1.0
    precision = max(1e-5, 4 * torch.finfo(before.dtype).eps)
    moved = ~torch.isclose(before, after, rtol=0.0, atol=float(precision * scale), equal_nan=True).all(1)
    looked = moved & (places <= first)
    if looked.any():
        row, position = looked.nonzero()[0].tolist()
        raise SettingError(
            f"Autoregressive: {type(network).__name__} is not causal, so that there is no density",
            expected="parameters of each position that depend on the values drawn before it alone",
            got=f"those of position {position} changed with values from position {int(first[row])} on",
            fix="a causal network such as ppgen.nets.GatedPixelCNN(x_shape), or masks that hide a position from itself "
            "and from all before it",
            code="S136",
        )


def _parameters(network: CausalNetwork, values: Tensor, *context: Tensor) -> Tensor:
    module: Any = network if isinstance(network, nn.Module) else nn.Identity()  # what is no module has no state
    with preserved_state(module):
        return network(values, *context).flatten(2)


def _others(values: Tensor) -> Tensor:
    """Values ``[size, channels, length]`` that differ from the given ones, and that the same data hold elsewhere.

    Each is the largest of its channel, or the smallest where it was the largest: the family need not be asked for what
    lies in its support. Data of one value alone have no others, and stay.
    """
    largest, smallest = values.amax((0, 2), keepdim=True), values.amin((0, 2), keepdim=True)
    return torch.where(values == largest, smallest, largest)
