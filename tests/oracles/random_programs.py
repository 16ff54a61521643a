"""Small hand-written pairs at random: supports, plates, masks, scales, factors, covariates and discrete sites."""

from __future__ import annotations

import contextlib
import dataclasses
import random
from collections.abc import Callable
from typing import Any

import pyro
import pyro.distributions as dist
import torch
from torch import Tensor

__all__ = ["RandomPair"]

# A family of each support: its distribution from a location [*plates], which moves whatever parameter it has.
FAMILIES: dict[str, Callable[[Tensor], Any]] = {
    "real": lambda at: dist.Normal(at, 0.8),
    "positive": lambda at: dist.LogNormal(at, 0.5),
    "gamma": lambda at: dist.Gamma(at.exp() + 1, 2.0),
    "unit": lambda at: dist.Beta(at.exp() + 0.5, 2.0),
    "simplex": lambda at: dist.Dirichlet(torch.stack([at.exp(), 1 + 0 * at, 2 + at.tanh()], -1) + 0.5),
    "vector": lambda at: dist.MultivariateNormal(torch.stack([at, -at], -1), torch.eye(2) + 0.3),
    "class": lambda at: dist.Categorical(logits=torch.stack([at, -at, 0 * at], -1)),
}


def _number(value: Tensor, event_dim: int) -> Tensor:
    """A value as one real number for each element of its plates."""
    return value.to(torch.get_default_dtype()).reshape(*value.shape[: value.dim() - event_dim], -1)[..., 0].tanh()


@dataclasses.dataclass(frozen=True)
class RandomPair:
    """A pair made of a seed, and the same pair without what weighs its loss.

    Args:
        seed: of the choices.
        discrete: whether a Categorical is among the supports.
        is_weighted: whether scales and the guide's factor are there; without them, Pyro's loss is the bound.
    """

    seed: int
    discrete: bool = False
    is_weighted: bool = True

    def choice(self, name: str, *options: Any) -> Any:
        """One of the options, by seed and name."""
        return random.Random(f"{self.seed} {name}").choice(options)

    def family(self, name: str) -> str:
        """The support of a latent."""
        if name == "b" and self.discrete:
            return "class"
        return str(self.choice(name, *(family for family in FAMILIES if family != "class")))

    @property
    def size(self) -> int:
        """Data points in the whole data set; the batch has 5."""
        return int(self.choice("size", 5, 35))

    @property
    def batch(self) -> dict[str, Tensor]:
        """``x`` with its mask ``seen``, a covariate ``c``, and the mask ``kept`` of the latent ``b``."""
        noise = torch.Generator().manual_seed(self.seed)
        shape = (3, 5) if self.choice("words", True, False) else (5,)
        x, c = torch.randn(shape, generator=noise), torch.randn(5, generator=noise)
        masks = [torch.rand(5, generator=noise) < share for share in (0.7, self.choice("kept", 2.0, 0.6))]
        return {"x": x.T if x.dim() == 2 else x, "c": c, "seen": masks[0], "kept": masks[1]}

    def model(self, x: Tensor, c: Tensor, seen: Tensor, kept: Tensor, size: int) -> None:
        """An optional global latent ``w``, latents ``a`` and ``b`` given ``a``, observed ``x``, an optional factor."""
        shared, factor = torch.zeros(()), pyro.param("model.factor", torch.tensor(0.3))
        if self.choice("global", True, False):
            with self._scale("w"):
                shared = self._draw("w", pyro.param("prior", torch.tensor(0.2)))
        with self._data(x, size), self._scale("data"):
            a = self._draw("a", 0.5 * shared + pyro.param("weight", torch.tensor(0.4)) * c)
            with self._mask(kept):
                b = self._draw("b", a - shared)
            at = torch.where(kept, b, torch.zeros(())) + a + shared
            if self.choice("model factor", True, False, False):
                pyro.factor("energy", -factor * a**2)
            with self._mask(seen), self._words(x):
                pyro.sample("x", dist.StudentT(4.0, at, 1.0), obs=x.T if x.dim() == 2 else x)

    def guide(self, x: Tensor, c: Tensor, seen: Tensor, kept: Tensor, size: int) -> None:
        """The same latents, each with parameters of its own, and an optional factor."""
        if self.choice("global", True, False):
            with self._scale("w"):
                self._draw("w", pyro.param("guide.w", torch.tensor(-0.1)))
        seen_x = x.mean(1) if x.dim() == 2 else x
        with self._data(x, size), self._scale("data"):
            a = self._draw("a", pyro.param("guide.a", torch.tensor(0.5)) * seen_x)
            with self._mask(kept):
                self._draw("b", pyro.param("guide.b", torch.tensor(-0.4)) * a + 0.1 * c)
            if self.is_weighted and self.choice("guide factor", True, False):
                pyro.factor("teach", (a - pyro.param("guide.teach", torch.tensor(0.7))) ** 2, has_rsample=True)

    def _draw(self, name: str, at: Tensor) -> Tensor:
        fn = FAMILIES[self.family(name)](at)
        return _number(pyro.sample(name, fn), len(fn.event_shape))

    def _data(self, x: Tensor, size: int) -> Any:
        return pyro.plate(str(self.choice("plate", "data", "rows")), size, subsample=torch.arange(len(x)), dim=-1)

    def _words(self, x: Tensor) -> Any:
        return pyro.plate("words", x.shape[1], dim=-2) if x.dim() == 2 else contextlib.nullcontext()

    def _mask(self, mask: Tensor) -> Any:
        return pyro.poutine.mask(mask=mask)

    def _scale(self, name: str) -> Any:
        scale = self.choice(f"scale {name}", 1.0, 0.1, 3.0) if self.is_weighted else 1.0
        return contextlib.nullcontext() if scale == 1.0 else pyro.poutine.scale(scale=scale)
