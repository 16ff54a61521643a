"""Which latents an inverse of the dependency graph must condition on, so that it can hold the true posterior."""

from __future__ import annotations

from collections.abc import Mapping

from ppgen.declare.site import Site

__all__ = ["faithful_inverse"]


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
