"""Penalties on a critic's slope, which can be added to any adversarial loss."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["Judge", "gradient_penalty", "r1_penalty", "slopes_between"]

Judge = Callable[[Tensor], Tensor]
"""What a game calls: events ``[B, *event]`` to scores, ``[B]`` or, one a patch, ``[B, ...]``."""


def slopes_between(judge: Judge, real: Tensor, fake: Tensor) -> Tensor:
    """``|grad c(x)|`` at points between data and draws: ``x = u real + (1 - u) fake``, one u ~ Uniform(0, 1) a pair.

    Args:
        judge: the critic.
        real: data, [B, ...].
        fake: draws, [B, ...].

    Returns:
        Lengths that can be differentiated, [B].

    Example:
        >>> slopes_between(lambda x: x @ torch.tensor([3.0, 4.0]), torch.randn(3, 2), torch.randn(3, 2)).tolist()
        [5.0, 5.0, 5.0]
    """
    share = torch.rand(len(real), *(1,) * (real.dim() - 1), dtype=real.dtype, device=real.device)
    return _slopes(judge, fake + share * (real - fake)).norm(dim=1)


def gradient_penalty(slopes: Tensor, one_sided: bool = False) -> Tensor:
    """``E (|grad c(x)| - 1)^2``: zero for a critic that rises by 1 a unit everywhere.

    One-sided, ``E max(0, |grad c(x)| - 1)^2``, it leaves gentler slopes alone. The two-sided one has a ridge at slope
    0: on a line, where no slope can turn round, a critic that starts with its sign wrong may never get across.

    Reference: I. Gulrajani et al., "Improved training of Wasserstein GANs", 2017 (arXiv 1704.00028), equation 3; H.
    Petzka et al., "On the regularization of Wasserstein GANs", 2018 (arXiv 1709.08894), for the one-sided one.

    Args:
        slopes: by :func:`slopes_between`, [B].
        one_sided: whether slopes below 1 are free.

    Returns:
        A differentiable scalar, [].

    Example:
        >>> [gradient_penalty(torch.tensor([0.5, 1.0, 3.0]), one_sided).item() for one_sided in (False, True)]
        [1.4166666269302368, 1.3333333730697632]
    """
    excess = slopes - 1
    return (excess.relu() if one_sided else excess).square().mean()


def r1_penalty(judge: Judge, real: Tensor) -> Tensor:
    """``E |grad c(x)|^2 / 2`` on data: a critic that has nothing left to tell apart comes to rest.

    Reference: L. Mescheder et al., "Which training methods for GANs do actually converge?", 2018 (arXiv 1801.04406),
    equation 9.

    Args:
        judge: the critic.
        real: data, [B, ...].

    Returns:
        A differentiable scalar, [].

    Example:
        >>> r1_penalty(lambda x: 3.0 * x.sum(1), torch.randn(9, 2)).item()
        9.0
    """
    return _slopes(judge, real).square().sum(1).mean() / 2


def _slopes(judge: Judge, x: Tensor) -> Tensor:
    """The gradient of each event's score with respect to it, [B, -1], which can itself be differentiated."""
    x = x.detach().requires_grad_()  # a tensor of its own: the batch stays as it is
    (gradient,) = torch.autograd.grad(judge(x).sum(), x, create_graph=True)
    return gradient.reshape(len(x), -1)
