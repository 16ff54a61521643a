"""Adam, fused into one kernel over all parameters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.adam import adam

__all__ = ["Adam"]


class Adam:
    """Kingma & Ba, 2015, Adam: A Method for Stochastic Optimization (arXiv 1412.6980), by torch's fused kernel.

    Bit for bit ``torch.optim.Adam(parameters, lr, betas, fused=True)``, without its hooks and parameter groups: half
    the time of a step of a small network, and no import of torch's compiler (a second at the start of every process).

    Args:
        parameters: to be moved; those without a gradient stay where they are.
        learning_rate: may be changed between steps.
        betas: decay rates of the two moments.
        epsilon: keeps the division finite.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        learning_rate: float,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
    ) -> None:
        self.parameters = list(parameters)
        self.learning_rate, self.betas, self.epsilon = learning_rate, betas, epsilon
        self._means = [torch.zeros_like(p) for p in self.parameters]
        self._squares = [torch.zeros_like(p) for p in self.parameters]
        self._steps = [torch.zeros((), device=p.device) for p in self.parameters]

    def clear(self) -> None:
        """Forget all gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    def gradients(self) -> list[Tensor]:
        """The gradients that there are."""
        return [p.grad for p in self.parameters if p.grad is not None]

    @torch.no_grad()
    def step(self, skip: Tensor | None = None) -> None:
        """Move the parameters by one step.

        Args:
            skip: scalar on the device; where it is 1, nothing moves, and nobody has to wait to know it.
        """
        moving = [i for i, parameter in enumerate(self.parameters) if parameter.grad is not None]
        adam(
            [self.parameters[i] for i in moving],
            self.gradients(),
            [self._means[i] for i in moving],
            [self._squares[i] for i in moving],
            [],
            [self._steps[i] for i in moving],
            fused=True,
            found_inf=skip,
            amsgrad=False,
            beta1=self.betas[0],
            beta2=self.betas[1],
            lr=self.learning_rate,
            weight_decay=0.0,
            eps=self.epsilon,
            maximize=False,
        )

    def state(self) -> dict[str, list[Tensor]]:
        """Both moments and the step count of every parameter."""
        return {"means": self._means, "squares": self._squares, "steps": self._steps}

    def restore(self, state: dict[str, Any]) -> None:
        """The inverse of :meth:`state`."""
        for own, saved in zip(self.state().values(), state.values(), strict=True):
            for tensor, value in zip(own, saved, strict=True):
                tensor.copy_(value)
