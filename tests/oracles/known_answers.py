"""Linear-Gaussian models with log p and the best mean-field bound in closed form: one for each thing a guide must do.

For a Gaussian posterior with precision P, the best factorised Gaussian is ``KL = (sum_i log P_ii - log |P|) / 2`` away.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyro.distributions as dist
import torch
from torch import Tensor, nn

from ppgen.declare import Model, latent, observed

__all__ = ["MODELS", "ByPattern", "Known", "case"]

Batch = Mapping[str, Tensor]
MISSING = -1


class Known(Model):
    """A model that knows its evidence."""

    def log_prob(self, batch: Batch) -> Tensor:
        """log p of what the batch holds, for each row [N]."""
        raise NotImplementedError

    def gap(self, batch: Batch) -> Tensor:
        """What the best mean-field bound lacks of log p, for each row [N] (or the same for all, [])."""
        raise NotImplementedError

    def best_mean_field(self, batch: Batch) -> Tensor:
        """The largest bound that a factorised Gaussian reaches, for each row [N]."""
        return self.log_prob(batch) - self.gap(batch)


class Gaussian(Known):
    """A. z ~ Normal(0, I);  x | z ~ Normal(B z, 1/2)."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("b", matrix(5, 3))

    @latent
    def z(self) -> Any:
        return normal(torch.zeros(3), 1.0)

    @observed
    def x(self, z: Tensor) -> Any:
        return normal(z @ self.b.T, 0.5)

    def log_prob(self, batch: Batch) -> Tensor:
        return zero_mean(self.b @ self.b.T + 0.25 * torch.eye(5)).log_prob(batch["x"])

    def gap(self, batch: Batch) -> Tensor:
        return mean_field_gap(torch.eye(3) + self.b.T @ self.b / 0.25)


class Chain(Known):
    """B. z2 ~ Normal(0, I);  z1 | z2 ~ Normal(A z2, 1/2);  x | z1 ~ Normal(B z1, 1/2). z2 may be observed."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("a", matrix(3, 2, seed=1))
        self.register_buffer("b", matrix(5, 3, seed=2))

    @latent
    def z2(self) -> Any:
        return normal(torch.zeros(2), 1.0)

    @latent
    def z1(self, z2: Tensor) -> Any:
        return normal(z2 @ self.a.T, 0.5)

    @observed
    def x(self, z1: Tensor) -> Any:
        return normal(z1 @ self.b.T, 0.5)

    def log_prob(self, batch: Batch) -> Tensor:
        noise = 0.25 * (self.b @ self.b.T + torch.eye(5))
        if "z2" not in batch:
            return zero_mean(self.b @ self.a @ self.a.T @ self.b.T + noise).log_prob(batch["x"])
        z2 = batch["z2"]
        return zero_mean(torch.eye(2)).log_prob(z2) + zero_mean(noise).log_prob(batch["x"] - z2 @ (self.b @ self.a).T)

    def gap(self, batch: Batch) -> Tensor:
        lower = (torch.eye(3) + self.b.T @ self.b) / 0.25
        if "z2" in batch:
            return mean_field_gap(lower)
        upper = torch.eye(2) + self.a.T @ self.a / 0.25
        across = -self.a / 0.25
        return mean_field_gap(torch.cat([torch.cat([upper, across.T], 1), torch.cat([across, lower], 1)]))


class Classes(Known):
    """D. y ~ Categorical(.2, .3, .5);  z | y ~ Normal(m_y, s_y);  x | z ~ Normal(B z, 1/2). y may be known for some."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("b", matrix(4, 2, seed=3))
        self.register_buffer("probs", torch.tensor([0.2, 0.3, 0.5]))
        self.register_buffer("loc", 2.0 * matrix(3, 2, seed=4))
        self.register_buffer("scale", torch.tensor([[1.0, 0.5], [0.7, 0.7], [0.4, 1.0]]))

    @latent
    def y(self) -> Any:
        return dist.Categorical(self.probs)

    @latent
    def z(self, y: Tensor) -> Any:
        return normal(self.loc[y], self.scale[y])

    @observed
    def x(self, z: Tensor) -> Any:
        return normal(z @ self.b.T, 0.5)

    def joint(self, batch: Batch) -> Tensor:
        """log p(x, y = k) for each row and class, [N, 3]; -inf for another class than the known one."""
        each = []
        for k in range(3):
            covariance = self.b @ self.scale[k].square().diag() @ self.b.T + 0.25 * torch.eye(4)
            log_p = zero_mean(covariance).log_prob(batch["x"] - self.b @ self.loc[k]) + self.probs[k].log()
            if "y" in batch:
                log_p = log_p.masked_fill((batch["y"] != MISSING) & (batch["y"] != k), -torch.inf)
            each.append(log_p)
        return torch.stack(each, 1)

    def log_prob(self, batch: Batch) -> Tensor:
        return self.joint(batch).logsumexp(1)

    def best_mean_field(self, batch: Batch) -> Tensor:
        """z factorises given y, and q(y | x) is the best beside it: ``log sum_y p(x, y) exp(-KL_y)``."""
        precisions = [scale.square().reciprocal().diag() + self.b.T @ self.b / 0.25 for scale in self.scale]
        gaps = torch.stack([mean_field_gap(precision) for precision in precisions])
        return (self.joint(batch) - gaps).logsumexp(1)


