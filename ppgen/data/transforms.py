"""From stored minibatches to what a model sees: casting, redrawn bits, dequantisation noise."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from ppgen.data.column import Column

__all__ = ["Beside", "Dequantize", "DynamicBinarize", "ToFloat", "Transform", "draw_bits"]


class Transform(ABC):
    """A map from stored minibatches to what a model sees; only the site ``key`` changes, and columns may be added.

    ``random`` says whether two calls may differ. A loop may apply a transform that is not random once, to a whole
    split, instead of once a minibatch.
    """

    adds: ClassVar[tuple[str, ...]] = ()
    key: str

    @property
    @abstractmethod
    def random(self) -> bool: ...

    @abstractmethod
    def apply(self, stored: Tensor, generator: torch.Generator) -> Tensor:
        """Map the stored values of the main site.

        Args:
            stored: values of ``key`` [B, ...].
            generator: of the noise, if any.

        Returns:
            What a model sees [B, ...].
        """

    def covariates(self, values: Tensor) -> dict[str, Tensor]:
        """The columns ``adds`` that follow from the values of ``key`` [B, ...]; by default none."""
        return {}

    def describe(self, columns: Mapping[str, Column]) -> dict[str, Column]:
        """What the columns are that this transform ``adds``, or says more of; by default none.

        Args:
            columns: of the data set, as they are without them.
        """
        return {}

    def __call__(self, batch: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """Map a stored minibatch; a batch without ``key`` (covariates only) passes unchanged.

        Args:
            batch: stored tensors, each [B, ...].
            generator: of the noise. It may live on another device than the batch: the noise is moved, so that a
                CPU generator gives the same noise whatever the device.
        """
        if self.key not in batch:
            return dict(batch)
        values = self.apply(batch[self.key], generator)
        return {**batch, self.key: values, **self.covariates(values)}


class Beside(Transform):
    """A transform that leaves the main site to another one, ``before``, or as it is stored, and adds columns to it."""

    before: Transform | None

    @property
    def random(self) -> bool:
        return self.before is not None and self.before.random

    def apply(self, stored: Tensor, generator: torch.Generator) -> Tensor:
        return stored if self.before is None else self.before.apply(stored, generator)

    def described_before(self, columns: Mapping[str, Column]) -> tuple[dict[str, Column], Column]:
        """What the other transform says of columns, and what the main site then is.

        Args:
            columns: of the data set, as they are without it.
        """
        told = {} if self.before is None else self.before.describe(columns)
        return told, {**columns, **told}[self.key]


@dataclasses.dataclass(frozen=True)
class ToFloat(Transform):
    """``x / scale`` in the default float type.

    Args:
        scale: the stored value that becomes 1; the default leaves the values as they are.
        key: the site.

    Example:
        >>> ToFloat(255.0)({"x": torch.tensor([[0, 255]], dtype=torch.uint8)}, torch.Generator())["x"]
        tensor([[0., 1.]])
    """

    scale: float = 1.0
    key: str = "x"

    @property
    def random(self) -> bool:
        return False

    def apply(self, stored: Tensor, generator: torch.Generator) -> Tensor:
        values = stored.to(torch.get_default_dtype())
        return values if self.scale == 1.0 else values / self.scale

    def describe(self, columns: Mapping[str, Column]) -> dict[str, Column]:
        """The column ``key``, on the levels ``k / scale``.

        Args:
            columns: of the data set, as they are stored.
        """
        if self.scale == 1.0:
            return {}
        return {self.key: dataclasses.replace(columns[self.key], levels=int(self.scale) + 1, white=1.0)}


@dataclasses.dataclass(frozen=True)
class DynamicBinarize(Transform):
    """Bits drawn anew at every call: ``x_i ~ Bernoulli(stored_i / levels)``.

    Burda, Grosse and Salakhutdinov (2016), Importance Weighted Autoencoders, section 5.

    Args:
        levels: the stored value of white, which is always on.
        key: the site.
    """

    levels: float = 255.0
    key: str = "x"

    @property
    def random(self) -> bool:
        return True

    def apply(self, stored: Tensor, generator: torch.Generator) -> Tensor:
        return draw_bits(stored, self.levels, generator).to(torch.get_default_dtype())


@dataclasses.dataclass(frozen=True)
class Dequantize(Transform):
    """Uniform dequantisation: ``(stored + u) / (levels + 1)`` with ``u ~ Uniform[0, 1)``, a continuous value below 1.

    The mean log-density of the result bounds the log-probability of the stored integers from below, up to the
    constant ``log(levels + 1)`` a dimension: Theis, van den Oord and Bethge (2016), A Note on the Evaluation of
    Generative Models, section 3.1.

    Args:
        levels: the largest stored value.
        key: the site.
    """

    levels: float = 255.0
    key: str = "x"

    @property
    def random(self) -> bool:
        return True

    def apply(self, stored: Tensor, generator: torch.Generator) -> Tensor:
        # In float32, 255 + u can round up to 256; 255 + (1 - 2^-16) cannot, and every value stays in its level's cell.
        noise = _uniform(stored, generator).clamp(max=1.0 - 2.0**-16)
        return ((stored + noise) / (self.levels + 1.0)).to(torch.get_default_dtype())


def draw_bits(grey: Tensor, levels: float, generator: torch.Generator) -> Tensor:
    """Draw ``Bernoulli(grey / levels)`` as uint8; black is never on and white always is.

    Args:
        grey: values in [0, levels], any shape.
        levels: the value of white.
        generator: of the uniform numbers.
    """
    return (_uniform(grey, generator) < grey.to(torch.float32) / levels).to(torch.uint8)


def _uniform(like: Tensor, generator: torch.Generator) -> Tensor:
    # float32 whatever the default type, so that float64 fits see the same bits.
    return torch.rand(like.shape, generator=generator, device=generator.device, dtype=torch.float32).to(like.device)
