"""Interpolation: from one code to another, along a great circle or a line."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Normal

from ppgen.arguments import one_of, whole_number
from ppgen.errors import DataError, SettingError, Unanswerable
from ppgen.fitted import Fit
from ppgen.inference import Rule, at
from ppgen.walks.spans import base_of
from ppgen.walks.starts import Start, find_start, walked_site
from ppgen.walks.walk import Walk

__all__ = ["interpolate", "spherical"]


def interpolate(
    self: Fit,
    a: Any = None,
    b: Any = None,
    path: str | None = None,
    *,
    site: str | None = None,
    steps: int = 9,
    hold: bool = False,
    n: int = 1,
    seed: int = 0,
    **values: Any,
) -> Walk:
    """Walk from the codes of ``a`` to those of ``b``, row by row.

    All latents move together, or ``site`` alone, from the code of ``a``; then latents below it take the mean of
    p(z | its parents) at each step. What cannot be halved, discrete latents and covariates, changes over halfway.

    Where a latent's distribution is Normal (given what stands above it), the spherical path goes through its noise,
    ``(z - mean) / scale``: the direction turns evenly, and the norm changes evenly from that of ``a`` to that of
    ``b``. A straight line passes through norms that draws in many dimensions never have (White, 2016, "Sampling
    generative networks", arXiv 1609.04468).

    Args:
        a: data, or codes by latent, ``{"z": z}``; without ``a`` and ``b``, the walk is between draws of the prior, as
            between those of a GAN.
        b: likewise: as many rows, or one for all.
        path: ``"spherical"`` or ``"linear"``; default: spherical where the distribution is Normal, else linear.
        site: the latent to move; default: all.
        steps: columns, both ends among them.
        hold: keep the codes of latents below ``site``, too.
        n: how many walks, where there are no data.
        seed: of what is drawn.
        **values: of covariates, in place of those of the data.

    Returns:
        The walk, [N, steps, *event] by site.

    Raises:
        Unanswerable: for data without an encoder, covariates that are missing, or a spherical path where the latent's
            distribution is not Normal.
        DataError: if the rows of ``a`` and ``b`` do not match.

    Example:
        >>> import ppgen
        >>> fit = ppgen.fit(ppgen.models.VAE((1, 8, 8), 3), "digits", max_epochs=1, progress=False)
        >>> x = fit.data.split("test")["x"]
        >>> fit.interpolate(x[:2], x[2:4], "linear", steps=5).latents["z"].shape
        torch.Size([2, 5, 3])
    """
    whole_number("interpolate: steps", steps, at_least=2, suggested=9)
    path = one_of("interpolate: path", path, ("spherical", "linear")) if path else None
    if (a is None) != (b is None):
        raise SettingError(
            "interpolate: one end of the walk is missing",
            expected="a and b, or neither for a walk between draws of the prior",
            got="a alone" if b is None else "b alone",
            fix="fit.interpolate(x[:1], x[1:2])",
            code="S158",
        )
    with torch.no_grad():
        ends = _paired(find_start(self, a, n, seed, values), find_start(self, b, n, seed + 1, values))
        return _walk(ends, None if site is None else walked_site(self, site), path, steps, hold)


def spherical(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """The point a share ``t`` of the way from ``a`` to ``b``: the angle and the norm change evenly.

    Args:
        a: [N, *event].
        b: likewise.
        t: [N], from 0 to 1.

    Example:
        >>> spherical(torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 4.0]]), torch.tensor([0.5]))
        tensor([[2.1213, 2.1213]])
    """
    u, v, t = a.flatten(1), b.flatten(1), t.unsqueeze(1)
    norms = u.norm(dim=1, keepdim=True), v.norm(dim=1, keepdim=True)
    tiny = torch.finfo(u.dtype).eps
    u, v = (x / norm.clamp(min=tiny) for x, norm in zip((u, v), norms, strict=True))
    angle = 2.0 * torch.atan2((u - v).norm(dim=1, keepdim=True), (u + v).norm(dim=1, keepdim=True))
    # Parallel directions have no plane to turn in, and need none; opposite ones have many, and the line is as good.
    turns = angle.sin().abs() > 1e-4
    safe = torch.where(turns, angle.sin(), torch.ones_like(angle))
    left, right = ((1.0 - t) * angle).sin() / safe, (t * angle).sin() / safe
    direction = torch.where(turns, left, 1.0 - t) * u + torch.where(turns, right, t) * v
    return (direction * torch.lerp(*norms, t)).reshape(a.shape)


@dataclasses.dataclass(frozen=True)
class _Seen:
    """What a latent's distribution is like at a start: countable or not; its mean and scale, if it is Normal."""

    is_discrete: bool
    loc: Tensor | None
    scale: Tensor | None


