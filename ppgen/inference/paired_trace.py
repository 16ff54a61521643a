"""Run guide and model together once, and keep what every bound is made of: two densities and a value per site.

Pyro's own objectives trace the guide, replay the model and copy both traces. One small messenger does the same work
in a single pass, for half of the overhead, on the same programs; tests hold its value and gradient to Pyro's own.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from contextlib import nullcontext
from itertools import takewhile
from typing import Any

import torch
from pyro.poutine.messenger import Messenger
from pyro.poutine.subsample_messenger import _Subsample
from torch import Tensor
from torch.distributions.kl import kl_divergence

from ppgen.context import frozen
from ppgen.declare import PyroProgram, is_computed, is_delta, is_normalised, is_point_guide
from ppgen.errors import DeclarationError

__all__ = ["PairedSite", "PairedTrace", "registered_kl", "trace_guide", "trace_pair"]


@dataclasses.dataclass
class PairedSite:
    """One site of a paired run.

    Args:
        name: the site.
        value: its value, [*plates, *event].
        model_fn: its distribution under the model (``None`` for a site that only the guide has).
        guide_fn: its distribution under the guide (``None`` where it is observed).
        scale: factor of subsampling, and of ``poutine.scale``.
        mask: which elements count.
        frames: the plates around it.
        in_order: whether every latent that precedes the site in the model precedes it in the guide too. Only then may
            ``KL(guide || model)`` replace the sampled log-ratio; else the prior's parents depend on the site itself.
        data_plates: names of the plates over the data; ``None`` where they are known by their size alone.
    """

    name: str
    value: Tensor
    model_fn: Any = None
    guide_fn: Any = None
    scale: float | Tensor = 1.0
    mask: Tensor | bool | None = None
    frames: tuple[Any, ...] = ()
    in_order: bool = False
    data_plates: frozenset[str] | None = None

    @property
    def is_delta(self) -> bool:
        """Whether the guide's distribution is a Delta, inside whatever wraps it."""
        return is_delta(self.guide_fn)

    @property
    def plate_scale(self) -> float:
        """The factor of subsampling alone."""
        return math.prod(frame.full_size / frame.size for frame in self.frames if (frame.full_size or 0) > 0)

    @property
    def is_weighted(self) -> bool:
        """Whether the program scales the site beyond its plates, by ``poutine.scale``."""
        return isinstance(self.scale, Tensor) or not math.isclose(self.scale, self.plate_scale, rel_tol=1e-6)

    @property
    def has_valid_kl(self) -> bool:
        """Whether a registered ``KL`` is the site's expected log-ratio; Pyro's for a Delta forgets its log-density."""
        return self.in_order and not self.is_delta

    def log_prob(self) -> Tensor:
        """``log p`` at the site's value, [*plates]."""
        return self._masked(self.model_fn.log_prob(self.value))

    def kl(self) -> Tensor | None:
        """``KL(q || p)`` in closed form, [*plates]; ``None`` where it is not valid, or not registered."""
        kl = registered_kl(self.guide_fn, self.model_fn) if self.has_valid_kl else None
        return None if kl is None else self._masked(kl)

    def rate(self, *, closed_form: bool) -> Tensor:
        """The site's rate, [*plates]: closed-form ``KL(q || p)`` where there is one, else ``log q - log p``."""
        kl = self.kl() if closed_form else None
        return self.log_ratio() if kl is None else kl

    def log_ratio(self) -> Tensor:
        """``log q(z) - log p(z)`` at the value drawn, [*plates]."""
        if self.model_fn is None:
            return self._masked(self.guide_fn.log_prob(self.value))
        return self._masked(self.guide_fn.log_prob(self.value) - self.model_fn.log_prob(self.value))

    def draws(self, num: int) -> Tensor:
        """Further draws of the guide's distribution, without a gradient: [num, *plates, *event]."""
        try:
            return self.guide_fn.sample((num,))
        except NotImplementedError:  # Pyro's wrapper of zuko's flows draws by its call alone
            with torch.no_grad():
                return self.guide_fn((num,))

    def _masked(self, density: Tensor) -> Tensor:
        if self.mask is None or self.mask is True:
            return density
        if self.mask is False:
            return torch.zeros_like(density)
        return torch.where(self.mask, density, density.new_zeros(()))


def registered_kl(guide_fn: Any, model_fn: Any) -> Tensor | None:
    """``KL(q || p)`` in closed form, [*plates]; ``None`` where it is not registered.

    Args:
        guide_fn: q.
        model_fn: p.
    """
    try:
        return kl_divergence(guide_fn, model_fn)
    except NotImplementedError:
        return None


