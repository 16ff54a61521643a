"""Which device a name stands for, and whether it can be used."""

from __future__ import annotations

import torch

from ppgen.errors import SettingError

__all__ = ["resolve_device"]


def resolve_device(device: str | torch.device = "auto") -> torch.device:
    """The device that a name stands for: ``"auto"`` is CUDA where there is one, else the CPU.

    Raises:
        SettingError: if the device is unknown, absent, or holds no numbers (``"meta"``).
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise SettingError(
            "device: not known to torch",
            expected="'auto', 'cpu', 'cuda' or 'cuda:1'",
            got=repr(device),
            fix='"auto"',
            code="S025",
        ) from error
    if chosen.type == "cuda" and not torch.cuda.is_available():
        raise SettingError(
            f"device={str(device)!r}, but torch finds no CUDA device here",
            expected="a machine with a CUDA device, its driver, and a CUDA build of torch",
            got=f"torch {torch.__version__}, torch.cuda.is_available() is False",
            fix='device="cpu", or device="auto" to take CUDA where there is one',
            code="S026",
        )
    if chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count():
        raise SettingError(
            f"device={str(device)!r}: there is no such CUDA device",
            expected=f"an index below {torch.cuda.device_count()}",
            got=f"index {chosen.index}",
            fix='device="cuda"',
            code="S027",
        )
    if chosen.type not in ("cpu", "cuda"):
        try:
            torch.zeros((), device=chosen).item()
        except (RuntimeError, NotImplementedError, AssertionError, ImportError) as error:
            raise SettingError(
                f"device={str(device)!r}: nothing can be computed there",
                expected="a device that holds numbers and that this machine has",
                got=f"{type(error).__name__}: {str(error).splitlines()[0][:80] if str(error) else ''}",
                fix='device="cpu", or device="auto" to take CUDA where there is one',
                code="S134",
            ) from error
    return chosen
