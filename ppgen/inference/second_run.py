"""What a gradient refuses that runs a pair twice: a second run of another pair than the first."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from ppgen.declare import PyroProgram
from ppgen.errors import SettingError

__all__ = ["refuse_dropout", "refuse_noise"]


def refuse_dropout(program: PyroProgram | None, role: str) -> None:
    """Refuse a program that drops out at random.

    Args:
        program: that runs twice.
        role: ``"guide"`` or ``"model"``, for the message.

    Raises:
        SettingError: naming the module.
    """
    parts: Iterator[nn.Module] = program.modules() if isinstance(program, nn.Module) else iter(())
    for part in parts:
        if isinstance(part, nn.modules.dropout._DropoutNd) and part.training and part.p > 0:
            raise SettingError(
                f"this gradient evaluates the {role} twice, and its dropout would make it another one the second time",
                expected=f"a {role} that is a function of its input",
                got=f"{type(part).__name__}(p={part.p:g}) in {type(program).__name__}",
                fix=f'gradient="pathwise", or a {role} without dropout',
                code="S075",
            )


def refuse_noise(first: Tensor, second: Tensor) -> None:
    """Refuse a pair with noise that no module announces, such as a functional dropout.

    Args:
        first: log weights of the first run.
        second: likewise of the second, at the same draws.

    Raises:
        SettingError: if they differ by more than rounding.
    """
    if not torch.allclose(first, second, rtol=1e-3, atol=1e-3, equal_nan=True):
        raise SettingError(
            "this gradient evaluates the pair twice, and at the same draws it gives another density the second time",
            expected="a pair that is a function of its input and draws",
            got=f"log weights that differ by up to {float((first - second).detach().abs().max()):.2g} nats",
            fix='gradient="pathwise", or a pair without dropout and noise of its own',
            code="S139",
        )
