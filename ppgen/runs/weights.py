"""Parameters and buffers of a fit as one flat, safe file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from ppgen.errors import CheckpointError
from ppgen.files import digest_of, replace

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


def write(modules: Modules, path: Path) -> str:
    """Write ``model.safetensors`` atomically: a file under that name is always whole.

    Returns:
        The file's SHA-256, for :func:`read` to hold against it.

    Raises:
        CheckpointError: if the disk refuses.
    """
    from safetensors.torch import save_file

    tensors = {name: tensor.cpu().contiguous() for name, tensor in collect(modules).items()}
    replace(path, lambda temporary: save_file(tensors, temporary))
    return digest_of(path)


def read(path: Path, digest: str | None = None) -> dict[str, Tensor]:
    """Read a safetensors file; it holds data only.

    Args:
        path: the file.
        digest: its SHA-256; ``None`` trusts it.

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
    reason = None if digest in (None, digest_of(path)) else f"SHA-256 {digest_of(path)[:16]}..."
    try:
        tensors = load_file(path)
    except (SafetensorError, ValueError, OSError) as error:
        reason = str(error)
    if reason is not None:
        raise CheckpointError(
            f"{path}: the weights are damaged",
            expected="the file that ppgen wrote" + (f", SHA-256 {digest[:16]}..." if digest else ""),
            got=reason,
            fix="restore the file from a copy, or fit again",
        )
    return tensors
