"""A walk: codes in rows and columns, and what each decodes to."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from torch import Tensor

from ppgen.accessors import HasAccessors
from ppgen.by_site import BySite

__all__ = ["Walk"]


@dataclasses.dataclass(frozen=True, eq=False)
class Walk(HasAccessors):
    """What ``fit.traverse``, ``fit.interpolate``, ``fit.arithmetic`` and ``fit.manifold`` return.

    ``walk.plot(ax=axes)`` draws it: one tile, curve or point for each code; ``walk.scores(data)`` judges it in numbers.

    Args:
        kind: ``"traversal"``, ``"interpolation"``, ``"arithmetic"`` or ``"manifold"``.
        latents: the codes walked through, [rows, columns, *event] by latent.
        values: what they decode to, the likelihood's means, [rows, columns, *event] by observed site.
        coordinates: what changes along a row, [rows, columns]: the value of the latent that moves, the share of the
            way from a to b, the strength of the difference; of a manifold, both latents' values, [rows, columns, 2].
        row_labels: one a row; empty where a row is a data point.
        column_labels: one a column; empty where the rows have each their own.
        caption: what was moved and how far, in a sentence.
        ranges: the lowest and highest value in test data, by observed site: what a picture shows as black and white.

    Example:
        >>> import ppgen
        >>> fit = ppgen.fit(ppgen.models.VAE((1, 8, 8), 2), "digits", max_epochs=1, progress=False)
        >>> walk = fit.interpolate(steps=5)
        >>> walk
        Walk(interpolation, 1 row of 5, latents BySite(z: [1, 5, 2] float32), values BySite(x: [1, 5, 1, 8, 8] float32))
    """

    kind: str
    latents: BySite
    values: BySite
    coordinates: Tensor
    row_labels: tuple[str, ...]
    column_labels: tuple[str, ...]
    caption: str
    ranges: Mapping[str, tuple[float, float]] = dataclasses.field(default_factory=dict)

    if TYPE_CHECKING:

        @property
        def plot(self) -> Any:
            """An accessor, which the facade's table adds."""

        @property
        def scores(self) -> Any:
            """Likewise."""

    def __repr__(self) -> str:
        rows, columns = self.coordinates.shape[:2]
        return (
            f"Walk({self.kind}, {rows} row{'s' * (rows != 1)} of {columns}, latents {self.latents}, "
            f"values {self.values})"
        )
