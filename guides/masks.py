"""The mask of a latent variable, read from the model: what the model does not count, its guide must not count."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ppgen.context import preserved_state
from ppgen.declare.model import Model
from ppgen.declare.site import Site
from ppgen.declare.supports import mask_of

__all__ = ["Masks"]


class Masks:
    """Asks the model for the masks of its latents, on any batch.

    A mask is a function of data. Where the method that returns it has latents as parents too, these are drawn already,
    or else some value stands in for them.

    Args:
        model: the declared model.
        example: a value of each of its sites for one datum, ``[1, ...]`` (``[...]`` if global).
    """

    def __init__(self, model: Model, example: Mapping[str, Tensor]) -> None:
        self.model, self.example = model, example

    def of(self, site: Site, batch: Mapping[str, Tensor], drawn: Mapping[str, Tensor], rows: int) -> Any:
        """The mask of a site: a tensor that broadcasts against its plates, or a bool."""
        values = {name: self._stand_in(name, value, rows) for name, value in self.example.items() if name not in batch}
        with preserved_state(self.model):
            mask = mask_of(self.model.call_site(site, batch, {**values, **drawn}))
        return True if mask is None else mask

    def _stand_in(self, name: str, value: Tensor, rows: int) -> Tensor:
        return value.expand(rows, *value.shape[1:]) if self.model.sites[name].local else value
