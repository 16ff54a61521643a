"""What a run of a hand-written program shows of its sites."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ppgen.declare.site import Site
from ppgen.declare.supports import has_discrete_support, is_delta, is_normalised, num_values

__all__ = ["plates_of", "site_of"]


def plates_of(nodes: Mapping[str, Any], rows: int) -> frozenset[str]:
    """The names of the plates that have as many rows.

    Args:
        nodes: of a trace.
        rows: of the batch.
    """
    return frozenset(frame.name for node in nodes.values() for frame in node["cond_indep_stack"] if frame.size == rows)


def site_of(name: str, node: Any, data_plates: frozenset[str]) -> Site:
    """A site as its node in a run shows it; parents are not known.

    Args:
        name: the site's.
        node: of a trace.
        data_plates: names of the plates over the data.
    """
    fn, frames = node["fn"], node["cond_indep_stack"][::-1]
    data = next((frame for frame in frames if frame.name in data_plates), None)
    return Site(
        name,
        "observed" if node["is_observed"] else "latent",
        (),
        local=data is not None,
        plates=tuple(frame.name for frame in frames if frame is not data),
        event_shape=tuple(fn.event_shape),
        num_values=num_values(fn),
        is_discrete=has_discrete_support(fn),
        is_normalised=is_normalised(fn) and not (node["is_observed"] and is_delta(fn)),
    )
