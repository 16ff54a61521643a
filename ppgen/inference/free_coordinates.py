"""Latents in free coordinates: each is mapped to its support where the model draws it, whatever the support is then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from pyro.poutine.messenger import Messenger
from pyro.poutine.subsample_messenger import _Subsample
from torch import Tensor
from torch.distributions import Normal, biject_to, constraints

from ppgen.declare import CIRCLE, is_circular, mask_of, name_of, support_name, support_of
from ppgen.errors import Unanswerable

__all__ = ["FreeCoordinates"]


class FreeCoordinates(Messenger):
    """Gives the latents of a model values of free coordinates u, or reads the coordinates of given values.

    The bijection is that of the support which the site has in this very run: it may depend on the row, and on other
    latents. Where the model masks a latent, its value counts nowhere; its coordinates then have the density of a
    standard normal, so that they are held together and the integral over them is 1.

    Args:
        free: coordinates by latent, [rows, *plates, *unconstrained event].
        values: of latents without coordinates, [rows, *plates, *event]; the others are drawn.
    """

    def __init__(self, free: Mapping[str, Tensor] | None = None, values: Mapping[str, Tensor] | None = None) -> None:
        super().__init__()
        self.free = dict(free or {})
        self.values = dict(values or {})
        self.log_volumes: dict[str, Tensor] = {}

    def _process_message(self, message: Any) -> None:
        if message["type"] != "sample" or message["is_observed"] or isinstance(message["fn"], _Subsample):
            return
        name, fn = message["name"], message["fn"]
        value = self.values.get(name)
        if not (value is not None and (support := support_of(fn)) is not None and support.is_discrete):
            to_support = _bijection(name, fn)
            if name not in self.free:
                inverse: Any = to_support.inv
                self.free[name] = inverse(fn.sample() if value is None else value)
            free = self.free[name]
            value = to_support(free)
            log_volume = to_support.log_abs_det_jacobian(free, value)
            for mask in (message["mask"], mask_of(fn)):
                if mask is not None and mask is not True:
                    held = Normal(0.0, 1.0).log_prob(free).reshape(*log_volume.shape, -1).sum(-1)
                    log_volume = torch.where(torch.as_tensor(mask, device=held.device), log_volume, held)
            self.values[name], self.log_volumes[name] = value, log_volume
        # As pyro.condition does it: who watches the run counts its density like that of data.
        message["value"], message["is_observed"] = value, True


def _bijection(name: str, fn: Any) -> Any:
    support = support_of(fn)
    if support is not None and is_circular(fn):
        event = len(fn.event_shape)
        support = constraints.independent(CIRCLE, event) if event else CIRCLE
    try:
        if support is not None and not support.is_discrete:
            return biject_to(support)
    except NotImplementedError:
        pass
    raise Unanswerable(
        f"the latent {name!r} has no free coordinates, so that no Hamiltonian dynamics can move it",
        expected="a latent with a bijection from the real numbers, or a discrete one that the guide lets sum out",
        got=f"{name_of(fn)} over {'an unknown support' if support is None else support_name(support)}",
        fix="fit.log_prob(data), which draws it from the guide; or a model that sums it out",
        code="U057",
    )
