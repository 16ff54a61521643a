"""A latent variable in unconstrained coordinates: R^n, the bijection to its support, and its mask in the model."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from math import prod
from typing import Any

import pyro.distributions as dist
import torch
from torch import Tensor
from torch.distributions import biject_to, constraints
from torch.distributions.transforms import Transform, identity_transform

from ppgen import nets
from ppgen.context import preserved_state
from ppgen.declare import (
    CIRCLE,
    Model,
    Site,
    is_circular,
    mask_of,
    name_of,
    num_values,
    support_name,
    support_of,
)
from ppgen.errors import DeclarationError
from ppgen.guides.normal_boxes import through_normal

__all__ = ["Latent", "Masks", "largest_class"]


_PATHS = ("Markov", "GaussianHMM", "LinearHMM")
_DISCRETE = ("Categorical", "OneHotCategorical", "Bernoulli")


@dataclasses.dataclass(frozen=True)
class Latent:
    """A latent variable as a guide sees it: free coordinates ``u`` in R^num_free, and the way to the support.

    Args:
        site: the model's site.
        event_shape: of the model's distribution.
        unconstrained_shape: event shape of the unconstrained value.
        to_support: bijection from ``unconstrained_shape`` to the support.
        is_real: whether that bijection is the identity.
        plate_shape: sizes of the plates inside the data plate, 1 where the site does not stand in one.
        family: ``""`` if continuous, else ``"Categorical"``, ``"OneHotCategorical"`` or ``"Bernoulli"``, whose free
            coordinates are logits.
        is_masked: whether the model masks the site, so that the guide must too.
        is_path: whether it is a path of states, ``[T, dim]``, so that data of the same length are a sequence.
    """

    site: Site
    event_shape: tuple[int, ...]
    unconstrained_shape: tuple[int, ...]
    to_support: Transform
    is_real: bool
    plate_shape: tuple[int, ...]
    family: str = ""
    is_masked: bool = False
    is_path: bool = False

    @property
    def name(self) -> str:
        return self.site.name

    @property
    def num_free(self) -> int:
        return prod(self.unconstrained_shape)

    @property
    def is_discrete(self) -> bool:
        return bool(self.family)

    def discrete(self, logits: Tensor) -> Any:
        """The discrete distribution with logits [..., *unconstrained_shape]."""
        if self.family == "Bernoulli":
            shaped = logits.reshape((*logits.shape[:-1], *self.event_shape))
            return dist.Bernoulli(logits=shaped).to_event(len(self.event_shape))
        return getattr(dist, self.family)(logits=logits)

    def features(self, value: Tensor) -> Tensor:
        """The value as other heads read it: free coordinates or one-hot classes, [..., batch, plates * num_free]."""
        event_dims = len(self.event_shape) if self.is_discrete else len(self.unconstrained_shape)
        if self.family == "Categorical":
            read, event_dims = nets.one_hot(value.long(), self.num_free), 1
        else:
            read = self.unconstrain(value)
        lead = read.shape[: read.dim() - event_dims - len(self.plate_shape)]
        return read.reshape(*lead, -1)

    def unconstrain(self, value: Tensor) -> Tensor:
        """The free coordinates [..., *unconstrained_shape] of a value [..., *event]."""
        inverse: Any = self.to_support.inv
        return value if self.is_real else inverse(value)

    def constrain(self, free: Any) -> Any:
        """A distribution over free coordinates [..., *unconstrained_shape], moved to the support."""
        return free if self.is_real else dist.TransformedDistribution(free, [self.to_support])

    @classmethod
    def of(cls, site: Site, node: Any, where: str, *, normal_boxes: bool = False) -> Latent:
        """Read a latent variable from its site and its node in a trace of the model.

        Args:
            site: the model's site.
            node: of a run on a few rows.
            where: how to name it in messages.
            normal_boxes: whether the free coordinates of a uniform prior are standard normal, and not logistic.

        Raises:
            DeclarationError: if it has no finite list of values and no bijection from R^n, if it is discrete and global
                or in a further plate, if its support differs between rows, or if its mask cuts an event in pieces.
        """
        fn, value = node["fn"], node["value"]
        event = tuple(fn.event_shape)
        support = support_of(fn)
        plates = tuple(value.shape[1 : value.dim() - len(event)]) if site.local else ()
        masked = _is_masked(fn, where)
        if support is not None and support.is_discrete:
            family = name_of(fn)
            _must_be_enumerable(site, fn, where)
            classes = len(fn.enumerate_support(expand=False)) if family == "Categorical" else prod(event)
            told = dataclasses.replace(site, event_shape=event, num_values=num_values(fn), is_discrete=True)
            return cls(told, event, (classes,), identity_transform, True, plates, family, masked)
        if is_circular(fn):
            support = constraints.independent(CIRCLE, len(event)) if event else CIRCLE
        try:
            to_support = biject_to(_without_rows(support, len(event), where))
            if normal_boxes and name_of(fn) == "Uniform":
                to_support = through_normal(to_support)
        except NotImplementedError as error:
            raise DeclarationError(
                f"{where} has a support without a bijection from the real numbers",
                expected="real, positive, interval or simplex support",
                got="unknown" if support is None else support_name(support),
                fix="reparameterise the site, for example by a Normal and a transform in the decoder",
                code="M057",
            ) from error
        free = tuple(to_support.inverse_shape(torch.Size(event)))
        told = dataclasses.replace(site, event_shape=event, num_values=0, is_discrete=False)
        return cls(told, event, free, to_support, _is_identity(to_support), plates, "", masked, name_of(fn) in _PATHS)


def largest_class(fn: Any, value: Tensor) -> Tensor:
    """A site's value; the last class of a Categorical in its place, since an embedding has a row for each of them.

    Args:
        fn: the site's distribution in the model.
        value: some value of it, [batch, ...].
    """
    is_class = name_of(fn) == "Categorical" and not value.is_floating_point()
    return torch.full_like(value, num_values(fn) - 1) if is_class else value


def _must_be_enumerable(site: Site, fn: Any, where: str) -> None:
    """Refuse a discrete latent that cannot be summed out, and say what can be done instead."""
    family, event = name_of(fn), tuple(fn.event_shape)
    by_hand = "sum it out of the likelihood by hand (a mixture distribution), or write a ppgen.Guide"
    if family not in _DISCRETE:
        got, fix = "values that have no end", f"cut it off to a Categorical over its likely values, or {by_hand}"
        if family == "Binomial":
            got, fix = "a family that is not summed out", f"write it as a Categorical over its values, or {by_hand}"
    elif not site.local:
        got, fix = "one value for all data (local=False)", by_hand
    elif site.plates:
        got = f"one value for each element of plate {site.plates[0]!r}: combinations without number"
        fix = f"{by_hand}; dist.MixtureSameFamily in the methods that depend on it does so"
    elif family != "Bernoulli" and len(event) > (family == "OneHotCategorical"):
        got, fix = f"events of shape {list(event)}, several values at once", "declare a site for each of the values"
    else:
        return
    raise DeclarationError(
        f"{where} is {family}, for which this family derives no reparameterised distribution",
        expected="a continuous latent, or a local Categorical, OneHotCategorical or Bernoulli",
        got=f"{family} over {support_name(fn.support)}: {got}",
        fix=fix,
        code="M058",
    )


def _is_masked(fn: Any, where: str) -> bool:
    """Whether the model masks the site: whole events of it, since a guide could not leave out a part of one."""
    mask = mask_of(fn)
    if mask is not None and type(fn).__name__ != "MaskedDistribution":
        raise DeclarationError(
            f"{where} is masked in parts of its event",
            expected="a mask with one entry for each datum (and element of further plates)",
            got=f"a mask inside an event of shape {list(fn.event_shape)}",
            fix="mask last: dist.Normal(...).to_event(1).mask(mask)",
            code="M059",
        )
    return mask is not None


def _without_rows(support: Any, event_dim: int, where: str) -> Any:
    """The support for a single datum, of one whose bounds have an entry for each row of a batch."""
    if isinstance(support, constraints.independent):
        base = _without_rows(support.base_constraint, event_dim, where)
        return constraints.independent(base, support.reinterpreted_batch_ndims)
    bounds = {end: getattr(support, end) for end in ("lower_bound", "upper_bound") if hasattr(support, end)}
    if not any(isinstance(bound, Tensor) and bound.dim() > 0 for bound in bounds.values()):
        return support
    for end, bound in bounds.items():
        rows = torch.as_tensor(bound).detach()
        rows = rows.reshape(-1, *rows.shape[max(0, rows.dim() - event_dim) :])
        if not bool((rows == rows[0]).all()):
            raise DeclarationError(
                f"{where} has a support that differs between data points",
                expected="the same support for every datum",
                got=support_name(support),
                fix="give the site a fixed support, and shift or scale its value in the methods that use it",
                code="M060",
            )
        bounds[end] = rows[0]
    return type(support)(**bounds)


def _is_identity(transform: Any) -> bool:
    """Whether a transform does nothing; torch wraps the identity of vectors in an IndependentTransform."""
    while type(transform).__name__ == "IndependentTransform":
        transform = transform.base_transform
    return type(transform).__name__ == "ComposeTransform" and not transform.parts


class Masks:
    """The masks that a model puts on its latents, on any batch.

    A mask is a function of data. Where the method that returns it has latents as parents too, these are drawn already,
    or else some value stands in for them.

    Args:
        model: the declared model.
        example: a value of each of its sites for one datum, ``[1, ...]`` (``[...]`` if global).
    """

    def __init__(self, model: Model, example: Mapping[str, Tensor]) -> None:
        self.model, self.example = model, example

    def of(self, site: Site, batch: Mapping[str, Tensor], drawn: Mapping[str, Tensor], rows: int) -> Any:
        """The mask of a site: a tensor that broadcasts against its plates [rows, *plates], or a bool.

        Args:
            site: the latent.
            batch: values by site and covariate, [rows, ...] each.
            drawn: values of the latents that are drawn already, [rows, *event] each.
            rows: of the batch.
        """
        values = {
            name: value.expand(rows, *value.shape[1:]) if self.model.sites[name].local else value
            for name, value in self.example.items()
            if name not in batch
        }
        with preserved_state(self.model):
            mask = mask_of(self.model.call_site(site, batch, {**values, **drawn}))
        return True if mask is None else mask
