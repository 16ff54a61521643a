"""Numbers as a network reads them best: around zero, at unit spread."""

from __future__ import annotations

from torch import Tensor, nn, tensor, where

from ppgen.data.scales import Scale

__all__ = ["Standardised"]


class Standardised(nn.Module):
    """``(x - mean) / spread`` of numbers, by the training split; of ``log(1 + n)`` of counts, and of other logarithms.

    A network at its initial weights answers to numbers around 1. Of columns around 100 it is saturated, and of columns
    around 0.01 nearly constant: a guide that reads them so ends far from the posterior, and says nothing. Mean and
    spread are buffers: saved, loaded and moved with the weights that were trained on them.

    Args:
        scale: of the column.

    Shapes:
        ``[batch, *event] -> [batch, *event]``, floats

    Example:
        >>> import torch
        >>> Standardised(Scale(torch.tensor(8.0), torch.tensor(10.0), is_count=False))(torch.tensor([28, 8, -2]))
        tensor([ 2.,  0., -1.])
    """

    mean: Tensor
    spread: Tensor
    is_count: Tensor
    offset: Tensor | None

    def __init__(self, scale: Scale) -> None:
        super().__init__()
        self.register_buffer("mean", scale.mean)
        self.register_buffer("spread", scale.spread)
        self.register_buffer("is_count", tensor(scale.is_count))
        self.register_buffer("offset", scale.offset)

    def forward(self, value: Tensor) -> Tensor:
        """The numbers, standardised."""
        value = value.to(self.mean.dtype)
        value = where(self.is_count, value.clamp(min=0).log1p(), value)
        value = value if self.offset is None else (value.clamp(min=0) + self.offset).log()
        return (value - self.mean) / self.spread
