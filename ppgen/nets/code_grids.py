"""Convolutional networks between images and smaller grids of vectors."""

from __future__ import annotations

__all__ = ["GridDecoder", "GridEncoder"]

from collections.abc import Sequence

from torch import Tensor, nn

from ppgen.arguments import Recorded, whole_number
from ppgen.checked import checked
from ppgen.errors import SettingError
from ppgen.nets.encoders import halvings
from ppgen.nets.layers import over_batch


class GridEncoder(Recorded):
    """Strided convolutions, each halving the image, a residual block, and one vector at each place.

    Args:
        x_shape: ``(channels, height, width)``.
        code_dim: size of the vectors.
        num_halvings: how often height and width are halved, rounded up.
        width: channels in between.

    Shapes:
        ``[*batch, channels, height, width] -> [*batch, code_dim, *grid]``

    Raises:
        SettingError: a shape that is no image's.

    Example:
        >>> import torch
        >>> GridEncoder((1, 28, 28), code_dim=16)(torch.zeros(5, 1, 28, 28)).shape
        torch.Size([5, 16, 7, 7])
    """

    @checked
    def __init__(self, x_shape: Sequence[int], code_dim: int, num_halvings: int = 2, width: int = 32) -> None:
        super().__init__()
        sizes = _sizes("GridEncoder", x_shape, num_halvings)
        layers: list[nn.Module] = []
        for i in range(len(sizes) - 1):
            layers += [nn.Conv2d(width if i else x_shape[0], width, 3, stride=2, padding=1), nn.SiLU()]
        self.network = nn.Sequential(*layers, _Residual(width), nn.SiLU(), nn.Conv2d(width, code_dim, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Vectors ``[*batch, code_dim, *grid]`` of images ``[*batch, channels, height, width]``."""
        return over_batch(self.network, x, event_dim=3)


class GridDecoder(Recorded):
    """A residual block over a grid of vectors, then transposed convolutions, each doubling it.

    Args:
        code_dim: size of the vectors.
        x_shape: ``(channels, height, width)`` of what comes out.
        num_halvings: as of the encoder.
        width: channels in between.

    Shapes:
        ``[*batch, code_dim, *self.grid] -> [*batch, channels, height, width]``

    Raises:
        SettingError: a shape that is no image's.

    Example:
        >>> import torch
        >>> decoder = GridDecoder(16, (1, 28, 28))
        >>> decoder.grid, decoder(torch.zeros(5, 16, 7, 7)).shape
        ((7, 7), torch.Size([5, 1, 28, 28]))
    """

    @checked
    def __init__(self, code_dim: int, x_shape: Sequence[int], num_halvings: int = 2, width: int = 32) -> None:
        super().__init__()
        self.sizes = _sizes("GridDecoder", x_shape, num_halvings)[::-1]
        self.start = nn.Sequential(nn.Conv2d(code_dim, width, 3, padding=1), _Residual(width))
        widths = [width] * num_halvings + [x_shape[0]]
        self.stages = nn.ModuleList(
            nn.ConvTranspose2d(width, after, kernel_size=4, stride=2, padding=1) for after in widths[1:]
        )
        self.activation = nn.SiLU()

    @property
    def grid(self) -> tuple[int, int]:
        """Height and width of the grid."""
        return self.sizes[0]

    def forward(self, z: Tensor) -> Tensor:
        """Tensors ``[*batch, channels, height, width]`` from grids ``[*batch, code_dim, *grid]``."""
        return over_batch(self._grow, z, event_dim=3)

    def _grow(self, z: Tensor) -> Tensor:
        x = self.start(z)
        for stage, (height, width) in zip(self.stages, self.sizes[1:], strict=True):
            x = stage(self.activation(x))[..., :height, :width]
        return x


class _Residual(nn.Module):
    """``h + conv(silu(conv(silu(h))))``, of a 3 x 3 and a 1 x 1 convolution."""

    def __init__(self, width: int) -> None:
        super().__init__()
        first, second = nn.Conv2d(width, width, 3, padding=1), nn.Conv2d(width, width, 1)
        self.correction = nn.Sequential(nn.SiLU(), first, nn.SiLU(), second)

    def forward(self, h: Tensor) -> Tensor:
        return h + self.correction(h)


def _sizes(name: str, x_shape: Sequence[int], num_halvings: int) -> list[tuple[int, int]]:
    """Height and width from the full image down to the grid."""
    if len(x_shape) != 3:
        raise SettingError(
            f"{name}: a grid of codes lies over an image",
            expected="x_shape=(channels, height, width)",
            got=f"x_shape={tuple(x_shape)}",
            fix="x = x.unsqueeze(1), where the channel is missing; ppgen.models.DiscreteVAE takes vectors",
            code="S191",
        )
    _, height, width = x_shape
    return halvings(height, width, whole_number(f"{name}: num_halvings", num_halvings))
