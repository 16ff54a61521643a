"""What a model explains, and what it is told: p(x), p(x | y), p(x, y)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from torch import Tensor

if TYPE_CHECKING:
    from ppgen.fitted import Fit

__all__ = ["covariates_of", "density_of", "observed_by", "only"]


def density_of(fit: Fit) -> str:
    """Which density the model has, as a reader would write it: ``p(x)``, ``p(x | y)``."""
    given = covariates_of(fit)
    return f"p({', '.join(observed_by(fit))}{' | ' if given else ''}{', '.join(given)})"


def covariates_of(fit: Fit) -> list[str]:
    """What the model's sites ask of the data without explaining it: parents that are no sites."""
    sites = fit.model.sites
    parents = dict.fromkeys(parent for site in sites.values() for parent in site.parents)
    return [parent for parent in parents if parent not in sites and parent in fit.data.keys]


def observed_by(fit: Fit) -> list[str]:
    """The sites that the model explains."""
    return [name for name, site in fit.model.sites.items() if site.role != "latent"]


def only(values: Any, site: str) -> Tensor:
    """The tensor of one site, of a model that may have several observed ones."""
    return values[site] if isinstance(values, Mapping) else values
