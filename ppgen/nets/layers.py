"""Building blocks: perceptrons, residual blocks, Gaussian heads, learned inputs, and functions that shape inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import prod
from typing import Any

import pyro.distributions as dist
import torch
from pyro.distributions.util import is_validation_enabled
from torch import Tensor, nn
from torch.nn import functional

from ppgen.arguments import Recorded
from ppgen.checked import checked
from ppgen.errors import DataError

__all__ = ["MLP", "GatedMLP", "Gaussian", "PseudoInputs", "ResidualBlock", "join", "one_hot", "over_batch"]


class MLP(Recorded, nn.Sequential):
    """Affine maps with an activation between each two of them.

    ``h_0 = x,  h_{l+1} = activation(W_l h_l + b_l)``; the last map has no activation.

    Args:
        in_features: size of the input's last dimension.
        out_features: size of the output's last dimension.
        hidden: widths of the hidden layers; ``()`` gives one affine map.
        activation: makes one activation: a module class, or a function without arguments.

    Shapes:
        ``[*batch, in_features] -> [*batch, out_features]``

    Example:
        >>> import torch
        >>> MLP(3, 2, hidden=(16,))(torch.zeros(5, 7, 3)).shape
        torch.Size([5, 7, 2])
    """

    @checked
    def __init__(
        self,
        in_features: int,
        out_features: int,
        hidden: Sequence[int] = (128, 128),
        activation: Callable[[], nn.Module] = nn.SiLU,
    ) -> None:
        widths = [in_features, *hidden, out_features]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), activation()]
        super().__init__(*layers[:-1])


class GatedMLP(Recorded):
    """Layers ``h' = (W h + b) * sigmoid(V h + c)`` over all inputs, flattened and side by side.

    Reference: Y. Dauphin et al., "Language modeling with gated convolutional networks", 2017 (arXiv 1612.08083), as
    used by J. Tomczak and M. Welling, "VAE with a VampPrior", 2018 (arXiv 1705.07120).

    Args:
        in_shapes: event shape of each input.
        hidden: widths of the layers; the last one is the number of features that come out.

    Shapes:
        ``[*batch, *in_shapes[0]], [*batch, *in_shapes[1]], ... -> [*batch, hidden[-1]]``; batch dimensions broadcast.

    Example:
        >>> import torch
        >>> GatedMLP([(1, 8, 8), (3,)], hidden=(16, 16))(torch.zeros(5, 1, 8, 8), torch.zeros(2, 5, 3)).shape
        torch.Size([2, 5, 16])
    """

    @checked
    def __init__(self, in_shapes: Sequence[Sequence[int]], hidden: Sequence[int] = (300, 300)) -> None:
        super().__init__()
        self.event_dims = [len(shape) for shape in in_shapes]
        widths = [sum(prod(shape) for shape in in_shapes), *hidden]
        # One map for values and gates: half as many matrix products.
        layers = [nn.Linear(before, 2 * after) for before, after in pairwise(widths)]
        for layer in layers:  # torch's default is made for one map; behind closing gates its signal would die out
            nn.init.normal_(layer.weight, std=(2.0 / layer.in_features) ** 0.5)
        self.layers = nn.ModuleList(layers)

    def forward(self, *inputs: Tensor) -> Tensor:
        """Features ``[*batch, hidden[-1]]`` of the inputs."""
        events = zip(inputs, self.event_dims, strict=True)
        h = join(*(x.reshape(*x.shape[: x.dim() - event_dim], -1) for x, event_dim in events))
        for layer in self.layers:
            h = functional.glu(layer(h), -1)
        return h


class ResidualBlock(Recorded):
    """``h' = h + W_2 silu(W_1 silu(h))``: the identity with a correction, so that deep stacks still pass gradients.

    Reference: K. He et al., "Identity mappings in deep residual networks", 2016 (arXiv 1603.05027).

    Args:
        width: size of h.
        inner: width between the two maps; by default ``width``.

    Shapes:
        ``[*batch, width] -> [*batch, width]``

    Example:
        >>> import torch
        >>> ResidualBlock(8)(torch.zeros(5, 8)).shape
        torch.Size([5, 8])
    """

    @checked
    def __init__(self, width: int, inner: int | None = None) -> None:
        super().__init__()
        inner = width if inner is None else inner
        self.correction = nn.Sequential(nn.SiLU(), nn.Linear(width, inner), nn.SiLU(), nn.Linear(inner, width))

    def forward(self, h: Tensor) -> Tensor:
        """The corrected features ``[*batch, width]``."""
        return h + self.correction(h)


SOFTPLUS_ONE = 0.5413248546  # softplus of this is 1: an output of 0 is the scale 1
SMALLEST_SCALE = 1e-3  # a scale that collapses would make the log-density unbounded


class Gaussian(Recorded):
    """``Normal(W h + b, softplus(V h + c))`` with ``h = body(inputs)``, independent over its coordinates.

    Args:
        body: a network from the inputs to features ``[*batch, num_features]``.
        num_features: how many it returns.
        dim: size of the Gaussian's event.

    Shapes:
        The body's inputs -> a distribution with batch shape ``[*batch]`` and event shape ``[dim]``.

    Example:
        >>> import torch
        >>> Gaussian(nn.Tanh(), 3, 2)(torch.zeros(5, 3)).rsample().shape
        torch.Size([5, 2])
    """

    @checked
    def __init__(self, body: nn.Module, num_features: int, dim: int) -> None:
        super().__init__()
        self.body = body
        self.head = nn.Linear(num_features, 2 * dim)

    def forward(self, *inputs: Tensor) -> Any:
        """The distribution given the inputs, batch ``[*batch]`` and event ``[dim]``."""
        loc, raw = self.head(self.body(*inputs)).chunk(2, -1)
        return dist.Normal(loc, functional.softplus(raw + SOFTPLUS_ONE) + SMALLEST_SCALE).to_event(1)


class PseudoInputs(Recorded):
    """``u_k = sigmoid(a_k)``, K learned points with values in (0, 1), that are fed to a network in place of data.

    Reference: J. Tomczak and M. Welling, "VAE with a VampPrior", 2018 (arXiv 1705.07120).

    Args:
        num: K.
        x_shape: shape of one data point.

    Shapes:
        ``() -> [num, *x_shape]``

    Example:
        >>> u = PseudoInputs(2, (1, 8, 8))
        >>> u.start_at(torch.ones(2, 1, 8, 8))
        >>> u().shape, float(u().detach().min()) > 0.9
        (torch.Size([2, 1, 8, 8]), True)
    """

    @checked
    def __init__(self, num: int, x_shape: Sequence[int]) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.randn(num, *x_shape))

    def forward(self) -> Tensor:
        """All of them, ``[num, *x_shape]``."""
        return self.logits.sigmoid()

    @torch.no_grad()
    def start_at(self, x: Tensor) -> None:
        """Begin near given data ``[num, *x_shape]`` in [0, 1], with logits small enough to move."""
        self.logits.copy_(torch.logit(0.05 + 0.9 * x))


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
        labels: ``[*batch]`` int64 or booleans, each in ``0 .. num_classes - 1``.
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
    if labels.dtype == torch.bool:
        labels = labels.long()
    if labels.dtype != torch.int64:
        raise DataError(
            "class labels are not whole numbers",
            expected="an int64 tensor",
            got=f"a tensor of dtype {labels.dtype}",
            fix="labels.long(), or labels.argmax(-1) if they are one-hot already",
            code="D082",
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
                code="D083",
            )
    # torch's own one_hot reads the largest label back, which a compiled step cannot do.
    zeros = torch.zeros(*labels.shape, num_classes, device=labels.device)
    return zeros.scatter(-1, labels.unsqueeze(-1), 1.0)


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