class Views(Known):
    """F. t ~ Normal(0, I);  v_j | t ~ Normal(C t, 0.7);  x_j | v_j ~ Normal(B v_j, 1/2), for j = 1 .. 3.

    ``present`` may say which views there are: the others are masked, their latents too.
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("b", matrix(3, 2, seed=5))
        self.register_buffer("c", matrix(2, 2, seed=6))
        self.sizes = {"views": 3}

    @latent
    def t(self) -> Any:
        return normal(torch.zeros(2), 1.0)

    @latent(plate="views")
    def v(self, t: Tensor, present: Tensor | None = None) -> Any:
        fn = normal((t @ self.c.T).expand(*t.shape[:-2], 3, 2), 0.7)
        return fn if present is None else fn.mask(present)

    @observed(plate="views")
    def x(self, v: Tensor, present: Tensor | None = None) -> Any:
        fn = normal(v @ self.b.T, 0.5)
        return fn if present is None else fn.mask(present)

    def log_prob(self, batch: Batch) -> Tensor:
        return torch.stack([self._row(x, self._seen(batch, i)) for i, x in enumerate(batch["x"])])

    def gap(self, batch: Batch) -> Tensor:
        return torch.stack([self._row_gap(int(self._seen(batch, i).sum())) for i in range(len(batch["x"]))])

    def _seen(self, batch: Batch, row: int) -> Tensor:
        return batch["present"][row] if "present" in batch else torch.ones(3, dtype=torch.bool)

    def _row(self, x: Tensor, seen: Tensor) -> Tensor:
        n = int(seen.sum())
        shared = self.b @ self.c @ self.c.T @ self.b.T
        own = 0.49 * self.b @ self.b.T + 0.25 * torch.eye(3)
        covariance = torch.kron(torch.ones(n, n), shared) + torch.kron(torch.eye(n), own)
        return zero_mean(covariance).log_prob(x[seen].flatten())

    def _row_gap(self, n: int) -> Tensor:
        precision = torch.eye(2 + 2 * n)
        precision[:2, :2] += n * self.c.T @ self.c / 0.49
        precision[2:, :2] = torch.cat([-self.c / 0.49] * n)
        precision[:2, 2:] = precision[2:, :2].T
        precision[2:, 2:] = torch.kron(torch.eye(n), torch.eye(2) / 0.49 + self.b.T @ self.b / 0.25)
        return mean_field_gap(precision)


class Masked(Gaussian):
    """A with entries of x that are not observed, as ``seen`` says."""

    @observed
    def x(self, z: Tensor, seen: Tensor) -> Any:
        return dist.Normal(z @ self.b.T, 0.5).mask(seen).to_event(1)

    def log_prob(self, batch: Batch) -> Tensor:
        covariance = self.b @ self.b.T + 0.25 * torch.eye(5)
        pairs = zip(batch["x"], batch["seen"], strict=True)
        return torch.stack([zero_mean(covariance[seen][:, seen]).log_prob(x[seen]) for x, seen in pairs])

    def gap(self, batch: Batch) -> Tensor:
        return torch.stack([mean_field_gap(torch.eye(3) + self.b[s].T @ self.b[s] / 0.25) for s in batch["seen"]])


class Present(Gaussian):
    """A with data points that count for nothing, their latents neither, as ``present`` says."""

    @latent
    def z(self, present: Tensor) -> Any:
        return normal(torch.zeros(3), 1.0).mask(present)

    @observed
    def x(self, z: Tensor, present: Tensor) -> Any:
        return normal(z @ self.b.T, 0.5).mask(present)

    def log_prob(self, batch: Batch) -> Tensor:
        return super().log_prob(batch) * batch["present"]

    def gap(self, batch: Batch) -> Tensor:
        return super().gap(batch) * batch["present"]


class Partly(Gaussian):
    """A whose latent is known for some rows: where ``known`` says so, ``given`` is z itself, measured like data."""

    @observed
    def given(self, known: Tensor) -> Any:
        return normal(torch.zeros(3), 1.0).mask(known)

    @observed
    def x(self, z: Tensor, given: Tensor, known: Tensor) -> Any:
        return normal(torch.where(known.unsqueeze(-1), given, z) @ self.b.T, 0.5)

    def log_prob(self, batch: Batch) -> Tensor:
        z = batch["given"]
        joint = zero_mean(torch.eye(3)).log_prob(z) + normal(z @ self.b.T, 0.5).log_prob(batch["x"])
        return torch.where(batch["known"], joint, super().log_prob(batch))

    def gap(self, batch: Batch) -> Tensor:
        return super().gap(batch) * ~batch["known"]


MODELS = ("A", "B", "D", "F", "masked data", "masked latent", "masked views", "given latent", "some z", "some y")


def case(name: str, rows: int = 64) -> tuple[Known, dict[str, Tensor]]:
    """A model by name, and data drawn from it; everything in float64 if that is the default type."""
    generator = torch.Generator().manual_seed(7)
    some = torch.rand(rows, 5, generator=generator)
    with torch.random.fork_rng():
        torch.manual_seed(8)
        if name in ("A", "B", "D", "F"):
            model: Known = {"A": Gaussian, "B": Chain, "D": Classes, "F": Views}[name]()
            return model, {"x": model(size=rows)["x"]}
        if name == "masked data":
            patterns = torch.tensor([[1, 1, 1, 1, 1], [1, 0, 1, 0, 1], [0, 1, 1, 0, 0]]).bool()
            model, seen = Masked(), patterns[(some[:, 0] * 3).long()]
            return model, {"x": model({"seen": seen})["x"] * seen, "seen": seen}
        if name == "masked latent":
            model, present = Present(), some[:, 0] < 0.75
            return model, {"x": model({"present": present})["x"], "present": present}
        if name == "masked views":
            patterns = torch.tensor([[1, 1, 1], [1, 0, 1], [0, 1, 0]]).bool()
            model, present = Views(), patterns[(some[:, 0] * 3).long()]
            return model, {"x": model({"present": present})["x"], "present": present}
        if name == "given latent":
            model = Chain()
            drawn = model(size=rows)
            return model, {"x": drawn["x"], "z2": drawn["z2"]}
        if name == "some z":
            model, known = Partly(), some[:, 0] < 0.5
            drawn = model({"known": known})
            return model, {"x": drawn["x"], "given": drawn["given"] * known.unsqueeze(-1), "known": known}
        model = Classes()
        drawn = model(size=rows)
        return model, {"x": drawn["x"], "y": torch.where(some[:, 0] < 0.5, drawn["y"], MISSING)}


class ByPattern(nn.Module):
    """An encoder that holds the posterior mean of any masked linear-Gaussian model: an affine map for each mask.

    Features are ``[x, 1]`` in the block of the datum's pattern of masks, and 0 in all others.
    """

    def __init__(self, batch: Batch) -> None:
        super().__init__()
        self.masks = [name for name, value in batch.items() if value.dtype == torch.bool]
        self.register_buffer("patterns", torch.unique(self._pattern(batch), dim=0))

    def forward(self, *alone: Tensor, **inputs: Tensor) -> Tensor:
        inputs |= {"x": alone[0]} if alone else {}
        numbers = [value.flatten(1) for name, value in inputs.items() if name not in self.masks]
        data = torch.cat([*numbers, torch.ones(len(numbers[0]), 1)], 1)
        which = (self._pattern(inputs).unsqueeze(1) == self.patterns).all(-1).to(data.dtype)
        return (which.unsqueeze(-1) * data.unsqueeze(1)).flatten(1)

    def _pattern(self, batch: Batch) -> Tensor:
        masks = [batch[name].reshape(len(batch[name]), -1) for name in self.masks]
        return torch.cat([torch.ones(len(next(iter(batch.values()))), 1, dtype=torch.bool), *masks], 1)


def matrix(rows: int, columns: int, seed: int = 0) -> Tensor:
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))


def normal(loc: Tensor, scale: Any) -> Any:
    return dist.Normal(loc, scale).to_event(1)


def zero_mean(covariance: Tensor) -> Any:
    return torch.distributions.MultivariateNormal(torch.zeros(len(covariance)), covariance)


def mean_field_gap(precision: Tensor) -> Tensor:
    return 0.5 * (precision.diagonal().log().sum() - torch.linalg.slogdet(precision).logabsdet)