class PairedTrace(Messenger):
    """The messenger: records the guide's draws, hands them to the model, and records the model's densities.

    What a guide observes (``pyro.factor``) is in ``added``: its log-density is subtracted from what is maximised, as
    Pyro does, and is no part of the bound.

    Args:
        rows: of the batch.
        values: what guide sites take instead of a draw, by name.
        data_plates: names of the plates over the data; ``None`` where they are known by their size alone.
    """

    def __init__(
        self, rows: int, values: Mapping[str, Tensor] | None = None, data_plates: frozenset[str] | None = None
    ) -> None:
        super().__init__()
        self.data_plates = data_plates
        self.rows = rows
        self.values = values or {}
        self.latents: dict[str, PairedSite] = {}
        self.observed: dict[str, PairedSite] = {}
        self.added: dict[str, PairedSite] = {}
        self.in_model = False

    @property
    def is_point(self) -> bool:
        """Whether the guide gives some latent as a point, so that no bound on log p(x) follows.

        Deltas that hand on what an auxiliary site drew are none.
        """
        met = [draw for draw in self.latents.values() if draw.model_fn is not None]
        auxiliary = [draw.value for draw in self.latents.values() if draw.model_fn is None]
        return is_point_guide([(draw.model_fn, draw.value) for draw in met if draw.is_delta], auxiliary)

    @property
    def is_weighted(self) -> bool:
        """Whether the program scales some site beyond its plates."""
        return any(draw.is_weighted for draw in (*self.observed.values(), *self.latents.values()))

    @property
    def is_normalised(self) -> bool:
        """Whether the model's density is one, and not a number of the program's own (``pyro.factor``)."""
        return all(is_normalised(draw.model_fn) for draw in (*self.observed.values(), *self.latents.values()))

    def _process_message(self, message: Any) -> None:
        if message["type"] != "sample":
            return
        fn, value = message["fn"], None
        if isinstance(fn, _Subsample):
            if message["value"] is None and self.rows == (fn.subsample_size or fn.size):
                # The batch is the subsample. Pyro would draw a permutation of the whole data set, and throw it away.
                value = torch.arange(self.rows, device=fn.device)
        elif not message["is_observed"]:
            draw = self.latents.get(message["name"]) if self.in_model else None
            value = self.values.get(message["name"]) if draw is None else draw.value
        if value is not None:
            message["value"] = value
            message["done"] = True

    def _postprocess_message(self, message: Any) -> None:
        if message["type"] != "sample" or isinstance(message["fn"], _Subsample):
            return
        name = message["name"]
        if not self.in_model:
            if not message["is_observed"]:
                self.latents[name] = self._draw(message, guide_fn=message["fn"])
            elif not is_computed(message):
                self.added[name] = self._draw(message, guide_fn=message["fn"])
        elif message["is_observed"]:
            if not is_computed(message):
                self.observed[name] = self._draw(message, model_fn=message["fn"])
        else:
            self._match(name, message)

    def _draw(self, message: Any, **side: Any) -> PairedSite:
        return PairedSite(
            message["name"],
            message["value"],
            scale=message["scale"],
            mask=message["mask"],
            frames=message["cond_indep_stack"],
            data_plates=self.data_plates,
            **side,
        )

    def _match(self, name: str, message: Any) -> None:
        """Meet the guide's draw with the model's distribution."""
        draw = self.latents.get(name)
        if draw is None:
            raise DeclarationError(
                f"guide: the latent variable {name!r} of the model has no site in the guide",
                expected=f"one guide site for each of the model's latents, among them {name!r}",
                got=f"guide sites {sorted(self.latents)}",
                fix=f"add {name!r} to the guide, or derive one: ppgen.guides.MeanField(model)",
                code="M048",
            )
        earlier = set(takewhile(name.__ne__, self.latents))
        draw.in_order = all(other in earlier for other, met in self.latents.items() if met.model_fn is not None)
        draw.model_fn = message["fn"]
        if message["mask"] is not None:
            draw.mask = message["mask"]  # a guide without the model's mask would count a rate that is not there


def trace_pair(
    model: PyroProgram,
    guide: PyroProgram | None,
    batch: Mapping[str, Tensor],
    size: int,
    values: Mapping[str, Tensor] | None = None,
    *,
    freeze_guide: bool = False,
) -> PairedTrace:
    """Run guide then model on a batch, the model's latents taking the guide's values.

    Args:
        model: the model.
        guide: the guide, or ``None`` for a model without latents.
        batch: values by site and covariate, [batch, ...] each.
        size: data points in the whole data set.
        values: what guide sites take instead of a draw, by name, [*plates, *event].
        freeze_guide: let no gradient reach the guide's parameters; what guide and model share keeps the model's.
    """
    trace = PairedTrace(_rows(batch, size), values, _data_plates(model, guide))
    with trace:
        if guide is not None:
            with frozen(guide) if freeze_guide else nullcontext():
                guide(batch, size)
        trace.in_model = True
        model(batch, size)
    return trace


def trace_guide(
    guide: PyroProgram, batch: Mapping[str, Tensor], size: int, values: Mapping[str, Tensor] | None = None
) -> dict[str, PairedSite]:
    """Run the guide alone: its draws by site, or its densities at given values.

    Args:
        guide: the guide.
        batch: values by site and covariate, [batch, ...] each.
        size: data points in the whole data set.
        values: what guide sites take instead of a draw, by name, [*plates, *event].
    """
    trace = PairedTrace(_rows(batch, size), values, _data_plates(guide))
    with trace:
        guide(batch, size)
    return trace.latents


def _rows(batch: Mapping[str, Tensor], size: int) -> int:
    return len(next(iter(batch.values()))) if batch else size


def _data_plates(*programs: Any) -> frozenset[str] | None:
    """Those of hand-written programs that have run; a declared one has the plate ``data``, and tells by its size."""
    names: frozenset[str] = frozenset()
    for program in programs:
        known = names if program is None else getattr(program, "data_plates", None)
        if known is None:
            return None
        names = names | known
    return names
