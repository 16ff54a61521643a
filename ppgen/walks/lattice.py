"""The lattice: several dimensions of a latent at once, every combination of their values decoded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from ppgen.arguments import whole_number
from ppgen.errors import SettingError
from ppgen.fitted import Fit
from ppgen.walks.spans import chosen_span, find_range, verified_dims
from ppgen.walks.starts import find_start, walked_site
from ppgen.walks.walk import Walk

__all__ = ["lattice"]


def lattice(
    fit: Fit,
    dims: Sequence[int],
    site: str | None = None,
    *,
    x: Any = None,
    steps: int = 7,
    seed: int = 0,
    **values: Any,
) -> Walk:
    """Decode every combination of values of some dimensions of a latent, all else as it is.

    A discrete latent goes through its values, a continuous one through the quantiles of ``fit.traverse``. Latents
    below it take the mean of p(z | its parents) at each combination.

    Args:
        fit: with a latent of single data points.
        dims: as numbers in the flattened event.
        site: the latent; default: the first of the model.
        x: one data point that gives all other dimensions and latents; default: a draw of the prior.
        steps: values of each dimension, where they are not counted.
        seed: of what is drawn.
        **values: of covariates, in place of those of ``x``.

    Returns:
        The walk: the last dimension along a row, the others over the rows, the first of them slowest;
        coordinates [rows, columns, len(dims)].

    Raises:
        SettingError: for a latent or dimension that there is not, and for more than one start.
        Unanswerable: for data without an encoder, and covariates that are missing.

    Example:
        >>> import ppgen
        >>> fit = ppgen.fit(ppgen.models.VAE((1, 8, 8), 3), "digits", max_epochs=1, progress=False)
        >>> walk = lattice(fit, [0, 2, 1], steps=5)
        >>> walk.values["x"].shape, walk.coordinates.shape
        (torch.Size([25, 5, 1, 8, 8]), torch.Size([25, 5, 3]))
    """
    whole_number("lattice: steps", steps, at_least=2, suggested=7)
    with torch.no_grad():
        start, name = find_start(fit, x, 1, seed, values), walked_site(fit, site)
        if len(start) != 1:
            raise SettingError(
                "lattice: one data point gives all that the lattice leaves open",
                expected="x of one row",
                got=f"{len(start)} rows",
                fix="lattice(fit, dims, x=x[:1])",
                code="S174",
            )
        over = chosen_span("lattice", fit, None)
        found = find_range(start, name, steps, over)
        each = found.values.reshape(len(found.values), -1)
        chosen = verified_dims("lattice", name, dims, each.shape[1])
        points = torch.cartesian_prod(*(each[:, dim] for dim in chosen)).reshape(-1, len(chosen))
        latents, decoded = start.decode_at(name, chosen, points, len(each))
    rows = len(points) // len(each)
    named = ", ".join(f"{name}[{dim}]" for dim in chosen)
    return Walk(
        "lattice",
        latents,
        decoded,
        points.reshape(rows, len(each), len(chosen)).cpu(),
        ("",) * rows,
        ("",) * len(each),
        f"Every combination of {len(each)} values of {named}.",
        start.ranges(),
    )
