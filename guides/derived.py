"""Deriving an amortized guide from a declared model: what all families share."""

from __future__ import annotations

import contextlib
import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from math import prod
from typing import Any

import pyro
import pyro.distributions as dist
import torch
from pyro.poutine.util import site_is_subsample
from torch import Tensor, nn
from torch.distributions import biject_to
from torch.distributions.transforms import Transform

from ppgen.declare.declared import DATA_PLATE, batch_rows
from ppgen.declare.model import Model
from ppgen.declare.site import Site
from ppgen.declare.verify import name_of
from ppgen.errors import DeclarationError
from ppgen.guides.evidence import Evidence

__all__ = ["DerivedGuide", "Latent"]


@dataclasses.dataclass(frozen=True)
class Latent:
    """A latent variable as a guide sees it: free coordinates ``u`` in R^num_free, and the way to the support.

    Args:
        site: the model's site.
        event_shape: of the model's distribution.
        free_shape: event shape of the unconstrained value.
        to_support: bijection from ``free_shape`` to the support.
        is_real: whether that bijection is the identity.
        plate_shape: sizes of the plates inside the data plate, 1 where the site does not stand in one.
    """

    site: Site
    event_shape: tuple[int, ...]
    free_shape: tuple[int, ...]
    to_support: Transform
    is_real: bool
    plate_shape: tuple[int, ...]

    @property
    def name(self) -> str:
        return self.site.name

    @property
    def num_free(self) -> int:
        return prod(self.free_shape)

    def constrain(self, free: Any) -> Any:
        """A distribution over free coordinates [..., *free_shape], moved to the support."""
        return free if self.is_real else dist.TransformedDistribution(free, [self.to_support])


