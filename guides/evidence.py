"""What the heads of a derived guide read of the data: an encoder for each input, and their mixture."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import Tensor, nn

from ppgen.context import preserved_state
from ppgen.data.column import lengths_of
from ppgen.data.scales import Scale, within
from ppgen.errors import DeclarationError
from ppgen.guides.standardised import Standardised
from ppgen.nets import MLP, SequenceEncoder
from ppgen.nets import encoder as default_encoder

__all__ = ["EncoderInput", "verify_evidence"]


class EncoderInput(nn.Module):
    """The encoder's input, read into features [batch, num_features]: observed sites and covariates of a batch.

    The reader of each input is chosen by its event shape: convolutions for an image [C, H, W], a perceptron beside an
    affine map for a vector or number, an embedding for an integer label. A matrix [T, D] is read as one vector, or by
    a recurrent network if it is a sequence, as the model tells: one of its latents is a path of T states. Several
    inputs are mixed by a further perceptron. Numbers are standardised once their scales are known,
    :meth:`standardise`, and read as they are until then.

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
                code="M064",
            )
        self.names = list(example)
        self.encoder = encoder
        self.scales, self.knows_scales = nn.ModuleDict(), encoder is not None
        self.num_means = {name: value.shape[1:][-1:] for name, value in example.items()}
        if encoder is not None:
            self.num_features = self._probe(example)
            return
        self.num_features = width
        self.readers = nn.ModuleDict({name: _reader(value, width, lengths) for name, value in example.items()})
        self.mix = MLP(width * len(example), width, hidden=(width,)) if len(example) > 1 else nn.Identity()

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Features [batch, num_features] of a batch, whose values are [batch, ...] each."""
        verify_evidence(self.names, batch)
        inputs = {name: batch[name] for name in self.names}
        if self.encoder is not None:
            return self.encoder(next(iter(inputs.values()))) if len(inputs) == 1 else self.encoder(**inputs)
        features = [self.readers[name](self._scaled(name, value, batch)) for name, value in inputs.items()]
        return self.mix(torch.cat(features, -1) if len(features) > 1 else features[0])

    def _scaled(self, name: str, value: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        if name not in self.scales:
            return value
        read, lengths = self.scales[name](value), lengths_of(name, batch)
        # Padding is 0, before and after: far from all numbers, it would be all that the network sees.
        return read if lengths is None else torch.where(within(read, batch[lengths]), read, 0.0)

    def standardise(self, scales: Mapping[str, Scale]) -> None:
        """Read numbers by their scales from now on; counts that were taken for labels get a reader of numbers.

        Once: the weights trained since belong to these scales. An encoder of the user's reads what there is.

        Args:
            scales: by input.
        """
        if self.knows_scales:
            return
        like, self.knows_scales = next(self.readers.parameters()), True
        for name in self.names:
            if name in scales:
                if isinstance(self.readers[name], nn.Embedding):
                    self.readers[name] = default_encoder((), self.num_features)
                self.scales[name] = Standardised(scales[name])
        self.to(like.device, like.dtype)

    def expect_scales(self, saved: Collection[str]) -> None:
        """Make room for the scales that were saved with a guide's weights, if there were any.

        Args:
            saved: names of this module's parameters and buffers in the file.
        """
        sizes = {name: size for name, size in self.num_means.items() if f"scales.{name}.mean" in saved}
        offsets = {name: torch.ones(()) if f"scales.{name}.offset" in saved else None for name in sizes}
        scales = {name: Scale(torch.zeros(s), torch.ones(s), False, offsets[name]) for name, s in sizes.items()}
        self.standardise(scales)

    def lacks(self, names: Collection[str], batch: Mapping[str, Tensor] | None) -> bool:
        """Whether it was made without an input, or has no embedding of a label: it saw draws of the prior only.

        Args:
            names: of inputs.
            batch: [rows, ...] each, or ``None``.
        """
        known = {} if self.encoder is not None else dict(self.readers.items())
        sizes = {name: reader.num_embeddings for name, reader in known.items() if isinstance(reader, nn.Embedding)}
        is_beyond = any(int(value.max()) >= sizes[name] for name, value in (batch or {}).items() if name in sizes)
        return is_beyond or not set(names) <= set(self.names)

    def _probe(self, example: Mapping[str, Tensor]) -> int:
        rows = len(next(iter(example.values())))
        device = next((parameter.device for parameter in self.parameters()), torch.device("cpu"))
        with preserved_state(self):
            features = self.forward({name: value.to(device) for name, value in example.items()})
        if not isinstance(features, Tensor) or features.dim() != 2 or features.shape[0] != rows:
            raise DeclarationError(
                "guide: the encoder must return one row of features per datum",
                expected=f"a tensor of shape [{rows}, features]",
                got=str(list(features.shape) if isinstance(features, Tensor) else type(features).__name__),
                fix="end the encoder with nn.Flatten() or a linear layer; heads are added by the guide",
                code="M066",
            )
        return features.shape[1]


def verify_evidence(names: Collection[str], batch: Mapping[str, Tensor]) -> None:
    """Check that a batch has all that a guide conditions on.

    Args:
        names: of these.
        batch: [batch, ...] each.

    Raises:
        DeclarationError: naming what it lacks.
    """
    if missing := [name for name in names if name not in batch]:
        raise DeclarationError(
            f"guide: the batch lacks {missing[0]!r}, which the guide conditions on",
            expected=", ".join(names),
            got=", ".join(batch) or "an empty batch",
            fix="pass every observed site and covariate of the model",
            code="M065",
        )


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
    network = SequenceEncoder((shape[0], shape[1]), width) if is_sequence else default_encoder(shape, width)
    return network if value.is_floating_point() else _Numbers(network)
