"""What a run folder may name: classes that are here already, looked up without importing or calling anything.

A run folder may come from anywhere, and so may the names in it. None of them ever decides what is imported.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

import torch
from torch import nn

from ppgen.declare import Guide, Model
from ppgen.guides import DerivedGuide
from ppgen.nets.flow import FLOWS, zuko_flow
from ppgen.objectives import Objective

__all__ = ["DTYPES", "KINDS", "known_class", "known_network"]

KINDS: dict[str, tuple[type, ...]] = {
    "model": (Model,),
    "guide": (Guide, DerivedGuide),
    "objective": (Objective,),
}
"""What the classes of each role are subclasses of."""

DTYPES = {str(value).removeprefix("torch."): value for value in vars(torch).values() if isinstance(value, torch.dtype)}
"""Types of tensors by name."""

_HOMES = ("ppgen.models", "ppgen.guides", "ppgen.objectives", "ppgen.nets")
_OURS, _TORCHS = "ppgen.nets.", "torch.nn.modules."

_PLAIN = (
    "AlphaDropout", "Bilinear", "CELU", "ChannelShuffle", "Dropout", "ELU", "Embedding", "EmbeddingBag",
    "FeatureAlphaDropout", "Flatten", "Fold", "GELU", "GLU", "GRU", "GRUCell", "GroupNorm", "Hardshrink", "Hardsigmoid",
    "Hardswish", "Hardtanh", "Identity", "LSTM", "LSTMCell", "LayerNorm", "LeakyReLU", "Linear", "LocalResponseNorm",
    "LogSigmoid", "LogSoftmax", "Mish", "PReLU", "PixelShuffle", "PixelUnshuffle", "RMSNorm", "RNN", "RNNCell", "RReLU",
    "ReLU", "ReLU6", "SELU", "Sequential", "SiLU", "Sigmoid", "Softmax", "Softmax2d", "Softmin", "Softplus",
    "Softshrink", "Softsign", "Tanh", "Tanhshrink", "Threshold", "Unflatten", "Unfold", "Upsample",
    "UpsamplingBilinear2d", "UpsamplingNearest2d",
)  # fmt: skip
_BY_DIMS = (
    "AdaptiveAvgPool", "AdaptiveMaxPool", "AvgPool", "BatchNorm", "CircularPad", "ConstantPad", "Conv", "ConvTranspose",
    "Dropout", "InstanceNorm", "LPPool", "MaxPool", "MaxUnpool", "ReflectionPad", "ReplicationPad", "ZeroPad",
)  # fmt: skip
_NAMES = [*_PLAIN, *(f"{name}{dims}d" for name in _BY_DIMS for dims in (1, 2, 3))]
_LAYERS: dict[str, type[nn.Module]] = {name: getattr(nn, name) for name in _NAMES}
"""Layers of torch that take numbers, texts and other layers: a constructor that calls its argument is none of them."""


def known_class(name: Any, kinds: tuple[type, ...]) -> type | None:
    """The class that ``"module:Class"`` names, if its module is imported already and it is a subclass of ``kinds``.

    Only modules and classes are looked into, and only at what they hold: no attribute is computed, and what a module
    has imported is reached by its own name alone (``ppgen.files:os.system`` is nothing).
    """
    if not isinstance(name, str):
        return None
    for home in _HOMES:  # ours, whatever the name is; all others must be there
        importlib.import_module(home)
    place, _, qualified = name.partition(":")
    found: Any = sys.modules.get(place)
    if not isinstance(found, ModuleType):
        return None
    for part in qualified.split("."):
        if not isinstance(found, type) and found is not sys.modules[place]:
            return None
        # Past the holder's own way to attributes, which may run code: a lazy module imports itself.
        look_up = type.__getattribute__ if isinstance(found, type) else object.__getattribute__
        found = look_up(found, "__dict__").get(part)
    return found if isinstance(found, type) and issubclass(found, kinds) else None


def known_network(name: Any) -> type[nn.Module] | None:
    """The class of a network that ``"module:Class"`` names: of ``ppgen.nets``, or a listed one of torch or zuko."""
    place, _, qualified = name.partition(":") if isinstance(name, str) else ("", "", "")
    if place.startswith("zuko.flows.") and qualified in FLOWS:
        return zuko_flow(qualified)
    if place.startswith(_TORCHS):
        return _LAYERS.get(qualified)
    if not place.startswith(_OURS):
        return None
    found = known_class(name, (nn.Module,))
    return found if found is not None and found.__module__.startswith(_OURS) else None
