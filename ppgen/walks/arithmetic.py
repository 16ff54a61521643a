"""Arithmetic: the difference of two groups' mean codes, added to other codes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from ppgen.arguments import finite_number
from ppgen.errors import SettingError, Unanswerable
from ppgen.fitted import Fit
from ppgen.inference import at
from ppgen.walks.spans import is_discrete
from ppgen.walks.starts import find_start, walked_site
from ppgen.walks.walk import Walk

__all__ = ["arithmetic"]


def arithmetic(
    self: Fit,
    positive: Any,
    negative: Any,
    x: Any = None,
    *,
    strength: float | Sequence[float] = 1.0,
    site: str | None = None,
    hold: bool = False,
    n: int = 1,
    seed: int = 0,
    **values: Any,
) -> Walk:
    """Add what tells two groups apart to the codes of ``x``: ``z + strength * (mean code of positive - of negative)``.

    All continuous latents move, or ``site`` alone; then latents below it take the mean of p(z | its parents).
    Discrete latents stay as they are: between two classes there is no difference to add.

    Args:
        positive: data that have what is to be added, or their codes by latent, ``{"z": z}``: any number of rows.
        negative: data that lack it, as alike as can be in everything else.
        x: what it is added to; default: ``n`` draws of the prior.
        strength: how much of the difference; several, one a column. One number stands for 0 and that number: before
            and after.
        site: the latent to move; default: all continuous ones.
        hold: keep the codes of latents below ``site``, too.
        n: how many draws, where there are no data.
        seed: of what is drawn.
        **values: of covariates, in place of those of the data.

    Returns:
        The walk, [len(x), number of strengths, *event] by site; ``walk.values["x"][:, -1]`` is the last column.

    Raises:
        Unanswerable: for data without an encoder, covariates that are missing, and latents that are all discrete.
        SettingError: for a latent that there is not.

    Example:
        >>> import ppgen
        >>> fit = ppgen.fit(ppgen.models.VAE((1, 8, 8), 3), "digits", max_epochs=1, progress=False)
        >>> x, y = (fit.data.split("test")[name] for name in ("x", "y"))
        >>> fit.arithmetic(x[y == 8], x[y == 3], x[y == 5][:4], strength=[-1, 0, 1]).values["x"].shape
        torch.Size([4, 3, 1, 8, 8])

    Reference: A. Radford et al., "Unsupervised representation learning with deep convolutional generative adversarial
    networks", 2016 (arXiv 1511.06434), section 6.3.2.
    """
    asked = strength if isinstance(strength, Sequence) else (0.0, strength)
    strengths = torch.tensor([finite_number("arithmetic: strength", value, suggested=1.0) for value in asked])
    if not len(strengths):
        raise SettingError(
            "arithmetic: strength is empty", expected="a number, or several", got="[]", fix="strength=1.0", code="S157"
        )
    with torch.no_grad():
        start, plus, minus = (find_start(self, group, n, seed, values) for group in (x, positive, negative))
        names = list(start.codes) if site is None else [walked_site(self, site)]
        moved = [name for name in names if not is_discrete(start, name)]
        if not moved:
            raise Unanswerable(
                f"arithmetic: {', '.join(names)}: between values that are counted there is no difference to add",
                expected="a continuous latent",
                got=", ".join(names),
                fix=f"fit.traverse(x, {names[0]!r}) goes through its values",
                code="U033",
            )
        follow = start.below(site) if site and not hold else []
        way = start.repeat(len(strengths))
        share = strengths.to(self.device).repeat(len(start))
        codes = dict(way.codes)
        for name in moved:
            difference = plus.codes[name].mean(0) - minus.codes[name].mean(0)
            codes[name] = codes[name] + share.to(difference.dtype).reshape(-1, *[1] * difference.dim()) * difference
        placed = way.place({name: at(value) for name, value in codes.items() if name not in follow})
        latents, decoded = way.decode(placed, len(strengths))
    then = f"; {', '.join(follow)} as the prior expects given that" if follow else ""
    return Walk(
        "arithmetic",
        latents,
        decoded,
        strengths.expand(len(start), -1).clone(),
        ("",) * len(start),
        tuple(f"{value:+g}" for value in strengths.tolist()),
        f"{', '.join(moved)} plus so many times the mean of positive less that of negative{then}.",
        start.ranges(),
    )
