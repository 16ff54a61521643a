"""What may not stand around a call: gradients that are switched off, and handlers of Pyro."""

from __future__ import annotations

import torch
from pyro.poutine.runtime import _PYRO_STACK

from ppgen.context import alone
from ppgen.errors import SettingError

__all__ = ["verify_gradients", "verify_no_handlers"]


def verify_gradients(where: str) -> None:
    """Refuse to train where torch records no gradients.

    Args:
        where: the call.

    Raises:
        SettingError: inside ``torch.no_grad()`` or ``torch.inference_mode()``.
    """
    if torch.is_grad_enabled() and not torch.is_inference_mode_enabled():
        return
    block = "torch.inference_mode()" if torch.is_inference_mode_enabled() else "torch.no_grad()"
    raise SettingError(
        f"{where}: gradients are switched off here, so that nothing can be trained",
        expected="a call outside torch.no_grad() and torch.inference_mode()",
        got=f"a call inside {block}",
        fix=f"move ppgen.{where}(...) out of the block, or: with torch.inference_mode(False), torch.enable_grad(): ...",
        code="S150",
    )


def verify_no_handlers(where: str) -> None:
    """Refuse to run a program where handlers around the call would change its sites, and so its numbers.

    Args:
        where: the call.

    Raises:
        SettingError: inside a plate, or a handler such as ``pyro.poutine.trace``.
    """
    with alone():  # so that the handlers of another thread's fit are gone
        names = [type(handler).__name__ for handler in _PYRO_STACK]
    if not names:
        return
    raise SettingError(
        f"{where}: handlers of Pyro around the call would change what it computes",
        expected="a call outside all plates and handlers",
        got=f"a call inside {', '.join(names)}",
        fix=f"move {where}(...) out of the with-block, or of the program that is being traced",
        code="S151",
    )
