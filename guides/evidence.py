"""What an amortized guide conditions on: everything observed, read into one vector of features per datum."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import torch
from torch import Tensor, nn

from ppgen.errors import DeclarationError
from ppgen.nets import MLP
from ppgen.nets import encoder as default_encoder

__all__ = ["Evidence"]


class Evidence(nn.Module):
    """Features [batch, num_features] of the observed sites and covariates of a batch.

    The reader of each input is chosen by its event shape: convolutions for an image [C, H, W], an MLP beside the
    values themselves for a vector or scalar (so that a linear posterior mean is easy), an embedding for an integer
    label. Several inputs are mixed by a further MLP.

    Args:
        example: one value of each input, [batch, ...], in the order in which they are read.
        width: features of each reader.
        encoder: the user's own network instead: called with the input, or with inputs by name if there are several.

    Raises:
        DeclarationError: if there is nothing to condition on, or the user's encoder returns no [batch, features].
    """

    def __init__(self, example: Mapping[str, Tensor], width: int = 128, encoder: nn.Module | None = None) -> None:
        super().__init__()
        if not example:
            raise DeclarationError(
                "guide: there is nothing to condition on",
                expected="at least one observed site or covariate",
                fix="mark a site of the model @ppgen.observed",
            )
        self.names = list(example)
        self.encoder = encoder
        if encoder is not None:
            self.num_features = self._probe(example)
            return
        self.readers = nn.ModuleDict({name: _reader(value, width) for name, value in example.items()})
        total = sum(_num_features(value, width) for value in example.values())
        self.mix = MLP(total, width, hidden=(width,)) if len(example) > 1 else nn.Identity()
        self.num_features = width if len(example) > 1 else total

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Read a batch into features."""
        inputs = {name: batch[name] for name in self.names if name in batch}
        if len(inputs) < len(self.names):
            raise DeclarationError(
                "guide: the batch lacks what the guide conditions on",
                expected=f"{self.names}",
                got=f"{sorted(batch)}",
                fix="pass every observed site and covariate of the model",
            )
        if self.encoder is not None:
            return self.encoder(next(iter(inputs.values()))) if len(inputs) == 1 else self.encoder(**inputs)
        return self.mix(torch.cat([self.readers[name](value) for name, value in inputs.items()], -1))

    def _probe(self, example: Mapping[str, Tensor]) -> int:
        rows = len(next(iter(example.values())))
        training = self.training
        self.eval()
        with torch.no_grad():
            features = self.forward(example)
        self.train(training)
        if not isinstance(features, Tensor) or features.dim() != 2 or features.shape[0] != rows:
            got = list(features.shape) if isinstance(features, Tensor) else type(features).__name__
            raise DeclarationError(
                "guide: the encoder must return one row of features per datum",
                expected=f"a tensor of shape [{rows}, features]",
                got=str(got),
                fix="end the encoder with nn.Flatten() or a linear layer; heads are added by the guide",
            )
        return features.shape[1]


class _Vector(nn.Module):
    """An MLP's features beside the values themselves: [batch, ...] -> [batch, width + size]."""

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.net = MLP(size, width, hidden=(width,))

    def forward(self, value: Tensor) -> Tensor:
        flat = value.reshape(len(value), -1)
        return torch.cat([nn.functional.silu(self.net(flat)), flat], -1)


class _Image(nn.Module):
    """The default image encoder's features after their nonlinearity."""

    def __init__(self, shape: tuple[int, ...], width: int) -> None:
        super().__init__()
        self.net = default_encoder(shape, width)

    def forward(self, value: Tensor) -> Tensor:
        return nn.functional.silu(self.net(value))


def _is_label(value: Tensor) -> bool:
    return not value.is_floating_point() and value.dim() == 1


def _is_image(value: Tensor) -> bool:
    return value.dim() == 4 and min(value.shape[2:]) >= 4


def _num_features(value: Tensor, width: int) -> int:
    if _is_label(value) or _is_image(value):
        return width
    return width + prod(value.shape[1:])


def _reader(value: Tensor, width: int) -> nn.Module:
    if _is_label(value):
        return nn.Embedding(int(value.max()) + 1, width)
    if _is_image(value):
        return _Image(tuple(value.shape[1:]), width)
    return _Vector(prod(value.shape[1:]), width)
