"""Switch the validation of torch's and Pyro's distributions for a block, and restore it after."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pyro
from pyro.infer.util import is_validation_enabled
from torch.distributions import Distribution

__all__ = ["validation"]


@contextlib.contextmanager
def validation(enabled: bool) -> Iterator[None]:
    """Run a block with argument and support checks on or off.

    The checks read every parameter of every distribution, a fifth of a small step's time and a device
    synchronisation each on a GPU, so that fitting keeps them for the first step of each batch signature only.
    """
    pyro_before, torch_before = is_validation_enabled(), Distribution._validate_args
    if enabled == pyro_before == torch_before:
        yield
        return
    pyro.enable_validation(enabled)
    Distribution.set_default_validate_args(enabled)
    try:
        yield
    finally:
        pyro.enable_validation(pyro_before)
        Distribution.set_default_validate_args(torch_before)
