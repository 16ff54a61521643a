"""Where a prior has its latents: points and units in a guide's free coordinates, read from draws of the model."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import pyro
import torch
from torch import Tensor

from ppgen.context import preserved_state
from ppgen.declare import Model, Site, without_latents
from ppgen.errors import SettingError
from ppgen.guides import DerivedGuide

__all__ = ["PriorPoints"]

_DRAWS = 201
_ROWS = 16


@dataclasses.dataclass(frozen=True)
class PriorPoints:
    """Draws of the prior of every latent that has a frame.

    Args:
        guide: derived, set up.
        draws: by latent, sorted in no way, [draws, num_free] each, float64; those of a local latent of all rows.
        median: of each coordinate, by latent, [num_free].
        unit: half of where the middle two thirds of the draws lie, by latent, [num_free].
    """

    guide: DerivedGuide
    draws: Mapping[str, Tensor]
    median: Mapping[str, Tensor]
    unit: Mapping[str, Tensor]

    @classmethod
    def of(cls, model: Model, guide: DerivedGuide, rows: Mapping[str, Tensor]) -> PriorPoints:
        """Draw from the prior; neither model nor random state change.

        A median of so many draws is a tenth of a unit off: no two coordinates begin at the same value, so that
        components of a mixture, which nothing else tells apart, can part.

        Args:
            model: declared.
            guide: derived from it.
            rows: a few rows of data, [N, ...] each, for covariates and plates.
        """
        framed = [latent for latent in guide.latents if latent.name in guide.frames]
        batch = {name: value[:_ROWS] for name, value in without_latents(model, rows).items()}
        kept: dict[str, list[Tensor]] = {latent.name: [] for latent in framed}
        state = torch.get_rng_state()
        with preserved_state(model):
            torch.set_rng_state(state)
            for _ in range(_DRAWS):
                nodes: Any = pyro.poutine.trace(model).get_trace(batch).nodes
                for latent in framed:
                    free = latent.unconstrain(nodes[latent.name]["value"].double())
                    kept[latent.name].append(free.reshape(-1, latent.num_free))
        draws = {name: torch.cat(some).nan_to_num(0.0, 1e6, -1e6) for name, some in kept.items()}
        ordered = {name: some.sort(0).values for name, some in draws.items()}
        low, middle, high = (
            {name: some[round(share * (len(some) - 1))] for name, some in ordered.items()}
            for share in (0.16, 0.5, 0.84)
        )
        units = {name: 0.5 * (high[name] - low[name]) for name in ordered}
        units = {name: torch.where(unit > 1e-6, unit, torch.ones_like(unit)) for name, unit in units.items()}
        return cls(guide, draws, middle, units)

    def sample(self, number: int) -> dict[str, Tensor]:
        """One joint draw of the global latents, by name, [num_free] each.

        Args:
            number: which.
        """
        return {latent.name: self.draws[latent.name][number % _DRAWS] for latent in self.guide.shared}

    def of_user(self, choose: Callable[[Site], Any]) -> dict[str, Tensor]:
        """The points that a user's function gives, by name, [num_free] each; medians where it gives ``None``.

        Args:
            choose: the function.

        Raises:
            SettingError: naming the site whose value it cannot be.
        """
        points = {}
        for latent in self.guide.shared:
            value = choose(latent.site)
            if value is None:
                points[latent.name] = self.median[latent.name]
                continue
            given = torch.as_tensor(value, dtype=torch.float64, device=self.median[latent.name].device)
            free = (
                latent.unconstrain(given) if tuple(given.shape) == latent.event_shape else given.new_tensor(torch.nan)
            )
            if not bool(torch.isfinite(free).all()):
                raise SettingError(
                    f"{type(self.guide).__name__}: init gives no value of {latent.name!r} to begin at",
                    expected=f"a value inside its support, of shape {list(latent.event_shape)}, or None for the median",
                    got=f"shape {list(given.shape)}: {given.tolist()}",
                    fix=f"init=lambda site: value if site.name == {latent.name!r} else None",
                    code="S142",
                )
            points[latent.name] = free.reshape(-1)
        return points
