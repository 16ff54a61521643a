"""Networks from a latent vector to the parameters of a likelihood, shaped like the data."""

from __future__ import annotations

__all__ = ["ImageDecoder", "VectorDecoder", "decoder"]

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import prod

from torch import Tensor, nn

from ppgen.arguments import Recorded
from ppgen.checked import checked
from ppgen.nets.encoders import stages
from ppgen.nets.layers import MLP, over_batch


@checked
def decoder(
    latent_dim: int,
    x_shape: Sequence[int],
    hidden: Sequence[int] | None = None,
    activation: Callable[[], nn.Module] = nn.SiLU,
) -> nn.Module:
    """A network from latent vectors to tensors of the data's shape (logits, means ...), chosen by that shape.

    Args:
        latent_dim: size of the latent vector, with whatever else is joined to it.
        x_shape: ``(channels, height, width)`` for an image; any other shape gets an MLP.
        hidden: widths of the stages (image) or layers (vector), in the order of an *encoder*, the data's end first;
            by default chosen from ``x_shape``.
        activation: makes one activation: a module class, or a function without arguments.

    Returns:
        A module ``[*batch, latent_dim] -> [*batch, *x_shape]``, unbounded values.

    Example:
        >>> import torch
        >>> decoder(2, (3, 32, 32))(torch.zeros(7, 5, 2)).shape
        torch.Size([7, 5, 3, 32, 32])
    """
    shape = tuple(x_shape)
    if len(shape) == 3:
        return ImageDecoder(latent_dim, shape, hidden, activation)
    return VectorDecoder(latent_dim, shape, (128, 128) if hidden is None else hidden, activation)


class ImageDecoder(Recorded):
    """One affine map to a small image, then transposed convolutions, each doubling it.

    Sizes that are no power of two are cut to what the matching encoder stage saw: 4 -> 7 -> 14 -> 28.

    Args:
        latent_dim: size of the latent vector.
        x_shape: ``(channels, height, width)``.
        hidden: channels of the stages, the image's end first; by default those of ``ImageEncoder``.
        activation: makes one activation: a module class, or a function without arguments.
        batch_norm: whether every stage's input is normalised over the batch (in evaluation, by running statistics), as
            in A. Radford et al., 2016 (DCGAN): the events of a batch then depend on each other.

    Shapes:
        ``[*batch, latent_dim] -> [*batch, channels, height, width]``
    """

    @checked
    def __init__(
        self,
        latent_dim: int,
        x_shape: Sequence[int],
        hidden: Sequence[int] | None = None,
        activation: Callable[[], nn.Module] = nn.SiLU,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        sizes, widths = stages(x_shape, hidden)
        self.sizes = sizes[::-1]
        self.small_shape = (widths[-1], *sizes[-1])
        self.seed = nn.Linear(latent_dim, prod(self.small_shape))
        self.activation = activation()
        self.stages = nn.ModuleList(
            nn.ConvTranspose2d(before, after, kernel_size=4, stride=2, padding=1)
            for before, after in pairwise(widths[::-1])
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(w) if batch_norm else nn.Identity() for w in widths[:0:-1])

    def forward(self, z: Tensor) -> Tensor:
        """Tensors ``[*batch, channels, height, width]`` from latent vectors ``[*batch, latent_dim]``."""
        return over_batch(self.grow, z, event_dim=1)

    def grow(self, z: Tensor) -> Tensor:
        """The same for exactly one batch dimension: ``[N, latent_dim] -> [N, channels, height, width]``."""
        x = self.seed(z).reshape(-1, *self.small_shape)
        for norm, stage, (height, width) in zip(self.norms, self.stages, self.sizes[1:], strict=True):
            x = stage(self.activation(norm(x)))[..., :height, :width]
        return x


class VectorDecoder(Recorded):
    """A perceptron whose output takes the data's shape.

    Args:
        latent_dim: size of the latent vector.
        x_shape: any shape, also ``()``.
        hidden: widths of the hidden layers, the data's end first.
        activation: makes one activation: a module class, or a function without arguments.

    Shapes:
        ``[*batch, latent_dim] -> [*batch, *x_shape]``
    """

    @checked
    def __init__(
        self,
        latent_dim: int,
        x_shape: Sequence[int],
        hidden: Sequence[int] = (128, 128),
        activation: Callable[[], nn.Module] = nn.SiLU,
    ) -> None:
        super().__init__()
        self.x_shape = tuple(x_shape)
        self.perceptron = MLP(latent_dim, prod(self.x_shape), tuple(hidden)[::-1], activation)

    def forward(self, z: Tensor) -> Tensor:
        """Tensors ``[*batch, *x_shape]`` from latent vectors ``[*batch, latent_dim]``."""
        return self.perceptron(z).reshape((*z.shape[:-1], *self.x_shape))
