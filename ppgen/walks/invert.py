"""Inversion: the codes whose image comes nearest to data, found by descent where nothing reads codes from data."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import pyro
import torch
from torch import Tensor

from ppgen.arguments import finite_number, whole_number
from ppgen.by_site import BySite
from ppgen.context import evaluating, frozen, seeded
from ppgen.declare import chunks, label_of, name_of
from ppgen.errors import Unanswerable
from ppgen.fitted import Fit
from ppgen.inference import FreeCoordinates, closed_mean, repeat_rows

__all__ = ["Inversion", "invert"]

_ROWS = 1024  # data points times restarts, in one pass


@dataclasses.dataclass(frozen=True)
class Inversion:
    """Codes found for data.

    Args:
        codes: by latent, [N, *event] each: what ``fit.decode``, ``fit.traverse`` and ``fit.interpolate`` take.
        distances: between each datum and what its code decodes to: the root of the mean squared difference, [N].
    """

    codes: BySite
    distances: Tensor


def invert(
    self: Fit, data: Any = None, *, restarts: int = 4, steps: int = 200, learning_rate: float = 0.1, seed: int = 0
) -> Inversion:
    """The z whose image is nearest to x in squared distance, by gradient descent from draws of the prior.

    It needs no guide: a GAN has codes for data by it. The nearest of several descents is kept, since each may end in
    a valley of its own. Such a code is a point, of no posterior; where the prior is all but 0, it may still lie.

    Reference: A. Creswell and A. Bharath, "Inverting the generator of a generative adversarial network", 2018 (arXiv
    1611.05644).

    Args:
        data: what to invert, as ``fit.encode`` takes it; default: the test split.
        restarts: descents for each datum.
        steps: of Adam, in free coordinates of the latents; the rate falls to 0 along a cosine.
        learning_rate: at the start.
        seed: of the draws that descents start from.

    Raises:
        Unanswerable: without latents of single data points, or with one or a likelihood that has no gradient.

    Example:
        >>> import ppgen
        >>> model = ppgen.models.GAN((2,), latent_dim=2, hidden=(8,), output="none")
        >>> fit = ppgen.fit(model, "ring", max_epochs=1, progress=False)
        >>> found = fit.invert(fit.data.split("test")["x"][:3], steps=5)
        >>> found.codes["z"].shape, fit.traverse(found.codes, dims=[0]).latents["z"].shape
        (torch.Size([3, 2]), torch.Size([3, 9, 2]))
    """
    whole_number("invert: restarts", restarts, suggested=4)
    whole_number("invert: steps", steps, suggested=200)
    finite_number("invert: learning_rate", learning_rate, above=0, suggested=0.1)
    self._must_answer("sampling")
    self._must_be_local("invert")
    if not self._latents:
        raise Unanswerable(
            f"invert: {label_of(self.model)} has no latent variables",
            expected="a model with latents",
            got=", ".join(self.model.sites),
            fix="fit.sample(), fit.log_prob()",
            code="U068",
        )
    batch = self._batch(data)
    with seeded(seed, self.device):
        found = [
            _descend(self, chunk, restarts, steps, learning_rate) for chunk in chunks(batch, max(1, _ROWS // restarts))
        ]
    codes = {name: torch.cat([piece[0][name] for piece in found]).cpu() for name in found[0][0]}
    return Inversion(BySite(codes), torch.cat([piece[1] for piece in found]).cpu())


def _descend(
    fit: Fit, batch: Mapping[str, Tensor], restarts: int, steps: int, rate: float
) -> tuple[dict[str, Tensor], Tensor]:
    """The best codes of some rows, and their distances."""
    rows = len(next(iter(batch.values())))
    many = repeat_rows(batch, restarts)
    with evaluating(fit.model):
        start, _, _ = _decode(fit, many, {})
        free = {name: value.clone().requires_grad_() for name, value in start.items()}
        optimizer = torch.optim.Adam(free.values(), rate)
        with torch.enable_grad(), frozen(fit.model):
            for step in range(steps):
                optimizer.param_groups[0]["lr"] = rate * (1 + math.cos(math.pi * step / steps)) / 2
                optimizer.zero_grad()
                _decode(fit, many, free)[2].sum().backward()
                optimizer.step()
        _, codes, squares = _decode(fit, many, free)
    best = squares.reshape(restarts, rows).argmin(0) * rows + torch.arange(rows, device=squares.device)
    return {name: value[best] for name, value in codes.items()}, squares[best].sqrt()


def _decode(
    fit: Fit, batch: Mapping[str, Tensor], free: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], dict[str, Tensor], Tensor]:
    """Free coordinates, codes, and the mean squared difference between each datum and what its code decodes to."""
    coordinates, tracer = FreeCoordinates(free), pyro.poutine.trace()
    with tracer, coordinates:
        fit.model(dict(batch), len(next(iter(batch.values()))))
    squares: list[Tensor] = []
    for name in fit.observed:
        node: Any = tracer.trace.nodes[name]
        fn, x = node["fn"], batch[fit.model.column_of(name)]
        made = closed_mean(fn)
        if made is None or not made.isfinite().all():  # the mean of class indices is NaN
            raise Unanswerable(
                f"invert: {name} has no mean that moves with its code",
                expected="an implicit site, or a likelihood of numbers with a mean in closed form",
                got=name_of(fn),
                fix="fit.encode(data), with a guide",
                code="U069",
            )
        squares.append((made - x).flatten(1).square())
    return coordinates.free, coordinates.values, torch.cat(squares, dim=1).mean(1)
