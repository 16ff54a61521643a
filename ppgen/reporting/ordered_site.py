"""The distribution of a fit whose data are drawn in an order, position by position; found by what it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ppgen.context import evaluating, seeded
from ppgen.declare import label_of
from ppgen.distributions import Autoregressive, Ensemble
from ppgen.errors import Unanswerable
from ppgen.evaluation.density import explained_site
from ppgen.fitted import Fit
from ppgen.inference import distribution_of, point_estimates

__all__ = ["OrderedSite", "has_order", "ordered_site"]


@dataclasses.dataclass(frozen=True)
class OrderedSite:
    """What is explained position by position, and its distribution for some data.

    Args:
        name: of the site.
        fn: its distribution, given the covariates of the data and the codes that the guide reads from them.
        x: the data, ``[N, *event]``.
        given: what that is, in words for a caption; empty where nothing is given.
    """

    name: str
    fn: Autoregressive
    x: Tensor
    given: str

    def maps(self, numbers: Tensor) -> Tensor:
        """Numbers of positions ``[N, *positions]`` as maps: ``[N, height, width]``, or ``[N, length]`` of sequences.

        Where channels are positions of their own, theirs are summed.
        """
        dims = len(self.x.shape[2:]) if self.x.dim() == 4 else 1
        return numbers.reshape(len(numbers), -1, *numbers.shape[-dims:]).sum(1)


def has_order(fit: Fit, test: Mapping[str, Tensor]) -> bool:
    """Whether a fit's data are drawn position by position, in one order or in several.

    Args:
        fit: any.
        test: data, [N, ...] each.
    """
    try:
        return isinstance(_found(fit, {key: column[:2] for key, column in test.items()})[1], Autoregressive | Ensemble)
    except Unanswerable:
        return False


def ordered_site(fit: Fit, rows: Mapping[str, Tensor]) -> OrderedSite:
    """The autoregressive site of a fit, for some data.

    Args:
        fit: whose.
        rows: data, [N, ...] each.

    Raises:
        Unanswerable: if the data are not drawn in one order, position by position.

    Example:
        >>> import ppgen
        >>> fit = ppgen.fit(ppgen.models.GatedPixelCNN((1, 8, 8), 4, 1), "digits", max_epochs=1, progress=False)
        >>> ordered_site(fit, {key: column[:5] for key, column in fit.data.split("test").items()}).fn.event_shape
        torch.Size([1, 8, 8])
    """
    name, fn, batch = _found(fit, rows)
    if not isinstance(fn, Autoregressive):
        raise Unanswerable(
            f"{label_of(fit.model)} draws {name} by no one order, position by position",
            expected="an Autoregressive distribution",
            got="several orders, which are averaged" if isinstance(fn, Ensemble) else type(fn).__name__,
            fix="an autoregressive model of one order, such as ppgen.models.GatedPixelCNN",
            code="U051",
        )
    latents = ", ".join(site for site, each in fit.model.sites.items() if each.role == "latent")
    told = ", ".join([*fit.covariates, *([f"the {latents} that the guide reads from it"] if latents else [])])
    return OrderedSite(name, fn, batch[fit.model.column_of(name)], told)


def _found(fit: Fit, rows: Mapping[str, Tensor]) -> tuple[str, Any, dict[str, Tensor]]:
    """Name and distribution of the explained site, and the data where the model is."""
    name = explained_site(fit, rows)
    if fit.model.is_implicit:
        raise Unanswerable(f"{label_of(fit.model)} draws {name} without a density", code="U052")
    batch = {key: column.to(fit.device) for key, column in rows.items()}
    has_latents = any(site.role == "latent" for site in fit.model.sites.values())
    latents = point_estimates(fit.model, fit.guide, batch, seed=0) if has_latents and fit.guide is not None else {}
    with seeded(0, fit.device), evaluating(fit.model), torch.no_grad():
        fn = distribution_of(fit.model, name, batch, latents)
    return name, fn, batch
