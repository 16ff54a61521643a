"""How far to walk: the values of a latent that stand for its range, and which of its dimensions carry anything."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Independent

from ppgen.arguments import one_of, whole_number
from ppgen.declare import without_latents
from ppgen.errors import SettingError
from ppgen.fitted import Fit
from ppgen.inference import at, draw_posterior, mean_by_datum, rate_per_dimension, trace_batch
from ppgen.walks.starts import Start

__all__ = [
    "QUANTILES",
    "Range",
    "activity",
    "base_of",
    "chosen_span",
    "find_range",
    "is_discrete",
    "verified_dims",
]

QUANTILES = (0.05, 0.95)
"""From which quantile to which a walk goes."""

_DRAWS = 1001
_ROWS = 500


def base_of(fn: Any) -> Any:
    """The distribution of the single elements of a value, seen through ``to_event``."""
    while isinstance(fn, Independent):
        fn = fn.base_dist
    return fn


@dataclasses.dataclass(frozen=True)
class Range:
    """Values that a latent is taken through.

    Args:
        values: of each of its dimensions, [K, N, *event].
        is_discrete: whether they can be counted.
        is_listed: whether they are all that there are.
    """

    values: Tensor
    is_discrete: bool
    is_listed: bool


def find_range(start: Start, site: str, steps: int, span: str) -> Range:
    """Values of each dimension of a latent along its range.

    All values, where they can be listed; else quantiles, evenly spaced from 0.05 to 0.95: of p(z | its parents) at
    each start (by its inverse distribution function, or from draws), or of the draws of q(z | x) over test data.

    Args:
        start: where the walk sets out.
        site: the latent.
        steps: how many quantiles.
        span: ``"prior"`` or ``"posterior"``.
    """
    found: list[Range] = []

    def record(fn: Any, part: slice) -> Tensor:
        listed = _is_listed(fn)
        found.append(Range(_listed(fn) if listed else _quantiles(fn, levels), not fn.has_rsample, listed))
        return start.codes[site][part]

    levels = torch.linspace(*QUANTILES, steps, device=start.fit.device)
    start.place({name: at(value) for name, value in start.codes.items()} | {site: record})
    if span == "prior" or found[0].is_listed:
        return dataclasses.replace(found[0], values=torch.cat([piece.values for piece in found], 1))
    drawn = _posterior_draws(start.fit, site, start.seed)
    return dataclasses.replace(
        found[0], values=_of_draws(drawn, levels).unsqueeze(1).expand(steps, len(start), *drawn.shape[1:])
    )


def chosen_span(question: str, fit: Fit, span: str | None) -> str:
    """``"prior"`` or ``"posterior"``; by default the latter where the guide is a point, whose codes lie anywhere.

    Args:
        question: what asks, for the message.
        fit: the fit.
        span: as a user gave it.

    Raises:
        SettingError: if it is neither.
    """
    default = "posterior" if fit.settings.get("point_guide") else "prior"
    return default if span is None else one_of(f"{question}: span", span, ("prior", "posterior"))


def verified_dims(question: str, site: str, dims: Sequence[int], size: int) -> list[int]:
    """Numbers of dimensions that there are.

    Args:
        question: what asks, for the message.
        site: the latent.
        dims: as a user gave them.
        size: how many dimensions the latent has.

    Raises:
        SettingError: naming the first that there is not.
    """
    chosen = [whole_number(f"{question}: dims", dim, at_least=0) for dim in dims]
    if wrong := [dim for dim in chosen if dim >= size]:
        raise SettingError(
            f"{question}: {site} has no dimension {wrong[0]}",
            expected=f"numbers from 0 to {size - 1}",
            got=repr(list(dims)),
            fix=f"dims=[{', '.join(map(str, range(min(size, 3))))}]",
        )
    if not chosen:
        raise SettingError(
            f"{question}: dims is empty", expected=f"numbers from 0 to {size - 1}", got="[]", fix="dims=[0]"
        )
    return chosen


def is_discrete(start: Start, site: str) -> bool:
    """Whether the values of a latent can be counted.

    Args:
        start: any codes of the model.
        site: the latent.
    """
    return find_range(start, site, 2, "prior").is_discrete


def activity(fit: Fit, site: str, seed: int) -> Tensor:
    """How much each dimension of a latent carries, [D], on test data.

    Its KL from the prior in nats, where q and p are independent over dimensions; else, and for a guide that is a
    point, the variance of the posterior mean (Burda et al., 2016).

    Args:
        fit: with a guide.
        site: a continuous latent.
        seed: of the draws.
    """
    batch = _test_rows(fit)
    rows = len(next(iter(batch.values())))
    if not fit.settings.get("point_guide"):
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            traced = trace_batch(fit.model, fit.guide, batch, rows)
            rates = rate_per_dimension(traced.trace.latents[site], closed_form=True)
        if rates is not None:
            each = rates.flatten(1)
            return (each if traced.enumerated is None else mean_by_datum(each, traced.enumerated)).mean(0).cpu()
    return fit.encode(batch, site=site, seed=seed).flatten(1).var(0)


def _is_listed(fn: Any) -> bool:
    return bool(getattr(base_of(fn), "has_enumerate_support", False)) and not base_of(fn).event_shape


def _listed(fn: Any) -> Tensor:
    """Every value that an element can take, [K, *shape]."""
    values = base_of(fn).enumerate_support(expand=False)
    return values.reshape(-1, *[1] * len(fn.shape())).expand(-1, *fn.shape())


def _quantiles(fn: Any, levels: Tensor) -> Tensor:
    """[K, *shape]."""
    base = base_of(fn)
    if base.has_rsample and not base.event_shape:
        try:
            exact = base.icdf(levels.reshape(-1, *[1] * len(fn.shape())))
            return exact.expand(len(levels), *fn.shape())
        except NotImplementedError:
            pass
    return _of_draws(fn.sample((_DRAWS,)), levels)


def _of_draws(draws: Tensor, levels: Tensor) -> Tensor:
    """The draws nearest in rank, element by element, [K, ...] of [S, ...]: values that occur."""
    return draws.sort(0).values[(levels * (len(draws) - 1)).round().long()]


def _posterior_draws(fit: Fit, site: str, seed: int) -> Tensor:
    """A draw of q(z | x) for each of some test data, [S, *event]."""
    if fit.guide is None:
        raise SettingError(
            "traverse: there is no posterior, since the model was fitted without a guide",
            expected='span="prior"',
            got='span="posterior"',
            fix='span="prior"',
        )
    return draw_posterior(fit.model, fit.guide, _test_rows(fit), 1, seed=seed)[site][0]


def _test_rows(fit: Fit) -> dict[str, Tensor]:
    return {key: value[:_ROWS] for key, value in fit._batch(without_latents(fit.model, fit.data.split("test"))).items()}
