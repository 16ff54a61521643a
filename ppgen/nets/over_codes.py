"""A causal network over images that reads codes: numbers without an order, as unit vectors."""

from __future__ import annotations

__all__ = ["OverCodes"]

from typing import Any

from torch import Tensor

from ppgen.arguments import Recorded
from ppgen.checked import checked
from ppgen.errors import SettingError
from ppgen.nets.causal_images import CausalImageNetwork
from ppgen.nets.layers import one_hot


class OverCodes(Recorded):
    """Logits of each code of a grid given those before it, from a network over images of K channels.

    That code 17 lies between 16 and 18 means nothing: a pixel of the inner network holds a 1 in the channel of its
    code and 0 in all others, so that its first layer has a weight of its own for each code.

    Args:
        network: over images ``[K, height, width]``, with K parameters.

    Shapes:
        codes ``[*batch, 1, height, width]``, context ``[*batch, context_dim]`` -> logits ``[*batch, K, height, width]``

    Raises:
        SettingError: a network whose channels are not as many as its parameters.

    Example:
        >>> import torch
        >>> from ppgen.nets import GatedPixelCNN
        >>> OverCodes(GatedPixelCNN((5, 7, 7), num_parameters=5))(torch.zeros(3, 1, 7, 7)).shape
        torch.Size([3, 5, 7, 7])
    """

    @checked
    def __init__(self, network: CausalImageNetwork) -> None:
        super().__init__()
        self.num_codes, *grid = network.bias.shape
        self.grid = tuple(grid)
        if network.channels != self.num_codes:
            raise SettingError(
                "OverCodes: the network is not one over such codes",
                expected="a channel and a parameter for each code",
                got=f"a network of {network.channels} channels and {self.num_codes} parameters",
                fix=f"{type(network).__name__}(({self.num_codes}, {grid[0]}, {grid[1]}), "
                f"num_parameters={self.num_codes})",
                code="S192",
            )
        self.network: Any = network

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """The logits ``[*batch, K, height, width]`` of all codes at once.

        Args:
            x: codes ``[*batch, 1, height, width]``, whole numbers of any type.
            context: ``[*batch, context_dim]``, or None.
        """
        return self.network(self._units(x.squeeze(-3)).movedim(-1, -3), context)

    def start(self, size: int, context: Tensor | None = None) -> Any:
        """The state of the network before the first code.

        Args:
            size: how many grids are walked through together.
            context: ``[size, context_dim]``, or None.
        """
        return self.network.start(size, context)

    def step(self, state: Any, previous: Tensor, position: int) -> tuple[Tensor, Any]:
        """The logits ``[size, K]`` of the next code, and the state, which is written into.

        Args:
            state: from ``start``, or from the step before.
            previous: the code before this one, ``[size, 1]``; not read at position 0.
            position: of the code, in raster order.
        """
        return self.network.step(state, self._units(previous[:, 0]), position)

    def _units(self, codes: Tensor) -> Tensor:
        return one_hot(codes.long(), self.num_codes).to(self.network.bias.dtype)
