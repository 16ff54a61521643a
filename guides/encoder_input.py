"""What an amortized guide conditions on: everything observed, read into one vector of features per datum."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import Tensor, nn

from ppgen.context import preserved_state
from ppgen.errors import DeclarationError
from ppgen.nets import MLP, SequenceEncoder
from ppgen.nets import encoder as default_encoder

__all__ = ["EncoderInput"]


class EncoderInput(nn.Module):
    """Features [batch, num_features] of the observed sites and covariates of a batch.

    The reader of each input is chosen by its event shape: convolutions for an image [C, H, W], a perceptron beside an
    affine map for a vector or number, an embedding for an integer label. A matrix [T, D] is read as one vector, or by
    a recurrent network if it is a sequence, as the model tells: one of its latents is a path of T states. Several
    inputs are mixed by a further perceptron.

    Args:
        example: one value of each input, [batch, ...], in the order in which they are read.
        width: features of each reader.
        encoder: the user's own network instead: called with the input, or with inputs by name if there are several.
        lengths: the lengths of the model's paths.

    Raises:
        DeclarationError: if there is nothing to condition on, or the user's encoder returns no [batch, features].
    """

    def __init__(
        self,
        example: Mapping[str, Tensor],
        width: int = 128,
        encoder: nn.Module | None = None,
        lengths: Collection[int] = (),
    ) -> None:
        super().__init__()
        if not example:
            raise DeclarationError(
                "guide: there is nothing to condition on",
                expected="at least one observed site or covariate",
                got="a model of latent variables only",
                fix="mark a site of the model @ppgen.observed",
            )
        self.names = list(example)
        self.encoder = encoder
        if encoder is not None:
            self.num_features = self._probe(example)
            return
        self.num_features = width
        self.readers = nn.ModuleDict({name: _reader(value, width, lengths) for name, value in example.items()})
        several = len(example) > 1
        self.mix = MLP(width * len(example), width, hidden=(width,)) if several else nn.Identity()

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Read a batch into features."""
        missing = [name for name in self.names if name not in batch]
        if missing:
            raise DeclarationError(
                f"guide: the batch lacks {missing[0]!r}, which the guide conditions on",
                expected=", ".join(self.names),
                got=", ".join(batch) or "an empty batch",
                fix="pass every observed site and covariate of the model",
            )
        inputs = {name: batch[name] for name in self.names}
        if self.encoder is not None:
            return self.encoder(next(iter(inputs.values()))) if len(inputs) == 1 else self.encoder(**inputs)
        features = [self.readers[name](value) for name, value in inputs.items()]
        return self.mix(torch.cat(features, -1) if len(features) > 1 else features[0])

    def _probe(self, example: Mapping[str, Tensor]) -> int:
        rows = len(next(iter(example.values())))
        device = next((parameter.device for parameter in self.parameters()), torch.device("cpu"))
        with preserved_state(self):
            features = self.forward({name: value.to(device) for name, value in example.items()})
        if not isinstance(features, Tensor) or features.dim() != 2 or features.shape[0] != rows:
            got = list(features.shape) if isinstance(features, Tensor) else type(features).__name__
            raise DeclarationError(
                "guide: the encoder must return one row of features per datum",
                expected=f"a tensor of shape [{rows}, features]",
                got=str(got),
                fix="end the encoder with nn.Flatten() or a linear layer; heads are added by the guide",
            )
        return features.shape[1]


class _Numbers(nn.Module):
    """A network for counts and masks too: integers and booleans are read as numbers."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, value: Tensor) -> Tensor:
        return self.network(value.to(next(self.network.parameters()).dtype))


def _reader(value: Tensor, width: int, lengths: Collection[int]) -> nn.Module:
    """A network that reads one input into features."""
    shape = tuple(value.shape[1:])
    if not (value.is_floating_point() or value.dtype is torch.bool or shape):
        return nn.Embedding(int(value.max()) + 1, width)
    is_sequence = len(shape) == 2 and shape[0] in lengths
    network = SequenceEncoder(shape, width) if is_sequence else default_encoder(shape, width)
    return network if value.is_floating_point() else _Numbers(network)
