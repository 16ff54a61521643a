"""How a program takes a minibatch: as rows of a larger data set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ppgen.declare.look import random_sites
from ppgen.declare.plates import SIZED_PLATE
from ppgen.declare.supports import name_of
from ppgen.errors import DeclarationError

__all__ = ["verify_rows", "verify_scale"]


def verify_rows(owner: str, trace: Any, rows: int) -> None:
    """Check that what is observed stands in a plate over the rows of the batch.

    Raises:
        DeclarationError: naming the site.
    """
    for name, node in random_sites(trace).items():
        frames = node["cond_indep_stack"]
        is_factor = name_of(node["fn"]) == "Unit"
        if node["is_observed"] and not is_factor and not any(f.vectorized and f.size == rows for f in frames):
            raise DeclarationError(
                f"{owner}.{name}: this observed site stands in no plate over the rows of the batch",
                expected=f"a vectorised plate of {rows}, the batch's rows",
                got=", ".join(f"plate {frame.name!r} of {frame.size}" for frame in frames) or "no plate",
                fix=SIZED_PLATE,
            )


def verify_scale(owner: str, sites: Mapping[str, Any], rows: int) -> None:
    """Check, on a minibatch, that a program with global latents scales its local sites up to the data set.

    Without that, the prior of a global latent would count once for each minibatch instead of once.

    Raises:
        DeclarationError: naming a global latent and a local site.
    """
    frames = {
        name: next((f for f in node["cond_indep_stack"] if f.vectorized and f.size == rows), None)
        for name, node in sites.items()
    }
    shared = [name for name, node in sites.items() if frames[name] is None and not node["is_observed"]]
    for name, frame in frames.items():
        if shared and frame is not None and frame.full_size == rows:
            raise DeclarationError(
                f"{owner}.{name}: a minibatch's log-density is not scaled up to the data set, "
                f"although the latent variable {shared[0]!r} is one for all data",
                expected=f"a plate {frame.name!r} that knows the size of the data set",
                got=f"pyro.plate({frame.name!r}, {rows})",
                fix=SIZED_PLATE,
            )
