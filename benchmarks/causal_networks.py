"""The causal networks that there are, a row each: what the exactness ledger and the sampling table go through."""

from __future__ import annotations

__all__ = ["BLOCKS", "CODES", "IMAGES", "TOKENS", "BlockRow", "CodeRow", "Row", "TokenRow", "randomised"]

import dataclasses
from collections.abc import Mapping
from math import gcd, prod
from typing import Any, ClassVar

import torch

from ppgen import nets
from ppgen.distributions import Conditional, Order, conditionals, orders


@dataclasses.dataclass(frozen=True)
class Row:
    """A network over images.

    Args:
        network: its class.
        small: its sizes where it is enumerated.
        large: its sizes on 28x28, as it would be fitted.
        label: what tables add to its name, where there are several of one class.
        spread: of its random weights where it is enumerated: so large that no dependence hides, so small that no image
            takes all the probability.
        family: of the pixels of 28x28.
    """

    network: type[Any]
    small: Mapping[str, Any]
    large: Mapping[str, Any]
    label: str = ""
    spread: float = 0.4
    family: Conditional = conditionals.Bernoulli()  # noqa: RUF009 - frozen
    has_derivative: ClassVar[bool] = True  # by what it reads, which is not whole numbers alone

    @property
    def title(self) -> str:
        """What a table calls it."""
        return f"{self.network.__name__}{self.label and ', '}{self.label}"

    def order(self, positions: tuple[int, ...]) -> Order:
        """Of the positions, where no other is asked for."""
        return orders.raster(positions)

    def make(self, shape: tuple[int, ...], order: Order, *, small: bool, **others: Any) -> Any:
        """The network for data of a shape, in an order.

        Args:
            shape: of an event.
            order: of its positions.
            small: which of the sizes.
            **others: ``context_dim``, ``num_parameters`` and ``highest``.
        """
        return self.network((shape[0], *order.scanned), **(self.small if small else self.large), **others)


class BlockRow(Row):
    """The network over blocks of binary pixels that are drawn together, around a gated PixelCNN."""

    has_derivative = False

    def order(self, positions: tuple[int, ...]) -> Order:
        """Block by block, of two rows and two columns where they divide the image's."""
        return orders.blocks(positions, self._block(positions))

    def make(self, shape: tuple[int, ...], order: Order, *, small: bool, **others: Any) -> Any:
        """The network for images.

        Args:
            shape: ``(1, height, width)``.
            order: block by block.
            small: which of the sizes.
            **others: ``context_dim``.
        """
        block, sizes = self._block(order.positions), self.small if small else self.large
        grid = tuple(length // short for length, short in zip(shape[1:], block, strict=True))
        settings = sizes | {"num_parameters": 2 ** prod(block), "context_dim": others.get("context_dim", 0)}
        return self.network(nets.GatedPixelCNN((prod(block), *grid), **settings), block)

    def _block(self, positions: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(gcd(2, length) for length in positions)


class CodeRow(Row):
    """The network over grids of codes, around a gated PixelCNN."""

    has_derivative = False

    def make(self, shape: tuple[int, ...], order: Order, *, small: bool, **others: Any) -> Any:
        """The network for grids.

        Args:
            shape: ``(1, height, width)``.
            order: of the codes.
            small: which of the sizes.
            **others: ``context_dim``, and ``num_parameters``, which is how many codes there are.
        """
        settings = (self.small if small else self.large) | {name: others[name] for name in others if name != "highest"}
        return self.network(nets.GatedPixelCNN((others["num_parameters"], *order.scanned), **settings))


class TokenRow(Row):
    """A causal network over sequences of tokens."""

    has_derivative = False

    def make(self, shape: tuple[int, ...], order: Order, *, small: bool, **others: Any) -> Any:
        """The network for sequences of a length.

        Args:
            shape: ``(length,)``.
            order: of the tokens.
            small: which of the sizes.
            **others: ``context_dim``, and ``num_parameters``, which is how many tokens there are.
        """
        sizes = self.small if small else self.large
        return self.network(*shape, others["num_parameters"], **sizes, context_dim=others.get("context_dim", 0))


_ATTENTION = {"hidden": 8, "num_layers": 2, "num_heads": 2, "block": (2, 2)}
IMAGES = (
    Row(nets.FullyVisibleBeliefNetwork, {}, {}),
    Row(nets.MADE, {"hidden": (40, 40)}, {"hidden": (500, 500)}),
    Row(nets.PixelCNN, {"hidden": 6, "num_layers": 3}, {"hidden": 64, "num_layers": 8}),
    Row(nets.GatedPixelCNN, {"hidden": 6, "num_layers": 3}, {"hidden": 32, "num_layers": 6}),
    Row(nets.SkipPixelCNN, {"hidden": 6, "num_layers": 3}, {"hidden": 32}),
    Row(
        nets.PixelCNNPlusPlus, {"hidden": 6, "num_blocks": 1}, {"hidden": 32}, "", 0.2, conditionals.LogisticMixture(10)
    ),
    Row(nets.RowLSTM, {"hidden": 6}, {"hidden": 32}),
    Row(nets.DiagonalBiLSTM, {"hidden": 6}, {"hidden": 16}),
    *(
        Row(nets.ImageTransformer, _ATTENTION | {"attention": kind}, {"attention": kind}, kind)
        for kind in ("local-1d", "local-2d", "global")
    ),
)
BLOCKS = (BlockRow(nets.InBlocks, {"hidden": 6, "num_layers": 2}, {"hidden": 32, "num_layers": 5}),)
CODES = (CodeRow(nets.OverCodes, {"hidden": 6, "num_layers": 2}, {"hidden": 32, "num_layers": 4}),)
TOKENS = (
    TokenRow(nets.TokenTransformer, {"hidden": 8, "num_heads": 2}, {"num_layers": 4}),
    TokenRow(nets.TokenLSTM, {"hidden": 8}, {}),
)


def randomised(network: Any, spread: float = 0.4, seed: int = 0) -> Any:
    """The network in float64 and evaluation mode, with weights on which no dependence hides behind a small number.

    Weights that a network begins with are kept in their directions and blown up, since those of an attention or of a
    recurrence saturate at random ones; those that begin at zero are drawn.
    """
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(1.5 * parameter + spread * torch.randn_like(parameter) / max(1, parameter.shape[-1]) ** 0.5)
    return network.double().eval()
