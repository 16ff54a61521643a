"""The networks of a derived guide: an encoder of everything observed, and a head for each latent."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pyro.distributions as dist
import torch
from torch import Tensor, nn
from torch.distributions.transforms import ReshapeTransform
from torch.nn.functional import softplus

import ppgen.distributions  # noqa: F401  (registers KL(MultivariateNormal || Normal))
from ppgen.context import preserved_state
from ppgen.errors import DeclarationError
from ppgen.nets import MLP, SequenceEncoder
from ppgen.nets import encoder as default_encoder
from ppgen.nets.layers import SOFTPLUS_ONE

__all__ = [
    "EncoderInput",
    "Mixing",
    "beside",
    "lower_triangle",
    "make_head",
    "near_zero",
    "normal",
    "positive",
    "shaped",
    "start_narrow",
    "with_covariance",
]


class EncoderInput(nn.Module):
    """The encoder's input, read into features [batch, num_features]: observed sites and covariates of a batch.

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
                code="M064",
            )
        self.names = list(example)
        self.encoder = encoder
        if encoder is not None:
            self.num_features = self._probe(example)
            return
        self.num_features = width
        self.readers = nn.ModuleDict({name: _reader(value, width, lengths) for name, value in example.items()})
        self.mix = MLP(width * len(example), width, hidden=(width,)) if len(example) > 1 else nn.Identity()

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Features [batch, num_features] of a batch, whose values are [batch, ...] each."""
        if missing := [name for name in self.names if name not in batch]:
            raise DeclarationError(
                f"guide: the batch lacks {missing[0]!r}, which the guide conditions on",
                expected=", ".join(self.names),
                got=", ".join(batch) or "an empty batch",
                fix="pass every observed site and covariate of the model",
                code="M065",
            )
        inputs = {name: batch[name] for name in self.names}
        if self.encoder is not None:
            return self.encoder(next(iter(inputs.values()))) if len(inputs) == 1 else self.encoder(**inputs)
        features = [self.readers[name](value) for name, value in inputs.items()]
        return self.mix(torch.cat(features, -1) if len(features) > 1 else features[0])

    def lacks_labels(self, batch: Mapping[str, Tensor] | None) -> bool:
        """Whether a label in a batch has no embedding: only draws of the prior were seen so far, and not all labels.

        Args:
            batch: [rows, ...] each, or ``None``.
        """
        known = {} if self.encoder is not None else dict(self.readers.items())
        sizes = {name: reader.num_embeddings for name, reader in known.items() if isinstance(reader, nn.Embedding)}
        return any(int(value.max()) >= sizes[name] for name, value in (batch or {}).items() if name in sizes)

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


def make_head(num_features: int, num_read: int, num_outputs: int, width: int) -> nn.Linear | Mixing:
    """Features to numbers, near 0 at first: every guide starts near the standard normal in free coordinates.

    Args:
        num_features: of the evidence.
        num_read: numbers in the values of other latents that the head reads beside it.
        num_outputs: how many numbers to give.
        width: of the hidden layer, if other latents are read.
    """
    if num_read:
        return Mixing(num_features + num_read, num_outputs, width)
    return near_zero(nn.Linear(num_features, num_outputs))


class Mixing(nn.Module):
    """A hidden layer that mixes evidence and latents, beside an affine map: ``[..., inputs] -> [..., outputs]``.

    The affine map is there because the conditionals of a linear-Gaussian posterior are affine in data and latents: a
    guide reaches them exactly, with the hidden layer at rest.
    """

    def __init__(self, in_features: int, out_features: int, width: int) -> None:
        super().__init__()
        self.out_features = out_features
        self.affine = near_zero(nn.Linear(in_features, out_features))
        self.hidden = nn.Sequential(nn.Linear(in_features, width), nn.SiLU(), near_zero(nn.Linear(width, out_features)))

    def forward(self, inputs: Tensor) -> Tensor:
        """The sum of both, [..., outputs], at inputs [..., inputs]."""
        return self.affine(inputs) + self.hidden(inputs)


def beside(features: Tensor, known: list[Tensor]) -> Tensor:
    """Features beside the values of other latents, [..., batch, F + n]; leading dims: particles or enumerated values.

    Args:
        features: [batch, F].
        known: values read, [..., batch, n] each.
    """
    if not known:
        return features
    lead = torch.broadcast_shapes(features.shape[:-1], *(read.shape[:-1] for read in known))
    return torch.cat([read.to(features.dtype).expand(*lead, -1) for read in (features, *known)], -1)


def near_zero(layer: nn.Linear) -> nn.Linear:
    """A layer whose outputs are near 0 at first."""
    with torch.no_grad():
        layer.weight.mul_(0.1)
        layer.bias.zero_()
    return layer


def start_narrow(num_free: int, num_outputs: int) -> Tensor:
    """Where the outputs of a global latent begin: at scale 0.1 in free coordinates, as Pyro's autoguides do.

    All data speak of it, so that its posterior is narrow. From a scale of 1 the first draws lie far out, with gradients
    so large that Adam, which divides by the size of those it has seen, hardly moves for a thousand steps.

    Args:
        num_free: free coordinates of the latent, whose locations come first and scales second.
        num_outputs: how many numbers, [num_outputs].
    """
    start = torch.zeros(num_outputs)
    start[num_free : 2 * num_free] = -2.7935  # a scale of 0.1, see positive
    return start


_SMALLEST = 1e-6


def positive(raw: Tensor) -> Tensor:
    """A positive scale from a head's output, 1 at 0: [...] to [...]."""
    return softplus(raw + SOFTPLUS_ONE) + _SMALLEST


def normal(loc: Tensor, scale: Tensor, shape: tuple[int, ...]) -> Any:
    """Independent Gaussians with events of a shape.

    Args:
        loc: [..., n].
        scale: [..., n].
        shape: of events, n numbers.
    """
    loc, scale = torch.broadcast_tensors(loc, scale)
    wide = (*loc.shape[:-1], *shape)
    return dist.Normal(loc.reshape(wide), scale.reshape(wide)).to_event(len(shape))


def with_covariance(loc: Tensor, tril: Tensor, shape: tuple[int, ...]) -> Any:
    """A Gaussian with a full covariance and events of a shape.

    Args:
        loc: [..., n].
        tril: Cholesky factor of the covariance, [..., n, n].
        shape: of events, n numbers.
    """
    if loc.shape[-1] == 1:
        return normal(loc, tril.squeeze(-1), shape)
    return shaped(dist.MultivariateNormal(loc, scale_tril=tril), shape)


def shaped(free: Any, shape: tuple[int, ...]) -> Any:
    """A distribution of vectors, with events of a shape.

    Args:
        free: of events [n].
        shape: of events, n numbers.
    """
    reshape = ReshapeTransform(free.event_shape, torch.Size(shape))
    return free if shape == free.event_shape else dist.TransformedDistribution(free, [reshape])


def lower_triangle(diagonal: Tensor, below: Tensor) -> Tensor:
    """The Cholesky factor ``diag(s) B``, [..., n, n], with a unit lower-triangular B.

    Args:
        diagonal: s, [..., n].
        below: the entries of B strictly below its diagonal, row by row, [..., n (n - 1) / 2].
    """
    n = diagonal.shape[-1]
    rows, columns = torch.tril_indices(n, n, -1, device=diagonal.device)
    filled = torch.diag_embed(torch.ones_like(diagonal))
    filled[..., rows, columns] = below
    return diagonal.unsqueeze(-1) * filled
