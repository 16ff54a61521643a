"""The gated causal layer of a PixelCNN."""

from __future__ import annotations

__all__ = ["GatedLayer"]

from torch import Tensor, nn

from ppgen.nets.masked_conv import MaskedConv2d
from ppgen.nets.recorded import Recorded


class GatedLayer(Recorded):
    """One layer of both stacks.

    ``v' = gate(conv_v(v)),  h' = h + mix(gate(conv_h(h) + down(conv_v(v))))``, with a linear map of the context added
    inside each gate, and ``gate(a, b) = tanh(a) sigmoid(b)``.

    Args:
        hidden: channels of each stack.
        kernel_size: of both masked convolutions; odd.
        context_dim: size of the context; 0 for none.
    """

    def __init__(self, hidden: int, kernel_size: int, context_dim: int = 0) -> None:
        super().__init__()
        self.vertical = MaskedConv2d(hidden, 2 * hidden, kernel_size, "vertical", "B")
        self.horizontal = MaskedConv2d(hidden, 2 * hidden, kernel_size, "horizontal", "B")
        self.down = nn.Conv2d(2 * hidden, 2 * hidden, 1)
        self.mix = nn.Conv2d(hidden, hidden, 1)
        self.context = nn.Linear(context_dim, 4 * hidden, bias=False) if context_dim else None

    def forward(self, vertical: Tensor, horizontal: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        """Both stacks, ``[N, hidden, H, W]`` each, one layer on."""
        vertical, message = self.descend(self.vertical(vertical), context)
        return vertical, self.advance(horizontal, self.horizontal(horizontal), message)

    def descend(self, features: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        """From the vertical convolution's output: the next vertical stack, and the message to the horizontal one."""
        message = self.down(features)
        if self.context is not None and context is not None:
            for_vertical, for_horizontal = self.context(context)[..., None, None].chunk(2, dim=1)
            features, message = features + for_vertical, message + for_horizontal
        return gate(features), message

    def advance(self, horizontal: Tensor, features: Tensor, message: Tensor) -> Tensor:
        """From the horizontal convolution's output and the message: the next horizontal stack."""
        return horizontal + self.mix(gate(features + message))


def gate(features: Tensor) -> Tensor:
    """``tanh(a) sigmoid(b)`` of the two halves of the channels."""
    value, opening = features.chunk(2, dim=1)
    return value.tanh() * opening.sigmoid()