class DerivedGuide(nn.Module, ABC):
    """A guide built from a declared model: one network reads the evidence, one head a latent gives its distribution.

    Sites are drawn in the model's order, so that closed-form rates stay valid. A global latent gets free parameters
    instead of a head. A latent whose value is in the batch is observed there and not drawn. Building the guide
    changes nothing of the model, and no random state.

    Args:
        model: the declared model.
        encoder: a network of the user's instead of the default one: evidence [batch, ...] -> features [batch, F].
        width: features of the default encoder.

    Raises:
        DeclarationError: naming the site, if a latent is discrete or has an unsupported shape.
    """

    def __init__(self, model: Model, *, encoder: nn.Module | None = None, width: int = 128) -> None:
        super().__init__()
        if not isinstance(model, Model):
            raise DeclarationError(
                f"{type(self).__name__}: guides are derived from declared models",
                expected="an instance of a ppgen.Model subclass",
                got=repr(model) if isinstance(model, type) else type(model).__name__,
                fix="pass the model itself; for hand-written Pyro code: ppgen.Program(model, guide)",
            )
        object.__setattr__(self, "model", model)  # not a submodule: its parameters are the model's own
        object.__setattr__(self, "constructor_arguments", {"encoder": encoder, "width": width})
        self.latents: list[Latent] = []
        self.evidence: Evidence | None = None
        self.heads = nn.ModuleDict()
        self.free = nn.ParameterDict()
        self._encoder, self._width = encoder, width
        if not self._covariates():
            self.setup()

    # What a family decides -------------------------------------------------------------------------------------------

    @abstractmethod
    def num_outputs(self, latent: Latent, before: list[Latent]) -> int:
        """How many numbers the head of a latent gives, per element of its plates."""

    @abstractmethod
    def distribution(self, latent: Latent, output: Tensor, memory: dict[str, Any]) -> Any:
        """The latent's distribution from its head's output [..., num_outputs]; ``memory`` lives for one run."""

    def remember(self, latent: Latent, value: Tensor, memory: dict[str, Any]) -> None:
        """Note what later latents need to know of this one's value."""
        return

    # What all families share -----------------------------------------------------------------------------------------

    @property
    def is_ready(self) -> bool:
        """Whether heads exist; a guide of a model with covariates waits for :meth:`setup`."""
        return bool(self.latents)

    @property
    def sites(self) -> Mapping[str, Site]:
        return {latent.name: latent.site for latent in self.latents}

    def setup(self, batch: Mapping[str, Tensor] | None = None) -> DerivedGuide:
        """Build encoder and heads for the shapes that a batch shows; ``ppgen.fit`` calls it.

        Args:
            batch: evidence and covariates, with the largest label of each integer covariate among its rows.
        """
        if self.is_ready:
            return self
        nodes = {
            name: node
            for name, node in self.model.prior_run(batch, None if batch else 2).nodes.items()
            if node["type"] == "sample" and not site_is_subsample(node)
        }
        latents = [self._latent(site, nodes[name]) for name, site in self.model.sites.items() if site.role == "latent"]
        observed = [name for name, site in self.model.sites.items() if site.role != "latent"]
        example = {name: nodes[name]["value"] if batch is None else batch[name] for name in observed if name in nodes}
        example |= {name: batch[name] for name in self._covariates() if batch is not None and name in batch}
        reference = next(self.model.parameters(), None)
        with torch.random.fork_rng(devices=[]):
            self.evidence = Evidence({n: v.cpu() for n, v in example.items()}, self._width, self._encoder)
            before: list[Latent] = []
            for latent in latents:
                outputs = self.num_outputs(latent, [b for b in before if b.site.local == latent.site.local])
                if latent.site.local:
                    head = nn.Linear(self.evidence.num_features, outputs * prod(latent.plate_shape))
                    with torch.no_grad():
                        head.weight.mul_(0.1)
                        head.bias.zero_()
                    self.heads[latent.name] = head
                else:
                    self.free[latent.name] = nn.Parameter(torch.zeros(outputs))
                before.append(latent)
        if reference is not None:
            self.to(reference.device, reference.dtype)
        self.latents = latents
        return self

    def forward(self, batch: Mapping[str, Tensor] | None = None, size: int | None = None) -> dict[str, Tensor]:
        """Draw all latents given a batch; arguments as in ``Model.forward``."""
        batch = {} if batch is None else batch
        if self.evidence is None:
            self.setup(batch)
        if self.evidence is None:
            raise DeclarationError(f"{type(self).__name__}: setup found no evidence")
        rows = batch_rows(batch, size)
        inner = self.model.inner
        memory: dict[str, Any] = {}
        values: dict[str, Tensor] = {}
        for latent in self.latents:
            if not latent.site.local:
                values[latent.name] = self._draw(latent, self.free[latent.name], batch, memory)
        if not self.heads:
            return values
        features = self.evidence(batch)
        data = pyro.plate(DATA_PLATE, rows if size is None else size, subsample=torch.arange(rows), dim=-1 - len(inner))
        with data:
            for latent in self.latents:
                if latent.site.local:
                    output = self.heads[latent.name](features)
                    output = output.reshape(rows, *latent.plate_shape, -1)
                    with contextlib.ExitStack() as nest:
                        for name in latent.site.plates:
                            index = inner.index(name)
                            nest.enter_context(pyro.plate(name, latent.plate_shape[index], dim=index - len(inner)))
                        values[latent.name] = self._draw(latent, output, batch, memory)
        return values

    def _draw(self, latent: Latent, output: Tensor, batch: Mapping[str, Tensor], memory: dict[str, Any]) -> Tensor:
        fn = self.distribution(latent, output, memory)
        given = batch.get(latent.name)
        value = pyro.sample(latent.name, fn) if given is None else given
        self.remember(latent, value, memory)
        return value

    def _covariates(self) -> list[str]:
        parents = [parent for site in self.model.sites.values() for parent in site.parents]
        return [parent for parent in dict.fromkeys(parents) if parent not in self.model.sites]

    def _latent(self, site: Site, node: Any) -> Latent:
        fn = node["fn"]
        where = f"{type(self).__name__}: latent variable {site.name!r} of {type(self.model).__name__}"
        if getattr(fn.support, "is_discrete", False) or not fn.has_rsample:
            raise DeclarationError(
                f"{where} is {name_of(fn)}, for which this family derives no reparameterised distribution",
                expected="a continuous latent on real, positive, interval or simplex support",
                got=f"{name_of(fn)} with support {fn.support}",
                fix="sum it out of the likelihood by hand (a mixture distribution), or write a ppgen.Guide",
            )
        try:
            to_support = biject_to(fn.support)
        except NotImplementedError as error:
            raise DeclarationError(
                f"{where} has a support without a bijection from the real numbers",
                got=str(fn.support),
                fix="reparameterise the site, for example by a Normal and a transform in the decoder",
            ) from error
        event = tuple(fn.event_shape)
        plates = tuple(node["value"].shape[: node["value"].dim() - len(event)])[1:] if site.local else ()
        return Latent(
            site,
            event,
            tuple(to_support.inverse_shape(torch.Size(event))),
            to_support,
            _is_identity(to_support),
            plates,
        )


def _is_identity(transform: Any) -> bool:
    """Whether a transform does nothing; torch wraps the identity of vectors in an IndependentTransform."""
    while type(transform).__name__ == "IndependentTransform":
        transform = transform.base_transform
    return type(transform).__name__ == "ComposeTransform" and not transform.parts
