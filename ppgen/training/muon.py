"""Muon: momentum whose matrices are orthogonalised, and Adam for all that is no matrix."""

from __future__ import annotations

__all__ = ["Muon"]

import itertools
import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim.adam import adam

_QUINTIC = 3.4445, -4.7750, 2.0315
"""Of ``a x + b x**3 + c x**5``, which takes singular values from 0.01 to 1 to between 0.7 and 1.2 in five turns."""
_ROOT_MEAN_SQUARE = 0.2
"""Of a step of Adam, per learning rate, as it is met in practice: one learning rate then serves both."""


def orthogonalised(matrices: Tensor) -> Tensor:
    """Matrices with the same singular vectors, whose singular values are all near 1, by five Newton-Schulz turns.

    Args:
        matrices: ``[count, rows, columns]``.
    """
    rows, columns = matrices.shape[1:]
    x = matrices.mT if rows > columns else matrices
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    a, b, c = _QUINTIC
    with torch.autocast(x.device.type, enabled=False):
        for _ in range(5):
            gram = x @ x.mT
            x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if rows > columns else x


class Muon(torch.optim.Optimizer):
    """Weights of linear layers and of image convolutions move along their orthogonalised momentum, the rest by Adam.

    ``m = momentum m + (1 - momentum) g``, and with ``u = momentum m + (1 - momentum) g`` as a matrix ``[out, in]`` of
    the singular value decomposition ``U S V'``, the step is ``0.2 sqrt(max(out, in)) lr U V'``: all directions of a
    matrix are learned at the same pace, where a step of Adam follows the few of large gradients. It costs some products
    of matrices of the size of the weights, which for a convolutional network are few beside those of the data.
    ``U V'`` is approximated, as everybody does who uses it. The factor gives the step the size of one by Adam (Liu et
    al.), so that a learning rate of Adam is a fair first guess for both kinds.

    ``torch.optim.Muon`` refuses all that is no matrix. Here, parameters of two axes and of four (kernels, whose
    inputs and taps are the columns) are matrices; biases, scales and maps are not.

    References: K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024
    (kellerjordan.github.io/posts/muon); J. Liu et al., "Muon is scalable for LLM training", 2025 (arXiv 2502.16982).

    Args:
        params: that it moves, or groups of them.
        lr: the learning rate.
        momentum: decay of the average of gradients, of matrices.
        betas: decay rates of Adam's two moments.
        eps: keeps Adam's division finite.

    Example:
        >>> layer = torch.nn.Linear(4, 3)
        >>> optimizer = Muon(layer.parameters(), lr=0.1)
        >>> layer(torch.ones(4)).sum().backward()
        >>> optimizer.step()
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 3e-3,
        momentum: float = 0.95,
        betas: tuple[float, float] = (0.9, 0.99),
        eps: float = 1e-8,
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "betas": betas, "eps": eps})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> Any:
        """Move all parameters that have a gradient.

        Args:
            closure: computes the loss anew; not needed.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            moving = [parameter for parameter in group["params"] if parameter.grad is not None]
            matrices = sorted((p for p in moving if p.ndim in (2, 4)), key=_shape)
            for shape, alike in itertools.groupby(matrices, key=_shape):
                self._move_matrices(list(alike), shape, group)
            self._move_rest([p for p in moving if p.ndim not in (2, 4)], group)
        return loss

    def _move_matrices(self, parameters: list[Tensor], shape: tuple[int, int], group: dict[str, Any]) -> None:
        """Matrices of one shape: a few products of all of them together."""
        ahead: list[Tensor] = []
        for parameter in parameters:
            state, gradient = self.state[parameter], _given(parameter)
            if not state:
                state["momentum"] = torch.zeros_like(parameter)
            state["momentum"].lerp_(gradient, 1.0 - group["momentum"])
            ahead.append(gradient.lerp(state["momentum"], group["momentum"]).flatten(1))
        size = _ROOT_MEAN_SQUARE * math.sqrt(max(shape)) * group["lr"]
        for parameter, direction in zip(parameters, orthogonalised(torch.stack(ahead)), strict=True):
            parameter.sub_(direction.view_as(parameter), alpha=size)

    def _move_rest(self, parameters: list[Tensor], group: dict[str, Any]) -> None:
        for parameter in parameters:
            if not self.state[parameter]:
                zeros = torch.zeros_like(parameter), torch.zeros_like(parameter)
                self.state[parameter] = dict(zip(_MOMENTS, (*zeros, parameter.new_zeros(())), strict=True))
        means, squares, steps = ([self.state[p][key] for p in parameters] for key in _MOMENTS)
        adam(
            parameters,
            [_given(parameter) for parameter in parameters],
            means,
            squares,
            [],
            steps,
            fused=True,
            amsgrad=False,
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            lr=group["lr"],
            weight_decay=0.0,
            eps=group["eps"],
            maximize=False,
        )


_MOMENTS = "mean", "square", "step"


def _shape(parameter: Tensor) -> tuple[int, int]:
    """Of a parameter as a matrix."""
    return parameter.shape[0], parameter.numel() // max(1, parameter.shape[0])


def _given(parameter: Tensor) -> Tensor:
    assert parameter.grad is not None, "only parameters that have a gradient move"
    return parameter.grad
