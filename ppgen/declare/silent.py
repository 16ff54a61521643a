"""Run a program only to look at it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pyro
import torch
from pyro.util import get_rng_state, set_rng_state
from torch import nn
from torch.nn.parameter import is_lazy

__all__ = ["silent"]


@contextlib.contextmanager
def silent(module: nn.Module) -> Iterator[None]:
    """Run a block that leaves no mark: the module in evaluation mode, no gradient, and all of it put back at the end.

    Put back, bit for bit, are the random states of torch, numpy and Python, the buffers, and the mode of every
    submodule; handlers around the block see none of its sites.
    """
    modes = [(part, part.training) for part in module.modules()]
    buffers = {name: buffer.clone() for name, buffer in module.named_buffers() if not is_lazy(buffer)}
    random_state = get_rng_state()
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else []
    module.eval()
    try:
        with torch.no_grad(), torch.random.fork_rng(devices), pyro.poutine.block():
            yield
    finally:
        set_rng_state(random_state)
        for part, training in modes:
            part.training = training
        with torch.no_grad():
            for name, buffer in module.named_buffers():
                if name in buffers:
                    buffer.copy_(buffers[name])
