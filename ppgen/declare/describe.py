"""A declared model as a reader would write it: p(z) p(x | z), and as a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyro
import torch

from ppgen.declare.verify import name_of
from ppgen.errors import PpgenError, SettingError

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

    Families and shapes come from one silent run of the model; a model with covariates, which cannot run without
    data, is described without them.
    """
    lines = [f"{type(model).__name__}: {joint(model)}"]
    try:
        nodes = model.prior_run(size=1).nodes
    except PpgenError:
        nodes = {}
    rows = []
    for site in model.sites.values():
        node = nodes.get(site.name)
        family = "?"
        event = ""
        if node is not None:
            family = "a generated tensor" if node["infer"].get("_deterministic") else name_of(node["fn"])
            event = f"event {list(node['fn'].event_shape)}"
        given = f" | {', '.join(site.parents)}" if site.parents else ""
        notes = [site.role] + ([] if site.local else ["global"]) + [f"plate {p}" for p in site.plates]
        rows.append((f"{site.name} ~ {family}{given}", event, ", ".join(notes)))
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)] if rows else [0, 0]
    for left, event, notes in rows:
        lines.append(f"  {left:<{widths[0]}}  {event:<{widths[1]}}  {notes}".rstrip())
    return "\n".join(lines)


def render(model: Model, batch: Batch | None = None) -> Any:
    """Draw the graph with Pyro's own ``render_model``, on the model as it is.

    Raises:
        SettingError: if the Python package ``graphviz`` is absent.
    """
    try:
        import graphviz  # noqa: F401
    except ImportError as error:
        raise SettingError(
            "graph: the Python package graphviz is not installed", fix="pip install graphviz (and the dot program)"
        ) from error
    training = model.training
    model.eval()
    try:
        with torch.no_grad(), torch.random.fork_rng():
            return pyro.render_model(model, model_args=(batch,), render_distributions=True)
    finally:
        model.train(training)
