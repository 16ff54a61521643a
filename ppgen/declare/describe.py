"""A declared model as a reader would write it: p(z) p(x | z), and as a graph."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pyro

from ppgen.context import preserved_state
from ppgen.declare.supports import name_of
from ppgen.errors import SettingError

if TYPE_CHECKING:
    from ppgen.declare.declared import Batch
    from ppgen.declare.model import Model

__all__ = ["describe", "joint", "render"]


def joint(model: Model) -> str:
    """The factorised joint, e.g. ``p(z) p(x | z, y)``."""
    factors = [f"p({s.name} | {', '.join(s.parents)})" if s.parents else f"p({s.name})" for s in model.sites.values()]
    return " ".join(factors)


def describe(model: Model) -> str:
    """The joint, and one line a site: family, parents, event shape, role and plates.

    Families and shapes come from one silent run of the model; sites that cannot run without data, because they
    depend on covariates, are described without them.
    """
    nodes = _look(model)
    rows = []
    for site in model.sites.values():
        family, event = "?", ""
        if node := nodes.get(site.name):
            family = "a generated tensor" if node["infer"].get("_deterministic") else name_of(node["fn"])
            event = f"event {list(node['fn'].event_shape)}"
        given = f" | {', '.join(site.parents)}" if site.parents else ""
        role = [site.role, *([] if site.local else ["global"]), *(f"plate {name}" for name in site.plates)]
        rows.append((f"{site.name} ~ {family}{given}", event, ", ".join(role)))
    first, second = (max((len(row[column]) for row in rows), default=0) for column in (0, 1))
    lines = [f"  {left:<{first}}  {event:<{second}}  {role}" for left, event, role in rows]
    return "\n".join([f"{type(model).__name__}: {joint(model)}", *lines])


def _look(model: Model) -> dict[str, Any]:
    """The sites of one silent run, as far as it comes."""
    tracer = pyro.poutine.trace()
    # A description must not fail where the model does; `check` says what is wrong with it.
    with preserved_state(model), contextlib.suppress(Exception), tracer:
        model(None, 1)
    return dict(tracer.trace.nodes)


def render(model: Model, batch: Batch | None = None) -> Any:
    """Draw the graph with Pyro's own ``render_model``; observed sites are shaded.

    Raises:
        SettingError: if the Python package ``graphviz`` is absent.
    """
    try:
        import graphviz  # noqa: F401
    except ImportError as error:
        raise SettingError(
            "graph: the Python package graphviz is not installed", fix="pip install graphviz (and the dot program)"
        ) from error
    with preserved_state(model):
        drawn = model(batch)
        observed = {site.name: drawn[site.name] for site in model.sites.values() if site.role == "observed"}
        return pyro.render_model(model, model_args=({**observed, **(batch or {})},), render_distributions=True)
