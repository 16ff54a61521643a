"""Draws of which nobody but plates hears: Pyro's messages are made only where a handler reads them."""

from __future__ import annotations

from typing import Any

import pyro
import torch
from pyro.distributions import Independent, Normal
from pyro.distributions.torch_distribution import TorchDistributionMixin
from pyro.poutine.indep_messenger import IndepMessenger
from pyro.poutine.plate_messenger import PlateMessenger
from pyro.poutine.runtime import _PYRO_STACK
from torch import Tensor

__all__ = ["data_plate", "generate", "sample"]


class _Rows(PlateMessenger):
    """A plate of all its rows, which asks no handler for a choice among them."""

    def __init__(self, name: str, rows: int, dim: int) -> None:
        IndepMessenger.__init__(self, name, rows, dim)
        self.subsample_size = rows


def data_plate(name: str, size: int, rows: int, dim: int) -> PlateMessenger:
    """``pyro.plate`` over some rows of a data set; nobody listens to its scale where nobody listens.

    Args:
        name: of the plate.
        size: of the whole data set.
        rows: that are here.
        dim: of the plate, from the right.
    """
    if _only_plates_listen():
        return _Rows(name, rows, dim)
    return pyro.plate(name, size, subsample=torch.arange(rows), dim=dim)


def sample(name: str, fn: Any, given: Tensor | None) -> Tensor:
    """``pyro.sample``, to the last bit of its draw.

    A third of the time of a draw of a small network is the message that handlers read; plates alone do nothing to it
    but broadcast the distribution.

    Args:
        name: of the site.
        fn: its distribution.
        given: its value, if it has one, [*plates, *event].
    """
    if not _only_plates_listen():
        return pyro.sample(name, fn, obs=given)
    if given is not None:
        return given
    drawn = _in_rows(fn)
    return _in_plates(name, fn)() if drawn is None else drawn


def _in_rows(fn: Any) -> Tensor | None:
    """A draw in the data plate where it stands alone, as it nearly always does; else ``None``."""
    if len(_PYRO_STACK) != 1 or type(plate := _PYRO_STACK[0]) is not _Rows or plate.dim != -1:
        return None
    if not isinstance(fn, TorchDistributionMixin) or fn.batch_shape not in ((), (1,), (plate.size,)):
        return None
    if not fn.batch_shape and type(fn.base_dist if type(fn) is Independent else fn) is Normal:
        return fn(torch.Size((plate.size,)))  # as many numbers, without the time that it takes to expand a prior
    rows: Any = fn.expand((plate.size,))
    if rows.has_rsample != fn.has_rsample:  # which it may have been told
        rows.has_rsample = fn.has_rsample
    return rows()


def _in_plates(name: str, fn: Any) -> Any:
    """What the plates around make of a distribution, by Pyro's own message."""
    message: Any = {"type": "sample", "name": name, "fn": fn, "done": False, "scale": 1.0, "cond_indep_stack": ()}
    for plate in reversed(_PYRO_STACK):
        plate._process_message(message)
    return message["fn"]


def generate(name: str, value: Tensor, shape: tuple[int, ...]) -> Tensor:
    """``pyro.deterministic``.

    Args:
        name: of the site.
        value: of the site, [*plates, *event].
        shape: sizes of the plates around it.
    """
    if value.shape[: len(shape)] == shape and _only_plates_listen():
        return value
    return pyro.deterministic(name, value, event_dim=value.dim() - len(shape))


def _only_plates_listen() -> bool:
    for handler in _PYRO_STACK:  # noqa: SIM110 (a generator takes as long as the rest)
        if not isinstance(handler, IndepMessenger):
            return False
    return True
