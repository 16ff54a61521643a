"""What a guide may have beside the model's latents, so that a bound on log p(x) still follows; all else is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from ppgen.declare.supports import degrees_of_freedom, is_delta, mask_of
from ppgen.errors import DeclarationError

__all__ = ["gives_point", "is_point_guide", "verify_guide_sites"]


def is_point_guide(points: Iterable[tuple[Any, Tensor]], auxiliary: Iterable[Tensor]) -> bool:
    """Whether a guide gives some latent as a point: its Deltas hold more numbers than its auxiliary sites drew.

    Pyro's guides draw an auxiliary site, which has the density, and hand its numbers on to the latents by Deltas.

    Args:
        points: the model's distribution and the value [*plates, *event] of each latent that the guide gives by a Delta.
        auxiliary: values of the sites that only the guide has.
    """
    points = list(points)
    return bool(points) and _numbers(points) > sum(value.numel() for value in auxiliary)


def gives_point(sites: Mapping[str, Any], drawn: Mapping[str, Any]) -> bool:
    """:func:`is_point_guide`, read from traces.

    Args:
        sites: nodes of the model's trace, on the guide's draws.
        drawn: nodes of the guide's trace, observed ones among them.
    """
    draws = {name: node for name, node in drawn.items() if not node["is_observed"]}
    points = [(sites[n]["fn"], d["value"]) for n, d in draws.items() if n in sites and is_delta(d["fn"])]
    return is_point_guide(points, [d["value"] for n, d in draws.items() if n not in sites])


def _numbers(points: Iterable[tuple[Any, Tensor]]) -> int:
    return sum(degrees_of_freedom(fn, value) for fn, value in points)


def verify_guide_sites(guide: str, latents: Mapping[str, Any], sites: Mapping[str, Any]) -> None:
    """Refuse sites of a guide that would make its bound a wrong number.

    An auxiliary site ``u`` adds ``log q(u)`` and nothing against it: without a density ``r(u | z, x)`` in the model,
    what is printed may lie above log p(x) (Maaloe et al., 2016, Auxiliary Deep Generative Models, equation 3, has that
    density). Two kinds are right: a masked one, which is noise that no density counts, so that the bound is a mean of
    bounds; and one whose numbers are handed on to the latents by Deltas with a log-density, as Pyro's guides do.

    A ``pyro.factor`` is a term of the loss. Beside Deltas it may be a part of the density too, and nothing tells.

    Args:
        guide: its name, for the message.
        latents: nodes of the model's trace.
        sites: nodes of the guide's trace, observed ones among them.

    Raises:
        DeclarationError: naming the site.
    """
    added = {name: node for name, node in sites.items() if node["is_observed"]}
    auxiliary = {name: node for name, node in sites.items() if name not in added and name not in latents}
    points = {name: node for name, node in sites.items() if name in latents and is_delta(node["fn"])}
    for name, node in added.items():
        if not node["infer"].get("is_auxiliary"):
            raise DeclarationError(
                f"{guide}: the guide observes {name!r}: log q({name}) would be subtracted from the bound",
                expected="a guide that draws the model's latents",
                got=f'pyro.sample("{name}", ..., obs=...) in the guide',
                fix=f"draw {name!r} only where it is not observed (if {name} is None: ...); to teach the guide by "
                f'labels: pyro.factor("labels", -alpha * q.log_prob({name}), has_rsample=True)',
                code="M068",
            )
    if added and (points or auxiliary):
        raise DeclarationError(
            f"{guide}: the factor {next(iter(added))!r} may be a part of the guide's density or none of it",
            expected="a factor in a guide of plain draws, or no factor",
            got=f"Delta or auxiliary sites {', '.join([*points, *auxiliary])} beside it",
            fix="give a Delta its density: dist.Delta(value, log_density=...)",
            code="M069",
        )
    counted = {name: node for name, node in auxiliary.items() if _counts(node)}
    handed_on = _numbers((latents[name]["fn"], node["value"]) for name, node in points.items())
    if sum(node["value"].numel() for node in counted.values()) > handed_on:
        name = next(iter(counted))
        raise DeclarationError(
            f"{guide}: the auxiliary site {name!r} has no density in the model, so that no bound on log p(x) follows",
            expected=f"r({name} | z, x) in the model, or a guide without {name!r}",
            got=f'pyro.sample("{name}", ..., infer={{"is_auxiliary": True}}) in the guide alone',
            fix=f"draw {name!r} in the model too, after its latents; or leave its density out, and the bound is a mean "
            f"of bounds: with pyro.poutine.mask(mask=False): {name} = pyro.sample(...)",
            code="M070",
        )


def _counts(node: Any) -> bool:
    """Whether some element's density counts."""
    return all(mask is None or bool(torch.as_tensor(mask).any()) for mask in (node["mask"], mask_of(node["fn"])))
