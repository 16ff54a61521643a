"""A causal network as a distribution over binary images."""

from __future__ import annotations

__all__ = ["Autoregressive"]

import copy
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from pyro.distributions.torch_distribution import TorchDistribution
from torch import Tensor, nn
from torch.distributions import constraints
from torch.nn import functional

CHUNK_PIXELS = 2**18  # drawn together: bounds the memory of the network's hidden states


class Autoregressive(TorchDistribution):
    """The distribution of binary images whose pixels are drawn one after the other.

    ``log p(x | context) = sum_i log Bernoulli(x_i | logits_i(x_0 .. x_{i-1}, context))``, i in raster order.

    ``log_prob`` is exact and needs one pass of the network; ``sample`` needs one step for each pixel. The parameters
    live in the network, not here: an instance is as cheap as a ``Normal`` and is made anew at every call of a model.
    Draws have no pathwise gradient, so it is no family for a guide.

    Reference: A. van den Oord et al., "Pixel recurrent neural networks", 2016 (arXiv 1601.06759).

    Args:
        network: maps images ``[*batch, *event_shape]``, and the context if there is one, to logits of the same shape;
            the logit of pixel i must not depend on pixels from i on. If it has a method ``incremental(size, context)``
            as ``ppgen.nets.PixelCNN`` has, draws use it; otherwise each pixel costs a pass over the whole image.
        event_shape: ``(1, height, width)``.
        context: ``[*batch_shape, context_dim]``, or None.

    Shapes:
        batch_shape is the context's, or ``()``; ``log_prob`` broadcasts values and batch_shape against each other.

    Example:
        >>> import torch
        >>> from ppgen.nets import PixelCNN
        >>> images = Autoregressive(PixelCNN((1, 4, 4)), (1, 4, 4)).expand([3])
        >>> x = images.sample()
        >>> x.shape, images.log_prob(x).shape
        (torch.Size([3, 1, 4, 4]), torch.Size([3]))
    """

    arg_constraints: ClassVar[dict[str, Any]] = {}
    support: Any = constraints.independent(constraints.boolean, 3)
    has_rsample = False

    def __init__(
        self,
        network: nn.Module,
        event_shape: Sequence[int],
        context: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        self.network, self.context = network, context
        batch_shape = torch.Size() if context is None else context.shape[:-1]
        super().__init__(batch_shape, torch.Size(event_shape), validate_args=validate_args)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Autoregressive:
        """The same distribution, independently for each element of a batch.

        Args:
            batch_shape: of the result.
            _instance: not used; torch has it for subclasses.
        """
        new = copy.copy(self)
        new._batch_shape = torch.Size(batch_shape)
        if self.context is not None:
            new.context = self.context.expand(*new._batch_shape, -1)
        return new

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-probabilities in nats.

        Args:
            value: ``[*shape, 1, height, width]`` of zeros and ones; ``shape`` broadcasts against ``batch_shape``.

        Returns:
            The broadcast of ``shape`` and ``batch_shape``.
        """
        if self._validate_args:
            self._validate_sample(value)
        batch = torch.broadcast_shapes(value.shape[:-3], self.batch_shape)
        if self.context is None:
            # Without a context the batch dimensions are copies: one pass over the values serves them all.
            logits = self.network(value)
        else:
            value = value.expand(*batch, *self.event_shape)
            logits = self.network(value, self.context)
        each = -functional.binary_cross_entropy_with_logits(logits, value, reduction="none")
        return each.flatten(-3).sum(-1).expand(batch)

    @torch.no_grad()
    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Images ``[*sample_shape, *batch_shape, 1, height, width]``, drawn pixel by pixel."""
        shape = self._extended_shape(torch.Size(sample_shape))
        batch = shape[:-3]
        size, chunk = batch.numel(), max(1, CHUNK_PIXELS // self.event_shape.numel())
        contexts = None
        if self.context is not None:
            contexts = self.context.expand(*batch, -1).reshape(size, self.context.shape[-1])
        parts = [
            self._draw(min(chunk, size - first), None if contexts is None else contexts[first : first + chunk])
            for first in range(0, max(size, 1), chunk)
        ]
        return torch.cat(parts).reshape(shape)

    @property
    def mean(self) -> Tensor:
        """Not available: the marginal probabilities ``[1, height, width]`` of the pixels are sums over all images."""
        raise NotImplementedError(
            "Autoregressive has no mean in closed form: a pixel's probability depends on the pixels drawn before it; "
            "average draws instead: distribution.sample((1000,)).mean(0)"
        )

    @property
    def variance(self) -> Tensor:
        """Not available ``[1, height, width]``, for the same reason as the mean."""
        raise NotImplementedError("Autoregressive has no variance in closed form; use draws instead")

    def _draw(self, size: int, context: Tensor | None) -> Tensor:
        """``size`` images in raster order."""
        like = next(self.network.parameters(), torch.empty(()))
        images = like.new_zeros(size, *self.event_shape)
        incremental = getattr(self.network, "incremental", None)
        steps = _WholePasses(self.network, images, context) if incremental is None else incremental(size, context)
        _, height, width = self.event_shape
        for row in range(height):
            for column in range(width):
                pixels = torch.bernoulli(steps.logits(row, column).sigmoid())
                images[:, :, row, column] = pixels
                steps.put(row, column, pixels)
        return images


class _WholePasses:
    """The logits of the next pixel from a pass over all pixels: for causal networks that keep no states."""

    def __init__(self, network: nn.Module, images: Tensor, context: Tensor | None) -> None:
        self.network, self.images = network, images
        self.arguments = () if context is None else (context,)

    def logits(self, row: int, column: int) -> Tensor:
        """The logits ``[size, 1]`` of one pixel."""
        return self.network(self.images, *self.arguments)[:, :, row, column]

    def put(self, row: int, column: int, pixels: Tensor) -> None:
        """Write the drawn values ``[size, 1]`` of a pixel."""
        self.images[:, :, row, column] = pixels
