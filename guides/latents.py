"""A latent variable as a guide sees it: its free coordinates or its values, and how others read it."""

from __future__ import annotations

import dataclasses
from math import prod
from typing import Any

import pyro.distributions as dist
import torch
from torch import Tensor
from torch.distributions import biject_to
from torch.distributions.transforms import Transform, identity_transform

from ppgen.declare.site import Site
from ppgen.declare.verify import name_of
from ppgen.errors import DeclarationError

__all__ = ["Latent", "read_latent"]


@dataclasses.dataclass(frozen=True)
class Latent:
    """A latent variable of a model, with what a guide needs to draw it.

    Args:
        site: the model's site.
        event_shape: of the model's distribution.
        free_shape: event shape of the unconstrained value (of the logits, if discrete).
        to_support: bijection from ``free_shape`` to the support; the identity if discrete.
        is_real: whether that bijection is the identity.
        plate_shape: sizes of the plates inside the data plate, 1 where the site does not stand in one.
        family: ``""`` if continuous, else ``"Categorical"``, ``"OneHotCategorical"`` or ``"Bernoulli"``.
    """

    site: Site
    event_shape: tuple[int, ...]
    free_shape: tuple[int, ...]
    to_support: Transform
    is_real: bool
    plate_shape: tuple[int, ...]
    family: str = ""

    @property
    def name(self) -> str:
        return self.site.name

    @property
    def is_discrete(self) -> bool:
        return bool(self.family)

    @property
    def num_free(self) -> int:
        return prod(self.free_shape)

    def constrain(self, free: Any) -> Any:
        """A distribution over free coordinates [..., *free_shape], moved to the support."""
        return free if self.is_real else dist.TransformedDistribution(free, [self.to_support])

    def discrete(self, logits: Tensor) -> Any:
        """The discrete distribution with logits [..., *free_shape]."""
        if self.family == "Bernoulli":
            return dist.Bernoulli(logits=logits.reshape(*logits.shape[:-1], *self.event_shape)).to_event(
                len(self.event_shape)
            )
        return getattr(dist, self.family)(logits=logits)

    def features(self, value: Tensor) -> Tensor:
        """The value as other heads read it: free coordinates or one-hot classes, [..., batch, plates * num_free]."""
        if self.family == "Categorical":
            read = torch.nn.functional.one_hot(value.long(), self.num_free).to(torch.get_default_dtype())
        elif self.is_discrete:
            read = value.to(torch.get_default_dtype())
        else:
            read = value if self.is_real else self.to_support.inv(value)
        event_dims = 1 if self.family == "Categorical" else len(self.free_shape if not self.family else self.event_shape)
        return read.reshape(*read.shape[: read.dim() - event_dims - len(self.plate_shape)], -1)


def read_latent(site: Site, node: Any, owner: str) -> Latent:
    """Understand a latent from its site in a trace.

    Raises:
        DeclarationError: naming the site, if nothing can be derived for its distribution.
    """
    fn = node["fn"]
    event = tuple(fn.event_shape)
    plates = tuple(node["value"].shape[: node["value"].dim() - len(event)])[1:] if site.local else ()
    if getattr(fn.support, "is_discrete", False) or not fn.has_rsample:
        family = name_of(fn)
        classes = {
            "Categorical": lambda: (int(fn.enumerate_support(expand=False).shape[0]),),
            "OneHotCategorical": lambda: event,
            "Bernoulli": lambda: (prod(event),),
        }
        if family not in classes or not site.local or any(length > 1 for length in plates):
            raise DeclarationError(
                f"{owner}: no guide can be derived for the discrete latent {site.name!r}, a {family}",
                expected="a local Categorical, OneHotCategorical or Bernoulli, or a continuous distribution",
                got=f"{family} with support {fn.support}",
                fix=f"truncate {site.name!r} to a Categorical over 0..K, or write a ppgen.Guide for it",
            )
        return Latent(site, event, classes[family](), identity_transform, True, plates, family)
    try:
        to_support = biject_to(fn.support)
    except NotImplementedError as error:
        raise DeclarationError(
            f"{owner}: the support of the latent {site.name!r} has no bijection from the real numbers",
            got=str(fn.support),
            fix="reparameterise the site, for example by a Normal and a transform in the decoder",
        ) from error
    free = tuple(to_support.inverse_shape(torch.Size(event)))
    return Latent(site, event, free, to_support, _is_identity(to_support), plates)


def _is_identity(transform: Any) -> bool:
    """Whether a transform does nothing; torch wraps the identity of vectors in an IndependentTransform."""
    while type(transform).__name__ == "IndependentTransform":
        transform = transform.base_transform
    return type(transform).__name__ == "ComposeTransform" and not transform.parts
