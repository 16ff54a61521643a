"""What a position of an autoregressive distribution sees, measured by gradients."""

from __future__ import annotations

__all__ = ["is_before", "receptive_field"]

from typing import Any

import torch
from torch import Tensor, nn

from ppgen.context import preserved_state
from ppgen.distributions.autoregressive import Autoregressive
from ppgen.distributions.orders import Order
from ppgen.errors import SettingError, Unanswerable


def is_before(order: Order, position: int) -> Tensor:
    """Which positions are drawn before one: ``[*positions]`` of bools.

    Args:
        order: of the positions.
        position: counted along ``order.positions``.

    Raises:
        SettingError: if there is no such position.

    Example:
        >>> from ppgen.distributions import orders
        >>> is_before(orders.raster((2, 3)), 4).int().tolist()
        [[1, 1, 1], [1, 0, 0]]
    """
    if not 0 <= position < len(order):
        raise SettingError(
            "receptive field: there is no such position",
            expected=f"0 to {len(order) - 1}, counted along {order.positions}",
            got=f"position={position}",
            fix=f"position={len(order) // 2}",
            code="S190",
        )
    turns = order.restore(torch.arange(len(order)).reshape(order.scanned))
    return turns < turns.flatten()[position]


def receptive_field(fn: Autoregressive, value: Tensor, position: int) -> Tensor:
    """How strongly the conditional of one position depends on the values of each other one.

    ``r_j = mean_n sum_c | d (s_n . parameters_i(x_n)) / d x_ncj |``, with signs ``s_n`` drawn once for each datum: of a
    family with one parameter, the mean size of its gradient. It is 0 where j does not reach i at all: from i on, since
    the network is causal, and in a blind spot. A value that is looked up, or that only chooses among numbers, reaches i
    without a gradient.

    Reference: W. Luo et al., "Understanding the effective receptive field in deep convolutional neural networks", 2016
    (arXiv 1701.04128).

    Args:
        fn: the distribution; of all its batch.
        value: ``[N, *event]``, a few data, which broadcast against its batch.
        position: i, counted along the order's ``positions``.

    Returns:
        ``[*positions]``

    Raises:
        SettingError: if there is no such position.
        Unanswerable: of a network that looks its values up, as those of tokens do.

    Example:
        >>> from ppgen.distributions import orders
        >>> from ppgen.nets import PixelCNN
        >>> _ = torch.manual_seed(0)
        >>> network = PixelCNN((1, 4, 5), hidden=16, num_layers=1, kernel_size=3, first_kernel_size=3)
        >>> seen = receptive_field(Autoregressive(network, (1, 4, 5)), torch.rand(8, 1, 4, 5), position=12) > 0
        >>> seen.int().tolist()
        [[1, 1, 1, 1, 1], [1, 1, 1, 1, 0], [1, 1, 0, 0, 0], [0, 0, 0, 0, 0]]
    """
    turn = int(is_before(fn.order, position).sum())
    batch = torch.broadcast_shapes(value.shape[: value.dim() - len(fn.event_shape)], fn.batch_shape)
    x = value.expand(*batch, *fn.event_shape).detach().clone().requires_grad_()
    module: Any = fn.network if isinstance(fn.network, nn.Module) else nn.Identity()  # what is no module has no state
    with preserved_state(module), torch.enable_grad():
        arranged = fn.order.arrange(x)
        parameters = fn.network(arranged) if fn.context is None else fn.network(arranged, fn.context.detach())
        own = parameters.flatten(-len(fn.order.scanned))[..., turn]
        signs = torch.randint(0, 2, own.shape, generator=torch.Generator().manual_seed(0)).to(own) * 2.0 - 1.0
        scored = (own * signs).sum()
        (slope,) = torch.autograd.grad(scored, x, allow_unused=True) if scored.requires_grad else (None,)
    if slope is None:
        raise Unanswerable(
            "receptive field: the network looks its values up, so that it has no gradient by them",
            expected="a network that computes with the values of its positions",
            got=type(fn.network).__name__,
            fix="its mask, or its memory, says what it attends to",
            code="U050",
        )
    return slope.abs().reshape(batch.numel(), fn.channels.numel(), *fn.order.positions).sum(1).mean(0)
