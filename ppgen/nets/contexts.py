"""What a conditional network is told: a vector for a label, for attributes, or for words."""

from __future__ import annotations

__all__ = ["TextContext", "as_context"]

from math import prod

import torch
from torch import Tensor, nn

from ppgen.arguments import Recorded
from ppgen.checked import checked
from ppgen.errors import DataError
from ppgen.nets.layers import one_hot


def as_context(y: Tensor, size: int) -> Tensor:
    """A covariate as a vector: a class label becomes a unit vector, anything else its own numbers side by side.

    Args:
        y: labels ``[batch]`` of whole numbers; or numbers ``[batch, *shape]``.
        size: how many numbers a network was made for: the number of classes, or the product of ``shape``.

    Returns:
        ``[batch, size]``.

    Raises:
        DataError: more or fewer numbers than the network was made for, or a label out of range.

    Example:
        >>> as_context(torch.tensor([2, 0]), 3).tolist(), as_context(torch.rand(5, 3), 3).shape
        ([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]], torch.Size([5, 3]))
    """
    if not y.is_floating_point() and y.dim() < 2:
        return one_hot(y, size)
    told = prod(y.shape[1:])
    if told != size:
        raise DataError(
            "what the model is told is of another size than its network was made for",
            expected=f"{size} numbers a datum",
            got=f"{told}: y of shape {list(y.shape)}",
            fix=f"context_dim={told}, or num_classes={told}, where the network is made",
            code="D105",
        )
    return y.reshape(len(y), told).to(torch.get_default_dtype())


class TextContext(Recorded):
    """What a caption says: a gated recurrent unit reads its words, and its state after the last one is the vector.

    Token 0 is what stands behind the end: how far a batch is padded changes nothing.

    Reference: S. Reed et al., "Generative adversarial text to image synthesis", 2016 (arXiv 1605.05396), with the
    encoder learned along; the unit is that of K. Cho et al., 2014 (arXiv 1406.1078).

    Args:
        vocabulary_size: tokens are ``0 .. vocabulary_size - 1``.
        size: of the vector.
        width: of the words' own vectors.

    Shapes:
        ``[batch, length]`` whole numbers -> ``[batch, size]``

    Example:
        >>> read = TextContext(vocabulary_size=9, size=4)
        >>> short, padded = read(torch.tensor([[3, 1]])), read(torch.tensor([[3, 1, 0, 0]]))
        >>> torch.allclose(short, padded, atol=1e-6)
        True
    """

    @checked
    def __init__(self, vocabulary_size: int, size: int = 64, width: int = 32) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary_size, width)
        self.reader = nn.GRU(width, size, batch_first=True)

    def forward(self, tokens: Tensor) -> Tensor:
        """The vectors ``[batch, size]`` of captions ``[batch, length]``."""
        tokens = tokens.long()
        states, _ = self.reader(self.words(tokens))
        places = torch.arange(1, tokens.shape[1] + 1, device=tokens.device)
        last = (places * (tokens != 0)).amax(1).clamp(min=1) - 1
        return states[torch.arange(len(tokens), device=tokens.device), last]
