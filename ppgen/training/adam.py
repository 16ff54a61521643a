"""Adam by torch's fused kernel: the optimizer of every fit, unless another one is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["Adam"]

_torch: Any = torch  # the kernels below are not in its typed part


class Adam:
    """Kingma & Ba, 2015, Adam: A Method for Stochastic Optimization (arXiv 1412.6980), by torch's fused kernel.

    Bit for bit ``torch.optim.Adam(parameters, lr, betas, fused=True)``, without its hooks and parameter groups: half
    the time of a step of a small network, and no import of torch's compiler (a second at the start of every process).

    Args:
        parameters: to be moved; those without a gradient stay where they are.
        learning_rate: at the start.
        betas: decay rates of the two moments.
        epsilon: keeps the division finite.
    """

    can_skip = True

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        learning_rate: float,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
    ) -> None:
        self.parameters = list(parameters)
        self.initial_rate = self.learning_rate = learning_rate
        self.betas, self.epsilon = betas, epsilon
        self._means = [torch.zeros_like(p) for p in self.parameters]
        self._squares = [torch.zeros_like(p) for p in self.parameters]
        kinds = [(p.device, p.dtype) for p in self.parameters]  # one call of the kernel takes one kind
        self._alike = [[i for i, own in enumerate(kinds) if own == kind] for kind in dict.fromkeys(kinds)]
        # The steps of a kind lie together: where all of them move, as nearly always, they are counted at once.
        self._counts = [torch.zeros(len(alike), device=kinds[alike[0]][0]) for alike in self._alike]
        self._steps = [torch.empty(()) for _ in kinds]
        for alike, counts in zip(self._alike, self._counts, strict=True):
            for i, count in zip(alike, counts, strict=True):
                self._steps[i] = count

    def scale(self, factor: float) -> None:
        """Set the learning rate to the one of the start times a factor."""
        self.learning_rate = self.initial_rate * factor

    @torch.no_grad()
    def step(self, skip: Tensor | None = None) -> None:
        """Move the parameters by one step.

        Args:
            skip: [] on the device; where it is 1, nothing moves. The host need not wait to read it.
        """
        gradients = [p.grad for p in self.parameters]
        for alike, counts in zip(self._alike, self._counts, strict=True):
            if moving := [i for i in alike if gradients[i] is not None]:
                steps = [self._steps[i] for i in moving]
                counted = [counts] if len(moving) == len(alike) else steps
                _torch._foreach_add_(counted, 1)
                _torch._fused_adam_(
                    *([each[i] for i in moving] for each in (self.parameters, gradients, self._means, self._squares)),
                    [],
                    steps,
                    amsgrad=False,
                    lr=self.learning_rate,
                    beta1=self.betas[0],
                    beta2=self.betas[1],
                    weight_decay=0.0,
                    eps=self.epsilon,
                    maximize=False,
                    found_inf=skip,
                )
                if skip is not None:
                    _torch._foreach_sub_(counted, [skip] * len(counted))

    def state(self) -> dict[str, list[Tensor]]:
        """Both moments of every parameter, in its shape, and its step count, []."""
        return {"means": self._means, "squares": self._squares, "steps": self._steps}

    def restore(self, state: dict[str, Any]) -> None:
        """The inverse of :meth:`state`."""
        for own, saved in zip(self.state().values(), state.values(), strict=True):
            for tensor, value in zip(own, saved, strict=True):
                tensor.copy_(value)
