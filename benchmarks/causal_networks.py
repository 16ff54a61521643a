"""The causal networks that are there, a row each: what the exactness ledger and the sampling table go through.

A network joins by one row, whose class is looked for by name, so that the tables know of networks that come later.
"""

from __future__ import annotations

__all__ = ["IMAGES", "TOKENS", "Row", "found", "randomised"]

import dataclasses
from collections.abc import Mapping
from typing import Any

import torch

from ppgen import nets


@dataclasses.dataclass(frozen=True)
class Row:
    """A network of ``ppgen.nets``.

    Args:
        name: of its class.
        small: its sizes where it is enumerated.
        large: its sizes on 28x28, as it would be fitted.
        label: what a table calls it; default: its name.
        spread: of its random weights where it is enumerated: so large that no dependence hides, so small that no image
            takes all the probability.
    """

    name: str
    small: Mapping[str, Any]
    large: Mapping[str, Any]
    label: str = ""
    spread: float = 0.4

    @property
    def title(self) -> str:
        """What a table calls it."""
        return self.label or self.name

    def make(self, shape: tuple[int, ...], *, small: bool, **others: Any) -> Any:
        """The network for data of a shape.

        Args:
            shape: ``x_shape``.
            small: which of the sizes.
            **others: ``context_dim``, ``num_parameters`` and ``highest``.
        """
        return getattr(nets, self.name)(shape, **(self.small if small else self.large), **others)


class TokenRow(Row):
    """A causal network over sequences of tokens."""

    def make(self, shape: tuple[int, ...], *, small: bool, **others: Any) -> Any:
        """The network for sequences of a length.

        Args:
            shape: ``(length,)``.
            small: which of the sizes.
            **others: ``context_dim``, and ``num_parameters``, which is how many tokens there are.
        """
        sizes = self.small if small else self.large
        return getattr(nets, self.name)(*shape, others["num_parameters"], **sizes, context_dim=others["context_dim"])


IMAGES = (
    Row("FullyVisibleBeliefNetwork", {}, {}),
    Row("MADE", {"hidden": (40, 40)}, {"hidden": (500, 500)}),
    Row("PixelCNN", {"hidden": 6, "num_layers": 3}, {"hidden": 64, "num_layers": 8}),
    Row("GatedPixelCNN", {"hidden": 6, "num_layers": 3}, {"hidden": 32, "num_layers": 6}),
    Row("SkipPixelCNN", {"hidden": 6, "num_layers": 3}, {"hidden": 32}),
    Row("PixelCNNPlusPlus", {"hidden": 6}, {"hidden": 32}, spread=0.2),
    Row("RowLSTM", {"hidden": 6}, {"hidden": 32}),
    Row("DiagonalBiLSTM", {"hidden": 6}, {"hidden": 16}),
    Row("ImageTransformer", {}, {}),
)
TOKENS = (
    TokenRow("TokenTransformer", {"hidden": 8, "num_heads": 2}, {}),
    TokenRow("TokenLSTM", {"hidden": 8}, {}),
)


def found(rows: tuple[Row, ...]) -> list[Row]:
    """The rows whose networks there are."""
    return [row for row in rows if hasattr(nets, row.name)]


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