def _paired(first: Start, last: Start) -> tuple[Start, Start]:
    """Both ends with as many rows; one row stands for all."""
    if len(first) != len(last) and 1 not in (len(first), len(last)):
        raise DataError(
            "interpolate: a and b do not match row by row",
            expected="as many rows, or one for all",
            got=f"{len(first)} and {len(last)} rows",
            fix=f"fit.interpolate(a[:{min(len(first), len(last))}], b[:{min(len(first), len(last))}])",
            code="D098",
        )
    rows = max(len(first), len(last))
    return first.repeat(rows // len(first)), last.repeat(rows // len(last))


def _walk(ends: tuple[Start, Start], site: str | None, path: str | None, steps: int, hold: bool) -> Walk:
    way, end = (start.repeat(steps) for start in ends)
    moved = [site] if site else list(way.codes)
    follow = ends[0].below(site) if site and not hold else []
    shares = torch.linspace(0.0, 1.0, steps)
    t = shares.to(way.fit.device).repeat(len(ends[0]))
    switched = {name: _switch(value, end.covariates[name], t) for name, value in way.covariates.items()}
    way = dataclasses.replace(way, covariates=switched)
    rules = {name: at(value) for name, value in way.codes.items() if name not in follow}
    seen = [_look(start) for start in ends]
    for name in moved:
        rules[name] = _rule(name, (way.codes[name], end.codes[name]), (seen[0][name], seen[1][name]), t, path)
    latents, decoded = way.decode(way.place(rules), steps)
    then = f"; {', '.join(follow)} as the prior expects given that" if follow else ""
    return Walk(
        "interpolation",
        latents,
        decoded,
        shares.expand(len(ends[0]), steps).clone(),
        ("",) * len(ends[0]),
        ("a", *[""] * (steps - 2), "b"),
        f"From a to b in {', '.join(moved)}{then}.",
        way.ranges(),
    )


def _look(start: Start) -> dict[str, _Seen]:
    """The distribution of every latent at the codes of a start."""
    pieces: dict[str, list[_Seen]] = {name: [] for name in start.codes}

    def recording(name: str) -> Rule:
        def rule(fn: Any, part: slice) -> Tensor:
            base = base_of(fn)
            normal = (base.loc.expand(fn.shape()), base.scale.expand(fn.shape())) if isinstance(base, Normal) else None
            pieces[name].append(_Seen(not fn.has_rsample, *(normal or (None, None))))
            return start.codes[name][part]

        return rule

    start.place({name: recording(name) for name in start.codes})
    return {name: _joined(seen) for name, seen in pieces.items()}


def _joined(pieces: list[_Seen]) -> _Seen:
    locs, scales = ([getattr(piece, part) for piece in pieces] for part in ("loc", "scale"))
    if locs[0] is None:
        return pieces[0]
    return _Seen(pieces[0].is_discrete, torch.cat(locs), torch.cat(scales))


def _rule(name: str, pair: tuple[Tensor, Tensor], seen: tuple[_Seen, _Seen], t: Tensor, path: str | None) -> Rule:
    """How one latent gets from one end to the other."""
    if seen[0].is_discrete:
        return at(_switch(*pair, t))
    t = t.to(pair[0].dtype)
    if path == "linear" or (path is None and seen[0].loc is None):
        return at(torch.lerp(*pair, t.reshape(-1, *[1] * (pair[0].dim() - 1))))
    if seen[0].loc is None:
        raise Unanswerable(
            f"interpolate: {name} has no Normal distribution, so that there is no sphere to walk on",
            expected="a latent that is Normal given what stands above it",
            got='path="spherical"',
            fix='path="linear"',
            code="U034",
        )
    steps = len(t) // len(seen[0].loc)
    noise = [
        (code - end.loc.repeat_interleave(steps, 0)) / end.scale.repeat_interleave(steps, 0)
        for code, end in zip(pair, seen, strict=True)
        if end.loc is not None and end.scale is not None
    ]
    turned = spherical(noise[0], noise[1], t)
    return lambda fn, part: base_of(fn).loc + base_of(fn).scale * turned[part]


def _switch(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """``a`` in the first half of the way, ``b`` in the second."""
    return torch.where((t >= 0.5).reshape(-1, *[1] * (a.dim() - 1)), b, a)
