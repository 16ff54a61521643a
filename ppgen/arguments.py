"""Arguments: remembered by what is made from them, so that a run folder can say how to make it again."""

from __future__ import annotations

__all__ = ["Recorded"]

import contextlib
import inspect
from typing import Any

from torch import nn


class Recorded(nn.Module):
    """A module that keeps the arguments it was made with, by name, in ``constructor_arguments``.

    Example:
        >>> from ppgen.nets import Gaussian, MLP
        >>> Gaussian(MLP(4, 8), 8, 2).constructor_arguments["dim"]
        2
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Recorded:
        made = super().__new__(cls)
        with contextlib.suppress(TypeError):  # of a wrong call, which __init__ will report
            bound = inspect.signature(cls.__init__).bind(made, *args, **kwargs).arguments
            # Past nn.Module's own __setattr__: a network among the arguments is no second submodule.
            object.__setattr__(made, "constructor_arguments", dict(list(bound.items())[1:]))
        return made
