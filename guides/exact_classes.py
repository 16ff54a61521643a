"""Classes whose probabilities the model itself gives, by enumeration: ``p(c | x, theta)`` in place of a head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import pyro
import pyro.distributions as dist
import torch
from torch import Tensor

from ppgen.guides.coordinates import Latent
from ppgen.guides.evidence import verify_evidence
from ppgen.inference import per_datum, trace_pair
from ppgen.nets.flow import FlowDistribution

__all__ = ["ExactClasses"]

_MOST_COMBINATIONS = 1024


class ExactClasses:
    """``q(c | x) = p(c | x, theta)`` at the middle theta of ``q(theta)``, where c and theta are all that is latent.

    It is what the best ``q(c | x)`` comes to as ``q(theta)`` narrows, and needs no network. One that learned would be
    behind the components as they move: a step that gives all data of a cluster to one of two components that share it
    leaves the other without data, and it falls back to its prior for good. Whatever theta is, the bound is one.

    Args:
        guide: derived from a model whose continuous latents are all global.
        latents: the discrete ones, in the order in which they are drawn.
        evidence: names of what is observed, and of covariates.
    """

    def __init__(self, guide: Any, latents: Sequence[Latent], evidence: Sequence[str]) -> None:
        self.guide, self.latents, self.evidence = guide, latents, evidence

    @classmethod
    def of(cls, guide: Any, latents: Sequence[Latent], evidence: Sequence[str]) -> ExactClasses | None:
        """What a model's latents allow; ``None`` where its classes need heads.

        Args:
            guide: derived from the model.
            latents: all of them, in the order in which they are drawn.
            evidence: names of what is observed, and of covariates.
        """
        local = [latent for latent in latents if latent.site.local]
        are_classes = all(one.is_discrete and (one.family != "Bernoulli" or not one.event_shape) for one in local)
        if not are_classes or len(local) in (0, len(latents)):
            return None
        few = prod(latent.site.num_values or 0 for latent in local) <= _MOST_COMBINATIONS
        return cls(guide, local, evidence) if few else None

    def joint(self, batch: Mapping[str, Tensor]) -> Tensor:
        """``log p(c_1, c_2, ..., x | theta)`` of the classes that a batch does not give, [rows, K_1, K_2, ...].

        Args:
            batch: by site and covariate, [rows, ...] each.
        """
        verify_evidence(self.evidence, batch)
        theta, unknown = self._middle(), self._unknown(batch)
        like, rows = next(iter(theta.values())), len(next(iter(batch.values())))
        counts = [one.site.num_values or 0 for one in unknown]
        combinations = prod(counts)
        if not unknown:
            return like.new_zeros(rows)
        every = {name: value.repeat_interleave(combinations, 0) for name, value in batch.items()}
        index = torch.unravel_index(torch.arange(combinations, device=like.device), counts)
        for one, which in zip(unknown, index, strict=True):
            values = one.discrete(like.new_zeros(one.num_free)).enumerate_support(expand=False)[which]
            every[one.name] = values.repeat(rows, *[1] * (values.dim() - 1))
        with pyro.poutine.block():
            known: Any = pyro.condition(self.guide.model, data=theta)
            seen = trace_pair(known, None, every, rows * combinations).observed
        sites = self.guide.model.sites
        local = [per_datum(draw.log_prob(), draw, rows * combinations) for n, draw in seen.items() if sites[n].local]
        return torch.stack(local).sum(0).reshape(rows, *counts)

    def logits(self, latent: Latent, joint: Tensor, batch: Mapping[str, Tensor], drawn: Mapping[str, Tensor]) -> Tensor:
        """``log p(c | x, theta)`` up to a constant, [..., rows, num_free]; classes that are drawn later are summed out.

        Args:
            latent: one of the discrete ones; where the batch gives it, nothing is said of it.
            joint: of those that it does not give, [rows, K_1, K_2, ...].
            batch: by site and covariate, [rows, ...] each.
            drawn: values of those that were drawn before it, [..., rows, *event] each.
        """
        unknown = self._unknown(batch)
        if latent not in unknown:
            return joint.new_zeros(len(joint), latent.num_free)
        position = unknown.index(latent)
        before = (_class(one, drawn[one.name]) for one in unknown[:position])
        log_p = joint[(torch.arange(len(joint), device=joint.device), *before)]
        log_p = log_p.reshape(*log_p.shape[: log_p.dim() - len(unknown) + position], joint.shape[1 + position], -1)
        log_p = log_p.logsumexp(-1)
        return (log_p[..., 1:] - log_p[..., :1]) if latent.family == "Bernoulli" else log_p

    def _unknown(self, batch: Mapping[str, Tensor]) -> list[Latent]:
        return [one for one in self.latents if one.name not in batch]

    def _middle(self) -> dict[str, Tensor]:
        """Theta, by site."""
        memory: dict[str, Any] = {}
        values: dict[str, Tensor] = {}
        for latent in self.guide.shared:
            fn = self.guide.distribution(latent, self.guide.free[latent.name], memory)
            values[latent.name] = _middle_of(fn)
            self.guide.remember(latent, values[latent.name], memory)
        return values


def _middle_of(fn: Any) -> Tensor:
    """Where a distribution puts the mean of the Gaussian that it is made of."""
    if isinstance(fn, FlowDistribution):
        return fn.flow.transform.inv(_middle_of(fn.flow.base))
    if isinstance(fn, dist.TransformedDistribution):
        value = _middle_of(fn.base_dist)
        for transform in fn.transforms:
            value = transform(value)
        return value
    return fn.mean


def _class(latent: Latent, value: Tensor) -> Tensor:
    """Which of its values a latent has, [...], of [..., *event]."""
    return value.argmax(-1) if latent.family == "OneHotCategorical" else value.long()
