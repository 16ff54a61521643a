"""The manifold: two dimensions of a latent at once, over the quantiles of their range."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from ppgen.arguments import whole_number
from ppgen.errors import SettingError, Unanswerable
from ppgen.fitted import Fit
from ppgen.walks.spans import chosen_span, find_range, verified_dims
from ppgen.walks.starts import find_start, walked_site
from ppgen.walks.walk import Walk

__all__ = ["manifold"]


def manifold(
    self: Fit,
    site: str | None = None,
    dims: Sequence[int] | None = None,
    *,
    x: Any = None,
    steps: int = 15,
    span: str | None = None,
    hold: bool = False,
    seed: int = 0,
    **values: Any,
) -> Walk:
    """Decode a grid over two dimensions of a latent: the whole of a two-dimensional latent space.

    The grid's lines are quantiles from 0.05 to 0.95, evenly spaced, so that each tile stands for as much of the
    prior's mass. The first dimension grows to the right, the second upward.

    Args:
        site: the latent; default: the first of the model.
        dims: which two of its dimensions; may be left out where it has two.
        x: one data point that gives all other dimensions and latents; default: a draw of the prior.
        steps: lines each way.
        span: ``"prior"`` or ``"posterior"``, as of ``fit.traverse``.
        hold: keep the codes of latents below, too.
        seed: of what is drawn.
        **values: of covariates: ``fit.manifold(y=3)``.

    Returns:
        The walk, [steps, steps, *event] by site, its coordinates [steps, steps, 2].

    Raises:
        SettingError: if the latent has not two dimensions and none are named.
        Unanswerable: for a discrete latent, for data without an encoder, and covariates that are missing.

    Example:
        >>> import ppgen
        >>> fit = ppgen.fit(ppgen.models.VAE((1, 8, 8), 2), "digits", max_epochs=1, progress=False)
        >>> fit.manifold(steps=7).values["x"].shape
        torch.Size([7, 7, 1, 8, 8])

    Reference: D. Kingma and M. Welling, "Auto-encoding variational Bayes", 2014 (arXiv 1312.6114), figure 4.
    """
    whole_number("manifold: steps", steps, at_least=2, suggested=15)
    over = chosen_span("manifold", self, span)
    with torch.no_grad():
        start, name = find_start(self, x, 1, seed, values), walked_site(self, site)
        if len(start) != 1:
            raise SettingError(
                "manifold: one data point gives all that the grid leaves open",
                expected="x of one row",
                got=f"{len(start)} rows",
                fix="fit.manifold(x=x[:1])",
                code="S159",
            )
        found = find_range(start, name, steps, over)
        if found.is_discrete:
            raise Unanswerable(
                f"manifold: {name} is discrete, so that its values make no plane",
                expected="a continuous latent",
                got=name,
                fix=f"fit.traverse(x, {name!r}) goes through its values",
                code="U035",
            )
        size = found.values[0, 0].numel()
        if dims is None and size != 2:
            raise SettingError(
                f"manifold: {name} has {size} dimension{'s' * (size != 1)}, and a picture has two",
                expected="two dimensions to lay out",
                got="dims=None",
                fix=f"fit.manifold({name!r}, dims=[0, 1])" if size > 2 else f"fit.traverse(x, {name!r})",
                code="S160",
            )
        chosen = verified_dims("manifold", name, (0, 1) if dims is None else dims, size)
        if len(set(chosen)) != 2:
            raise SettingError(
                "manifold: a grid has two dimensions",
                expected="two numbers",
                got=repr(dims),
                fix="dims=[0, 1]",
                code="S161",
            )
        across, up = (found.values.reshape(steps, size)[:, dim] for dim in chosen)
        grid = torch.stack(torch.meshgrid(across, up.flip(0), indexing="xy"), -1)
        latents, decoded = start.decode_at(name, chosen, grid.reshape(-1, 2), steps, hold=hold)
    return Walk(
        "manifold",
        latents,
        decoded,
        grid.cpu(),
        tuple(f"{value:.2g}" for value in up.flip(0).tolist()),
        tuple(f"{value:.2g}" for value in across.tolist()),
        f"{name}[{chosen[0]}] to the right, {name}[{chosen[1]}] upward, over quantiles of the {over}.",
        start.ranges(),
    )
