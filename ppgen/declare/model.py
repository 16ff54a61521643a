"""A latent-variable model, declared: p(x, z) with one method per random variable."""

from __future__ import annotations

import contextlib
from typing import Any

import pyro
from pyro.infer.util import is_validation_enabled
from torch import Tensor

from ppgen.context import preserved_state
from ppgen.declare import unwatched
from ppgen.declare.batch import Batch, batch_rows
from ppgen.declare.declared import Declared
from ppgen.declare.site import Site
from ppgen.declare.supports import name_of
from ppgen.declare.verify import verify_generated
from ppgen.errors import DataError, SettingError

__all__ = ["Model", "describe", "joint"]


class Model(Declared):
    """The base class of declared models.

    Methods marked :func:`~ppgen.latent`, :func:`~ppgen.observed` or :func:`~ppgen.implicit` are random variables;
    their argument names are their parents, which are other sites, or covariates from the batch. Calling the model
    runs an ordinary Pyro program, so that Pyro's own tools work on it.

    A model with an :func:`~ppgen.implicit` site has no density. If it has a method ``observation(self, value)`` that
    returns a distribution around the generated tensor, it becomes a latent-variable model with one
    (Wu et al., 2017, On the Quantitative Analysis of Decoder-Based Generative Models).

    Raises:
        DeclarationError: at the class statement, on a cycle, a reserved name or hidden parents.

    Example:
        >>> import torch, pyro.distributions as dist
        >>> from ppgen.declare import Model, latent, observed
        >>> class Line(Model):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.decoder = torch.nn.Linear(1, 2)
        ...     @latent
        ...     def z(self):
        ...         return dist.Normal(0.0, 1.0).expand([1]).to_event(1)
        ...     @observed
        ...     def x(self, z):
        ...         return dist.Normal(self.decoder(z), 0.1).to_event(1)
        >>> print(Line())
        Line: p(z) p(x | z)
          z ~ Normal      event [1]  latent
          x ~ Normal | z  event [2]  observed
        >>> Line()(size=5)["x"].shape
        torch.Size([5, 2])
    """

    def forward(self, batch: Batch | None = None, size: int | None = None) -> dict[str, Tensor]:
        """Run the generative story.

        Args:
            batch: values of observed sites and covariates, each [rows, ...]. A site that is absent is sampled.
            size: number of data points in the whole data set, which the batch is a part of: log-densities of local
                sites are scaled by ``size / rows``. Default: the batch's rows; with an empty batch, the number of
                data points to draw (1).

        Returns:
            The value of every site.
        """
        batch = {} if batch is None else batch
        rows = batch_rows(batch, size)
        size = rows if size is None else size
        if size < rows or rows < 1:
            raise DataError(
                f"{type(self).__name__}: the batch does not fit the size of the data set",
                expected="1 <= rows of the batch <= size",
                got=f"{rows} rows, size {size}",
                fix="pass size=len(data set), or leave it out",
                code="D052",
            )
        return self.run_sites(batch, size, rows, {})

    def _draw(self, site: Site, fn: Any, batch: Batch, shape: tuple[int, ...]) -> Tensor:
        given = batch.get(site.name)
        if site.role == "implicit":
            if is_validation_enabled():
                verify_generated(type(self).__name__, site, fn, given, shape)
            observation = getattr(self, "observation", None)
            if observation is None:
                return unwatched.generate(site.name, fn, shape)
            fn = observation(fn)
        return self.draw_from(site, fn, given, shape)

    @property
    def is_implicit(self) -> bool:
        """Whether some site is a sampler without a likelihood."""
        return any(s.role == "implicit" for s in self.sites.values()) and not hasattr(self, "observation")

    def prior_run(self, batch: Batch | None = None, size: int | None = None) -> Any:
        """One trace of the model that changes nothing: no gradient, no buffer update, no random state.

        Args:
            batch: tensors ``[rows, ...]`` by site and covariate; sites that are absent are drawn.
            size: as in :meth:`forward`.
        """
        with preserved_state(self):
            return pyro.poutine.trace(self).get_trace(batch, size)

    def __str__(self) -> str:
        return describe(self)

    def graph(self, batch: Batch | None = None) -> Any:
        """The dependency graph as a ``graphviz.Digraph``, drawn by ``pyro.render_model``; observed sites are shaded.

        Args:
            batch: needed only where the model has covariates.

        Raises:
            SettingError: if the Python package ``graphviz`` is absent.
        """
        with preserved_state(self):
            drawn = self(batch)
            observed = {site.name: drawn[site.name] for site in self.sites.values() if site.role == "observed"}
            try:
                return pyro.render_model(self, model_args=({**observed, **(batch or {})},), render_distributions=True)
            except ImportError as error:
                raise SettingError(
                    "graph: the Python package graphviz is not installed",
                    fix="pip install graphviz (and the dot program)",
                    code="S049",
                ) from error


def joint(model: Model) -> str:
    """The factorised joint, e.g. ``p(z) p(x | z, y)``."""
    factors = [f"p({s.name} | {', '.join(s.parents)})" if s.parents else f"p({s.name})" for s in model.sites.values()]
    return " ".join(factors)


def describe(model: Model) -> str:
    """The joint, and one line a site: family, parents, event shape, role and plates.

    Families and shapes come from one silent run of the model; sites that cannot run without data, because they
    depend on covariates, are described without them.
    """
    tracer = pyro.poutine.trace()
    # A description must not fail where the model does; `check` says what is wrong with it.
    with preserved_state(model), contextlib.suppress(Exception), tracer:
        model(None, 1)
    nodes: dict[str, Any] = dict(tracer.trace.nodes)
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
