"""Classes that a run folder may name: looked up among those that are imported already, and never called to find out.

A run folder may come from anywhere, and so may the names in it. None of them ever decides what is imported; a flow of
zuko, one of four, brings in zuko and nothing else. Our own
classes are named by the package that exports them (``ppgen.models:VAE``), so that their files may move.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import torch
from torch import nn

from ppgen import guides, models, nets, objectives
from ppgen.declare import Guide, Model
from ppgen.nets.flow import FLOWS, zuko_flow

__all__ = ["DTYPES", "KINDS", "known_class", "known_network", "public_name"]

KINDS: dict[str, tuple[type, ...]] = {
    "model": (Model,),
    "guide": (Guide, guides.DerivedGuide),
    "objective": (objectives.Objective,),
}
"""What the classes of each role are subclasses of."""

DTYPES = {str(value).removeprefix("torch."): value for value in vars(torch).values() if isinstance(value, torch.dtype)}
"""Types of tensors by name."""

_TORCH = "torch.nn"

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
"""Layers of torch whose arguments are numbers, texts and other layers; none that would call an argument."""


def public_name(kind: type) -> str:
    """The name of a class in a run folder, ``"ppgen.nets:MLP"``, or ``"torch.nn:Linear"``.

    Classes of anybody else are named by their module.
    """
    if _LAYERS.get(kind.__name__) is kind:
        return f"{_TORCH}:{kind.__name__}"
    exporters = [home for home in (models, guides, objectives, nets) if vars(home).get(kind.__name__) is kind]
    return f"{exporters[0].__name__}:{kind.__name__}" if exporters else f"{kind.__module__}:{kind.__qualname__}"


def known_class(name: Any, kinds: tuple[type, ...]) -> type | None:
    """The class that ``"module:Class"`` names, if its module is imported already and it is a subclass of ``kinds``.

    Only modules and classes are looked into, and only at what they hold: no attribute is computed, and what a module
    has imported is reached by its own name alone (``ppgen.files:os.system`` is nothing).

    Args:
        name: from a run folder, so anything.
        kinds: one of ``KINDS``.
    """
    if not isinstance(name, str):
        return None
    place, _, qualified = name.partition(":")
    found: Any = sys.modules.get(place)
    if not isinstance(found, ModuleType):
        return None
    for part in qualified.split("."):
        if not isinstance(found, type) and found is not sys.modules[place]:
            return None
        # Past the holder's own way to attributes, which may run code: a lazy module imports itself.
        look_up: Any = type.__getattribute__ if isinstance(found, type) else object.__getattribute__
        found = look_up(found, "__dict__").get(part)
    return found if isinstance(found, type) and issubclass(found, kinds) else None


def known_network(name: Any) -> type[nn.Module] | None:
    """The class of a network that ``"package:Class"`` names: of ``ppgen.nets``, or a listed one of torch or zuko."""
    package, _, layer = name.partition(":") if isinstance(name, str) else ("", "", "")
    if package == _TORCH:
        return _LAYERS.get(layer)
    if package.startswith("zuko.flows.") and layer in FLOWS:
        return zuko_flow(layer)
    return known_class(name, (nn.Module,)) if package == nets.__name__ else None
