"""Networks that read an event: features for guides, and critics that tell real data from generated data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import prod

from torch import Tensor, nn

from ppgen.arguments import Recorded
from ppgen.checked import checked
from ppgen.nets.layers import MLP, over_batch
from ppgen.nets.spectral_norms import with_spectral_norms

__all__ = ["Critic", "ImageEncoder", "VectorEncoder", "critic", "encoder", "halvings", "leaky", "stages"]


@checked
def encoder(
    event_shape: Sequence[int],
    out_features: int,
    hidden: Sequence[int] | None = None,
    activation: Callable[[], nn.Module] = nn.SiLU,
) -> nn.Module:
    """A network from events of one shape to features, chosen by that shape.

    Three dimensions are an image and get strided convolutions; anything else is flattened and gets an MLP.

    Args:
        event_shape: ``(channels, height, width)`` of any height and width, or ``(dim,)``, or ``()``.
        out_features: how many features.
        hidden: widths of the stages (image) or layers (vector); by default chosen from ``event_shape``.
        activation: makes one activation: a module class, or a function without arguments.

    Returns:
        A module ``[*batch, *event_shape] -> [*batch, out_features]``.

    Example:
        >>> import torch
        >>> encoder((1, 28, 28), 64)(torch.zeros(5, 1, 28, 28)).shape
        torch.Size([5, 64])
    """
    shape = tuple(event_shape)
    if len(shape) == 3:
        return ImageEncoder(shape, out_features, hidden, activation)
    return VectorEncoder(shape, out_features, (128, 128) if hidden is None else hidden, activation)


class ImageEncoder(Recorded):
    """Strided convolutions, each halving the image, then one affine map.

    Args:
        event_shape: ``(channels, height, width)``.
        out_features: how many features.
        hidden: channels of each halving stage; by default 32, 64, 128, 128, ... until 4 pixels or fewer are left.
        activation: makes one activation: a module class, or a function without arguments.

    Shapes:
        ``[*batch, channels, height, width] -> [*batch, out_features]``
    """

    @checked
    def __init__(
        self,
        event_shape: Sequence[int],
        out_features: int,
        hidden: Sequence[int] | None = None,
        activation: Callable[[], nn.Module] = nn.SiLU,
    ) -> None:
        super().__init__()
        sizes, widths = stages(event_shape, hidden)
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Conv2d(before, after, kernel_size=3, stride=2, padding=1), activation()]
        flat = widths[-1] * prod(sizes[-1])
        self.network = nn.Sequential(*layers, nn.Flatten(), nn.Linear(flat, out_features), activation())

    def forward(self, x: Tensor) -> Tensor:
        """The features ``[*batch, out_features]`` of images ``[*batch, channels, height, width]``."""
        return over_batch(self.network, x, event_dim=3)


class VectorEncoder(Recorded):
    """A perceptron beside one affine map: ``features = activation(MLP(x)) + W x + b``.

    The affine path is there because the posterior mean of a linear-Gaussian model is affine in x: a guide built on
    these features reaches it exactly, with the perceptron at rest.

    Args:
        event_shape: any shape; events are flattened.
        out_features: how many features.
        hidden: widths of the perceptron's hidden layers.
        activation: makes one activation: a module class, or a function without arguments.

    Shapes:
        ``[*batch, *event_shape] -> [*batch, out_features]``
    """

    @checked
    def __init__(
        self,
        event_shape: Sequence[int],
        out_features: int,
        hidden: Sequence[int] = (128, 128),
        activation: Callable[[], nn.Module] = nn.SiLU,
    ) -> None:
        super().__init__()
        self.event_dim = len(tuple(event_shape))
        size = prod(event_shape)
        self.perceptron = nn.Sequential(MLP(size, out_features, hidden, activation), activation())
        self.affine = nn.Linear(size, out_features)

    def forward(self, x: Tensor) -> Tensor:
        """The features ``[*batch, out_features]`` of events ``[*batch, *event_shape]``."""
        flat = x.unsqueeze(-1) if self.event_dim == 0 else x.flatten(x.dim() - self.event_dim)
        return self.perceptron(flat) + self.affine(flat)


def halvings(height: int, width: int, stages: int | None = None) -> list[tuple[int, int]]:
    """Image sizes from full size down, each half of the one before, rounded up.

    Args:
        height: of the full image.
        width: of the full image.
        stages: how many halvings; by default at least two, and until no side is longer than 4.

    Returns:
        ``stages + 1`` pairs ``(height, width)``.

    Example:
        >>> halvings(28, 28)
        [(28, 28), (14, 14), (7, 7), (4, 4)]
    """
    sizes = [(height, width)]
    while len(sizes) <= stages if stages is not None else (len(sizes) <= 2 or max(sizes[-1]) > 4):
        sizes.append((-(-sizes[-1][0] // 2), -(-sizes[-1][1] // 2)))
    return sizes


def stages(x_shape: Sequence[int], hidden: Sequence[int] | None) -> tuple[list[tuple[int, int]], list[int]]:
    """Sizes and channels of the stages of a convolutional network, the full image's end first.

    Args:
        x_shape: ``(channels, height, width)``.
        hidden: channels of each stage but the image itself; by default 32, 64, then 128 throughout.
    """
    channels, height, width = x_shape
    sizes = halvings(height, width, None if hidden is None else len(hidden))
    return sizes, [channels, *([min(32 * 2**i, 128) for i in range(len(sizes) - 1)] if hidden is None else hidden)]


@checked
def critic(
    x_shape: Sequence[int], hidden: Sequence[int] | None = None, features: int = 128, spectral: bool = False
) -> Critic:
    """A critic of events of one shape: convolutions for images, a perceptron for vectors.

    Args:
        x_shape: shape of one event.
        hidden: widths of the stages (image) or layers (vector); by default chosen from ``x_shape``.
        features: width of the last hidden layer.
        spectral: whether every layer is divided by its spectral norm; see :func:`~ppgen.nets.with_spectral_norms`.

    Returns:
        A module ``[*batch, *x_shape] -> [*batch]``, logits.

    Example:
        >>> import torch
        >>> critic((1, 8, 8))(torch.zeros(5, 1, 8, 8)).shape
        torch.Size([5])
    """
    made = Critic(encoder(x_shape, features, hidden, activation=leaky), features)
    return with_spectral_norms(made) if spectral else made


class Critic(Recorded):
    """One logit per event: ``sigmoid(critic(x))`` is the probability that x is real.

    It has no batch normalisation, so that the logit of an event never depends on its neighbours in the batch.

    Args:
        body: a module ``[*batch, *x_shape] -> [*batch, features]``.
        features: how many features ``body`` returns.

    Shapes:
        ``[*batch, *x_shape] -> [*batch]``
    """

    @checked
    def __init__(self, body: nn.Module, features: int) -> None:
        super().__init__()
        self.body = body
        self.head = nn.Linear(features, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``[*batch]`` of events ``[*batch, *x_shape]``."""
        return self.head(self.body(x)).squeeze(-1)


def leaky() -> nn.Module:
    """Units with a slope of 0.2 below zero: a critic that is sure of itself must still pass a gradient on."""
    return nn.LeakyReLU(0.2)
