"""Pyro's own objectives on a pair, as the reference for the step of ours."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import pyro
import torch
from pyro.infer import Trace_ELBO, TraceMeanField_ELBO
from torch import Tensor, nn

from ppgen.objectives import TrainingPosition
from tests.oracles.losses import loss_of

__all__ = ["flat", "gradients", "ours", "reference"]

ELBOS = {"sampled": Trace_ELBO, "closed form": TraceMeanField_ELBO}


def reference(
    kind: str, model: nn.Module, guide: nn.Module, batch: Mapping[str, Tensor], size: int, **settings: Any
) -> tuple[Tensor, dict[str, Tensor]]:
    """Pyro's loss in nats per datum, and its gradient by parameter, for noise of seed 0."""
    pyro.set_rng_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TraceMeanField warns that guide and model name different sites
        loss = ELBOS[kind](**settings).differentiable_loss(model, guide, batch, size) / size
    return loss.detach(), gradients(loss, model, guide)


def ours(
    objective: Any,
    model: nn.Module,
    guide: nn.Module,
    batch: Mapping[str, Tensor],
    size: int,
    position: TrainingPosition | None = None,
) -> tuple[Any, dict[str, Tensor]]:
    """The loss of an objective of ours, and its gradient by parameter, for the same noise."""
    pyro.set_rng_seed(0)
    loss = loss_of(objective, model, guide, batch, size, position)
    return loss, gradients(loss.value, model, guide)


def gradients(loss: Tensor, *modules: nn.Module) -> dict[str, Tensor]:
    """Gradient of a loss by every parameter of the modules; zeros where it does not depend on one."""
    named = {f"{i}.{name}": p for i, module in enumerate(modules) for name, p in module.named_parameters()}
    found = torch.autograd.grad(loss, list(named.values()), allow_unused=True) if named else []
    return {
        name: torch.zeros_like(parameter) if gradient is None else gradient
        for (name, parameter), gradient in zip(named.items(), found, strict=True)
    }


def flat(found: Mapping[str, Tensor]) -> Tensor:
    """Gradients by parameter as one vector, [D]."""
    return torch.cat([value.flatten() for value in found.values()])
