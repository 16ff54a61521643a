"""The part of a derived guide that says where a fit begins: frames of global latents, and how they are put."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import chain
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from ppgen.arguments import Recorded, whole_number
from ppgen.declare import Model, ModelGuide, Site
from ppgen.errors import SettingError
from ppgen.guides.coordinates import Latent
from ppgen.guides.frames import Frame
from ppgen.guides.networks import start_narrow

__all__ = ["Init", "StartedGuide", "depends_on_global"]

Init = str | Callable[[Site], Tensor | None] | None

_INITS = ("laplace", "median", "feasible", "sample")


class StartedGuide(ModelGuide, Recorded):
    """A guide of one declared model, whose global latents begin where ``ppgen.fit`` puts them.

    Args:
        model: the declared model.
        init: as of :class:`~ppgen.guides.DerivedGuide`.
        restarts: likewise.
    """

    def __init__(self, model: Model, init: Init = None, restarts: int | None = None) -> None:
        super().__init__(model)
        self.init = _verified(type(self).__name__, init)
        self.restarts = None if restarts is None else whole_number("guide: restarts", restarts)
        # Where a fit began is in its weights: a guide that is made again for these needs to know no more.
        if hasattr(self, "constructor_arguments"):
            recorded = {k: v for k, v in self.constructor_arguments.items() if k not in ("init", "restarts")}
            object.__setattr__(self, "constructor_arguments", recorded)
        self.latents: list[Latent] = []
        self.free = nn.ParameterDict()
        self.frames = nn.ModuleDict()
        self.is_placed = False

    def frame(self, latent: Latent, before: list[Latent]) -> Frame:
        """The coordinates in which a latent is learned that is global, or whose prior depends on one that is.

        Args:
            latent: continuous.
            before: the continuous latents that are drawn before it, global ones for a global latent.
        """
        return Frame(latent.num_free)

    def settle(self, mode: Tensor, precision: Tensor) -> None:
        """Begin at a Gaussian over all global latents: of its conditionals, what this family can hold.

        By default each coordinate gets its spread given all others, which is the best that independent coordinates can
        do for a Gaussian.

        Args:
            mode: of the free coordinates of the global latents, in the guide's order, [D].
            precision: the inverse of the covariance, [D, D].
        """
        sizes = [latent.num_free for latent in self.shared]
        units = precision.diagonal().rsqrt().split(sizes)
        for latent, center, unit in zip(self.shared, mode.split(sizes), units, strict=True):
            self.begin(latent, center, unit, spread=1.0)

    @property
    def shared(self) -> list[Latent]:
        """The global latents, in the order in which they are drawn."""
        return [latent for latent in self.latents if not latent.site.local]

    @property
    def is_untouched(self) -> bool:
        """Whether there are global latents, and they are as they were when the guide was set up: never trained."""
        return bool(self.shared) and all(
            torch.equal(free, start_narrow(latent.num_free, len(free)).to(free))
            for latent in self.shared
            for free in [self.free[latent.name]]
        )

    def begin(self, latent: Latent, center: Tensor, unit: Tensor, spread: float = 0.1) -> None:
        """Put the frame of a latent somewhere, and a global latent's own numbers at its origin.

        Args:
            latent: with a frame.
            center: in free coordinates, [num_free].
            unit: likewise, [num_free], or as the frame has it.
            spread: of a global latent at first, in units.
        """
        frame: Any = self.frames[latent.name]
        frame.put(center, unit)
        if not latent.site.local:
            free = self.free[latent.name]
            with torch.no_grad():
                free.copy_(start_narrow(latent.num_free, len(free), spread))

    def begin_correlated(self, latent: Latent, center: Tensor, rows: Tensor) -> None:
        """Begin at rows of a Cholesky factor, ``diag(s) B``, for a head that gives location, s, B and what is across.

        Locations move along the axes of the Gaussian, so that a ridge is as wide as it is long. The factor needs no
        unit but its diagonal: the entries of B are measured in it.

        Args:
            latent: global, with a frame that takes along the coordinates before it.
            center: [num_free].
            rows: [num_free, num_before + num_free].
        """
        self.begin(latent, center, rows, spread=1.0)
        n = latent.num_free
        across, own = rows.split([rows.shape[1] - n, n], 1)
        diagonal = own.diagonal().unsqueeze(1)
        below = (own / diagonal)[torch.tril_indices(n, n, -1).unbind()]
        with torch.no_grad():
            self.free[latent.name][2 * n :].copy_(torch.cat([below, (across / diagonal).reshape(-1)]))

    def follow(self, batch: Mapping[str, Tensor] | None) -> None:
        """Take type and device of the model's weights or, once, of the data.

        Args:
            batch: of the data, [rows, ...] each, or ``None``.
        """
        tensors = chain(self.model.parameters(), self.model.buffers(), (batch or {}).values())
        if not self.is_placed and (first := next(filter(torch.is_floating_point, tensors), None)) is not None:
            self.to(first.device, first.dtype)
            self.is_placed = True

    def placed(self, latent: Latent, loc: Tensor, scale: Tensor | None = None) -> tuple[Tensor, Any]:
        """Location and scale in free coordinates, of those that the guide learns.

        Args:
            latent: continuous.
            loc: [..., num_free].
            scale: [..., num_free], or ``None``.
        """
        if latent.name not in self.frames:
            return loc, scale
        frame: Any = self.frames[latent.name]
        return frame(loc), None if scale is None else frame.scale * scale

    def learned_features(self, latent: Latent, value: Tensor) -> Tensor:
        """A value as other heads read it, in the units in which it is learned: [..., batch, plates * num_free].

        Args:
            latent: of the guide.
            value: [..., *plates, *event].
        """
        features = latent.features(value)
        if latent.name not in self.frames:
            return features
        frame: Any = self.frames[latent.name]
        copies = prod(latent.plate_shape)
        return (features - frame.center.repeat(copies)) / frame.scale.repeat(copies)


def depends_on_global(site: Site, sites: Mapping[str, Site]) -> bool:
    """Whether a latent is global, or its prior depends on a latent that is.

    Args:
        site: the latent.
        sites: of its model.
    """
    if not site.local:
        return True
    parents = (sites[name] for name in site.parents if name in sites)
    return any(parent.role == "latent" and depends_on_global(parent, sites) for parent in parents)


def _verified(where: str, init: Any) -> Any:
    """What a user gave as ``init``.

    Args:
        where: the guide, for the message.
        init: a name, a function or ``None``.

    Raises:
        SettingError: for anything else.
    """
    if init is None or callable(init) or (isinstance(init, str) and init in _INITS):
        return init
    raise SettingError(
        f"{where}: init says where a fit begins",
        expected=f"{', '.join(map(repr, _INITS))}, or a function from a site to a value of it",
        got=repr(init),
        fix='init="median"',
        code="S143",
    )
