"""The causal transformer: layers of attention and of perceptrons, for all positions at once and one by one."""

from __future__ import annotations

__all__ = ["CausalTransformer", "TransformerState"]

import dataclasses
from typing import cast

import torch
from torch import Tensor, nn

from ppgen.errors import SettingError
from ppgen.nets.attention import AttentionPattern


@dataclasses.dataclass
class TransformerState:
    """What a transformer remembers on its way: the keys and values of the positions that are still looked at.

    Args:
        keys: of each layer, ``[size * num_heads, slots, hidden // num_heads]``.
        values: of each layer, of the same shape.
        contexts: what the context adds at each layer, ``[size, hidden]``, or None.
    """

    keys: list[Tensor]
    values: list[Tensor]
    contexts: list[Tensor | None]


class CausalTransformer(nn.Module):
    """Layers ``x = x + context;  x = x + attend(norm(x));  x = x + mlp(norm(x))``, and a last norm.

    What a position holds depends on its own input and on those before it, so that a network whose inputs are moved on
    by one position is causal.

    References: A. Vaswani et al., "Attention is all you need", 2017 (arXiv 1706.03762); with norms before the layers
    as R. Xiong et al., "On layer normalization in the transformer architecture", 2020 (arXiv 2002.04745).

    Args:
        pattern: who attends to whom.
        hidden: width, a multiple of ``num_heads``.
        num_layers: how many layers.
        num_heads: of each layer.
        context_dim: size of a vector that every layer reads; 0 for none.

    Raises:
        SettingError: a width that the heads do not divide.

    Shapes:
        ``[size, num_positions, hidden] -> [size, num_positions, hidden]``
    """

    def __init__(
        self, pattern: AttentionPattern, hidden: int, num_layers: int, num_heads: int, context_dim: int = 0
    ) -> None:
        super().__init__()
        if hidden % num_heads:
            raise SettingError(
                "transformer: the heads do not divide the width",
                expected=f"hidden, a multiple of num_heads={num_heads}",
                got=f"hidden={hidden}",
                fix=f"hidden={-(-hidden // num_heads) * num_heads}",
                code="S188",
            )
        self.pattern, self.num_heads, self.hidden = pattern, num_heads, hidden
        self.layers = nn.ModuleList(TransformerLayer(hidden, num_heads, context_dim) for _ in range(num_layers))
        self.norm = nn.LayerNorm(hidden)

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """What all positions hold after the last layer, ``[size, num_positions, hidden]``.

        Args:
            x: ``[size, num_positions, hidden]``.
            context: ``[size, context_dim]``, or None.
        """
        for layer in self._layers():
            x = layer(x, self.pattern, context)
        return self.norm(x)

    def start(self, size: int, context: Tensor | None = None) -> TransformerState:
        """The state before the first position.

        Args:
            size: how many data are walked through together.
            context: ``[size, context_dim]``, or None.
        """
        layers, like = self._layers(), self.norm.weight
        shape = size * self.num_heads, self.pattern.slots, self.hidden // self.num_heads
        return TransformerState(
            keys=[like.new_zeros(shape) for _ in layers],
            values=[like.new_zeros(shape) for _ in layers],
            contexts=[layer.of_context(context) for layer in layers],
        )

    def step(self, state: TransformerState, x: Tensor, position: int) -> Tensor:
        """What the next position holds after the last layer, ``[size, hidden]``; the state is written into.

        Args:
            state: from ``start``, with the positions before.
            x: ``[size, hidden]``, of this position.
            position: 0, 1, 2 ...
        """
        slot, veil = position % self.pattern.slots, self.pattern.veil(position)
        filled = min(position + 1, self.pattern.slots)
        for layer, keys, values, context in zip(self._layers(), state.keys, state.values, state.contexts, strict=True):
            if context is not None:
                x = x + context
            query, keys[:, slot], values[:, slot] = layer.of_heads(x)
            scores = torch.baddbmm(veil, query.unsqueeze(1), keys[:, :filled].mT, alpha=layer.scale)
            x = layer.advance(x, torch.bmm(scores.softmax(-1), values[:, :filled]).reshape(x.shape))
        return self.norm(x)

    def _layers(self) -> list[TransformerLayer]:
        return cast("list[TransformerLayer]", list(self.layers))


class TransformerLayer(nn.Module):
    """One layer of attention and one perceptron, each beside the identity.

    Args:
        hidden: width, a multiple of ``num_heads``.
        num_heads: how many heads.
        context_dim: size of a vector that is read; 0 for none.
    """

    def __init__(self, hidden: int, num_heads: int, context_dim: int) -> None:
        super().__init__()
        self.num_heads, self.scale = num_heads, (hidden // num_heads) ** -0.5
        self.context = nn.Linear(context_dim, hidden, bias=False) if context_dim else None
        self.norm = nn.LayerNorm(hidden)
        self.asked = nn.Linear(hidden, 3 * hidden)  # queries, keys and values
        self.read = nn.Linear(hidden, hidden)
        self.mlp = nn.Sequential(
            nn.LayerNorm(hidden), nn.Linear(hidden, 4 * hidden), nn.GELU(), nn.Linear(4 * hidden, hidden)
        )

    def forward(self, x: Tensor, pattern: AttentionPattern, context: Tensor | None) -> Tensor:
        """All positions, ``[size, num_positions, hidden]``.

        Args:
            x: ``[size, num_positions, hidden]``.
            pattern: who attends to whom.
            context: ``[size, context_dim]``, or None.
        """
        added = self.of_context(context)
        if added is not None:
            x = x + added.unsqueeze(1)
        return self.advance(x, pattern(*self.asked(self.norm(x)).chunk(3, dim=-1), self.num_heads))

    def of_context(self, context: Tensor | None) -> Tensor | None:
        """What the context adds to every position, ``[size, hidden]``, or None.

        Args:
            context: ``[size, context_dim]``, or None.
        """
        return None if self.context is None or context is None else self.context(context)

    def of_heads(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Query, key and value of one position, ``[size * num_heads, hidden // num_heads]`` each.

        Args:
            x: ``[size, hidden]``.
        """
        query, key, value = self.asked(self.norm(x)).chunk(3, dim=-1)
        shape = len(x) * self.num_heads, -1
        return query.reshape(shape), key.reshape(shape), value.reshape(shape)

    def advance(self, x: Tensor, read: Tensor) -> Tensor:
        """The layer's output, of the shape of ``x``.

        Args:
            x: ``[..., hidden]``.
            read: what attention gave, of the same shape.
        """
        x = x + self.read(read)
        return x + self.mlp(x)
