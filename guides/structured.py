"""Which latents an inverse of the dependency graph must condition on, so that it can hold the true posterior."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor

from ppgen.arguments import one_of
from ppgen.checked import checked
from ppgen.declare import Site
from ppgen.guides.derived import DerivedGuide, Latent
from ppgen.guides.frames import Frame
from ppgen.guides.networks import lower_triangle, normal, positive, with_covariance

__all__ = ["Structured", "faithful_inverse"]


def faithful_inverse(sites: Mapping[str, Site], latents: list[str]) -> dict[str, list[str]]:
    """A minimal faithful inverse of a model's graph (Webb et al., 2018, Faithful Inversion of Generative Models).

    The graph is moralised, then latents are eliminated from the roots on; a latent's neighbours when it is
    eliminated are its parents in the inverse, and become neighbours of each other. Read backwards, this is an order
    of sampling in which every dependence of the posterior has an edge: for ``z2 -> z1 -> x`` it is
    ``q(z1 | x) q(z2 | z1)``.

    Latents in further plates are eliminated first, and so drawn last: given those outside, their elements are
    independent of each other, as a site in a plate has to be.

    Args:
        sites: the model's, in topological order.
        latents: those to be sampled; all other sites count as observed.

    Returns:
        Latent to the latents that it conditions on, in the order of sampling.
    """
    neighbours: dict[str, set[str]] = {name: set() for name in sites}
    for site in sites.values():
        family = [site.name, *(parent for parent in site.parents if parent in sites)]
        for one in family:
            neighbours[one] |= set(family) - {one}
    inverse: dict[str, list[str]] = {}
    for name in sorted((name for name in sites if name in latents), key=lambda name: -len(sites[name].plates)):
        around = neighbours.pop(name)
        for one in around:
            neighbours[one] = (neighbours[one] | around) - {one, name}
        inverse[name] = [other for other in latents if other in around]
    return dict(reversed(inverse.items()))


_LARGEST_COVARIANCE = 32


class Structured(DerivedGuide):
    """``q(z | x) = prod_i Normal(z_i; mu_i(x, parents), Sigma_i(x, parents))`` over a faithful graph.

    With ``order="inverse"`` latents are drawn from the data upwards, ``q(z1 | x) q(z2 | z1, x)`` for a model
    ``z2 -> z1 -> x``, with just the dependences that the posterior has. With ``order="model"`` they are drawn from
    the top down, ``q(z2 | x) q(z1 | z2, x)``, each given all before it: rates then keep their closed form. Within a
    latent of at most 32 coordinates the covariance is full.

    Args:
        model: the declared model.
        order: ``"inverse"`` or ``"model"``.
        encoder: a network of the user's: x [batch, ...] -> features [batch, F].
        width: features of the default encoder, and hidden width of the heads.
    """

    @checked
    def __init__(self, model: Any, *, order: Literal["inverse", "model"] = "inverse", **settings: Any) -> None:
        self.order = one_of("Structured: order", order, ("inverse", "model"))
        self.parents: dict[str, list[str]] = {}
        super().__init__(model, **settings)

    def arrange(self, latents: list[Latent]) -> list[Latent]:
        if self.order == "model":
            return latents
        by_name = {latent.name: latent for latent in latents}
        # Global and discrete latents are drawn before, so that for these they count as observed.
        self.parents = faithful_inverse(self.model.sites, [name for name, one in by_name.items() if one.site.local])
        return [*(one for one in latents if not one.site.local), *(by_name[name] for name in self.parents)]

    def conditions(self, latent: Latent, before: list[Latent]) -> list[Latent]:
        return before if self.order == "model" else [b for b in before if b.name in self.parents[latent.name]]

    def num_outputs(self, latent: Latent, before: list[Latent]) -> int:
        n = latent.num_free
        return n + n * (n + 1) // 2 if n <= _LARGEST_COVARIANCE else 2 * n

    def frame(self, latent: Latent, before: list[Latent]) -> Frame:
        has_covariance = not latent.site.local and latent.num_free <= _LARGEST_COVARIANCE
        return Frame(latent.num_free, 0 if has_covariance else None)

    def settle(self, mode: Tensor, precision: Tensor) -> None:
        super().settle(mode, precision)
        first = 0
        for latent in self.shared:
            last = first + latent.num_free
            if latent.num_free <= _LARGEST_COVARIANCE:
                covariance = torch.linalg.inv(precision[first:last, first:last])
                self.begin_correlated(latent, mode[first:last], torch.linalg.cholesky(covariance))
            first = last

    def distribution(self, latent: Latent, output: Tensor, memory: dict[str, Any]) -> Any:
        n, shape = latent.num_free, latent.unconstrained_shape
        below = output[..., 2 * n :]
        loc, scale = self.placed(latent, output[..., :n], positive(output[..., n : 2 * n]))
        if n > _LARGEST_COVARIANCE:
            return latent.constrain(normal(loc, scale, shape))
        return latent.constrain(with_covariance(loc, lower_triangle(scale, below), shape))
