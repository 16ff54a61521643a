"""A generator of images whose every stage is scaled and shifted by what it is told."""

from __future__ import annotations

__all__ = ["ModulatedDecoder"]

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from ppgen.checked import checked
from ppgen.nets.decoders import ImageDecoder
from ppgen.nets.encoders import stages
from ppgen.nets.layers import join


class ModulatedDecoder(ImageDecoder):
    """An ``ImageDecoder`` of z whose stages see ``h' = (1 + g(y)) norm(h) + b(y)``, channel by channel.

    With batch normalisation it is conditional batch norm; without, the modulation alone.

    Reference: V. Dumoulin, J. Shlens and M. Kudlur, "A learned representation for artistic style", 2017 (arXiv
    1610.07629), as used by T. Miyato and M. Koyama, 2018 (arXiv 1802.05637); E. Perez et al., "FiLM", 2018 (arXiv
    1709.07871), without the norm.

    Args:
        latent_dim: size of the latent vector.
        context_dim: size of what it is told.
        x_shape: ``(channels, height, width)``.
        hidden: channels of the stages, the image's end first; by default those of ``ImageEncoder``.
        activation: makes one activation: a module class, or a function without arguments.
        batch_norm: whether stages are normalised over the batch (in evaluation, by running statistics): the events of
            a batch in training then depend on each other.

    Shapes:
        ``[*batch, latent_dim], [*batch, context_dim] -> [*batch, channels, height, width]``

    Example:
        >>> import torch
        >>> ModulatedDecoder(4, 10, (1, 8, 8))(torch.zeros(5, 4), torch.zeros(5, 10)).shape
        torch.Size([5, 1, 8, 8])
    """

    @checked
    def __init__(
        self,
        latent_dim: int,
        context_dim: int,
        x_shape: Sequence[int],
        hidden: Sequence[int] | None = None,
        activation: Callable[[], nn.Module] = nn.SiLU,
        batch_norm: bool = True,
    ) -> None:
        super().__init__(latent_dim, x_shape, hidden, activation)
        _, channels = stages(x_shape, hidden)
        widths = channels[:0:-1]
        self.norms = nn.ModuleList(nn.BatchNorm2d(w, affine=False) if batch_norm else nn.Identity() for w in widths)
        self.gains_and_shifts = nn.ModuleList(nn.Linear(context_dim, 2 * w) for w in widths)

    def forward(self, z: Tensor, context: Tensor) -> Tensor:  # type: ignore[override]  # it is told something
        """Images ``[*batch, channels, height, width]`` from latent vectors, each told something."""
        both = join(z, context)
        flat = both.reshape(-1, both.shape[-1])
        images = self.grow_told(flat[:, : z.shape[-1]], flat[:, z.shape[-1] :])
        return images.reshape(*both.shape[:-1], *images.shape[1:])

    def grow_told(self, z: Tensor, context: Tensor) -> Tensor:
        """The same for exactly one batch dimension."""
        x = self.seed(z).reshape(-1, *self.small_shape)
        steps = zip(self.norms, self.gains_and_shifts, self.stages, self.sizes[1:], strict=True)
        for norm, affine, stage, (height, width) in steps:
            gain, shift = affine(context)[..., None, None].chunk(2, dim=1)
            x = stage(self.activation((1 + gain) * norm(x) + shift))[..., :height, :width]
        return x
