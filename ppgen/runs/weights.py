"""Parameters and buffers of a fit as one flat, safe file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from ppgen.errors import CheckpointError
from ppgen.files import digest_of, holds_file, replace

__all__ = ["apply", "collect", "digest", "read", "write"]

Modules = Mapping[str, nn.Module]


def collect(modules: Modules) -> dict[str, Tensor]:
    """All parameters and buffers by name, ``"model.decoder.weight"``: [...] each; a shared one appears once."""
    named: dict[tuple[int, torch.Size], tuple[str, Tensor]] = {}
    for owner, module in modules.items():
        for name, tensor in module.state_dict(keep_vars=True).items():
            named.setdefault((id(tensor), tensor.shape), (f"{owner}.{name}", tensor.detach()))
    return dict(named.values())


def apply(modules: Modules, saved: Mapping[str, Tensor], source: str) -> None:
    """Copy saved tensors into modules of the same structure.

    Args:
        modules: by name, as they were saved.
        saved: from :func:`read` or :func:`collect`, [...] as its parameter.
        source: where they come from, for messages.

    Raises:
        CheckpointError: naming the first tensor that is missing, or has another shape.
    """
    own = collect(modules)
    # Guides of earlier versions had no frames: theirs are those that a guide is made with.
    own = {name: tensor for name, tensor in own.items() if name in saved or ".frames." not in name}
    expected, got = ({name: list(tensor.shape) for name, tensor in each.items()} for each in (own, saved))
    for name in sorted(expected.keys() | got.keys()):
        if expected.get(name) != got.get(name):
            raise CheckpointError(
                f"{source}: the weights are not those of this model: {name} differs",
                expected=f"shape {expected[name]}" if name in expected else "no such tensor",
                got=f"shape {got[name]}" if name in got else "no such tensor",
                fix="build model, guide and objective as they were fitted: same classes, same arguments"
                + (", objective=ppgen.Adversarial(critic=...) with the critic given then" if "critic." in name else ""),
                code="C021",
            )
    for name, tensor in own.items():
        if not torch.can_cast(saved[name].dtype, tensor.dtype):
            raise CheckpointError(
                f"{source}: the weights are not those of this model: {name} is of another kind",
                expected=str(tensor.dtype),
                got=str(saved[name].dtype),
                fix="restore the file from a copy, or fit again",
                code="C032",
            )
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(saved[name])


def write(modules: Modules, path: Path) -> str:
    """Write ``model.safetensors`` atomically: a file under that name is always whole.

    Args:
        modules: by name.
        path: the file.

    Returns:
        The file's SHA-256, for :func:`read` to hold against it.

    Raises:
        CheckpointError: if the disk refuses.
    """
    from safetensors.torch import save_file

    replace(path, lambda temporary: save_file(_on_cpu(modules), temporary))
    return digest_of(path)


def digest(modules: Modules) -> str:
    """The SHA-256 that the file of these weights has, or would have.

    Args:
        modules: by name.
    """
    from safetensors.torch import save

    return hashlib.sha256(save(_on_cpu(modules))).hexdigest()


def _on_cpu(modules: Modules) -> dict[str, Tensor]:
    return {name: tensor.cpu().contiguous() for name, tensor in collect(modules).items()}


def read(path: Path, digest: str | None = None) -> dict[str, Tensor]:
    """Read a safetensors file; it holds data only.

    Args:
        path: the file.
        digest: its SHA-256; ``None`` trusts it.

    Returns:
        Every tensor by name, [...] as its parameter.

    Raises:
        CheckpointError: if it is missing or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not holds_file(path):
        raise CheckpointError(
            f"{path}: no weights here",
            expected="model.safetensors in the run folder",
            got="no such file",
            fix="finish the fit (ppgen fit ... --resume), or check the path",
            code="C022",
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
            code="C023",
        )
    return tensors
