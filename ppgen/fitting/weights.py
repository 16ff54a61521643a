"""Parameters and buffers of a fit as one flat, safe file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from ppgen.errors import CheckpointError

__all__ = ["apply", "collect", "read", "write"]

Modules = Mapping[str, nn.Module]


def collect(modules: Modules) -> dict[str, Tensor]:
    """All parameters and buffers by name, ``"model.decoder.weight"``; a shared tensor appears once."""
    named: dict[str, Tensor] = {}
    seen: set[tuple[int, torch.Size]] = set()
    for owner, module in modules.items():
        for name, tensor in module.state_dict(keep_vars=True).items():
            identity = (id(tensor), tensor.shape)
            if identity not in seen:
                seen.add(identity)
                named[f"{owner}.{name}"] = tensor.detach()
    return named


def apply(modules: Modules, saved: Mapping[str, Tensor], source: str) -> None:
    """Copy saved tensors into modules of the same structure.

    Raises:
        CheckpointError: if names or shapes differ.
    """
    own = collect(modules)
    if set(own) != set(saved):
        missing, surplus = sorted(set(own) - set(saved)), sorted(set(saved) - set(own))
        raise CheckpointError(
            f"{source}: the weights are not those of this model",
            expected=f"{len(own)} tensors" + (f", among them {missing[0]}" if missing else ""),
            got=f"{len(saved)} tensors" + (f", among them {surplus[0]}" if surplus else ""),
            fix="build model and guide as they were fitted: same class, same arguments",
        )
    for name, tensor in own.items():
        if tensor.shape != saved[name].shape:
            raise CheckpointError(
                f"{source}: {name} has another shape",
                expected=str(list(tensor.shape)),
                got=str(list(saved[name].shape)),
                fix="build model and guide with the arguments that they were fitted with",
            )
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(saved[name])


def write(modules: Modules, path: Path) -> None:
    """Write ``model.safetensors`` atomically: a file under that name is always whole."""
    from safetensors.torch import save_file

    temporary = path.with_name(f".{path.name}.tmp")
    save_file({name: tensor.cpu().contiguous() for name, tensor in collect(modules).items()}, temporary)
    os.replace(temporary, path)


def read(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file; it holds data only.

    Raises:
        CheckpointError: if it is missing or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not path.is_file():
        raise CheckpointError(
            f"{path}: no weights here",
            expected="model.safetensors in the run folder",
            got="no such file",
            fix="finish the fit (ppgen fit ... --resume), or check the path",
        )
    try:
        return load_file(path)
    except (SafetensorError, ValueError, OSError) as error:
        raise CheckpointError(
            f"{path}: damaged weights", expected="a safetensors file", got=str(error), fix="fit again, or --resume"
        ) from error
