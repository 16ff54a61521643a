"""Why a step was not finite: the site, the parameter and the batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ppgen.declare import validation
from ppgen.errors import DivergenceError
from ppgen.objectives import Moment, Objective
from ppgen.objectives.pairing import pair

__all__ = ["diagnose"]


def diagnose(
    model: nn.Module,
    guide: nn.Module | None,
    objective: Objective,
    turn: str,
    batch: Mapping[str, Tensor],
    size: int,
    moment: Moment,
) -> DivergenceError:
    """Run the failed step again, without applying it, and say what is not finite in it."""
    modules = {"model": model, "guide": guide, **objective.networks}
    found = [
        *_not_finite({f"data {name!r}": value for name, value in batch.items()}),
        *_not_finite({f"parameter {name!r}": value for name, value in _parameters(modules)}),
        *_sites(model, guide, batch, size),
        *_gradients(modules, model, guide, objective, turn, batch, size, moment),
    ]
    rows = len(next(iter(batch.values())))
    return DivergenceError(
        f"training met a value that is not finite in step {moment.step + 1} (epoch {int(moment.epoch) + 1}, turn "
        f"{turn!r}, a batch of {rows} rows); no step was made with it, the weights are those of the last good step",
        expected="a finite loss and gradient",
        got="; ".join(found[:4]) or "a loss that was not finite, but is when the step is repeated with other noise",
        fix="a smaller learning_rate, clip_norm=10, a bounded scale in the likelihood "
        "(softplus(...) + 1e-3), or data without extremes",
    )


def _not_finite(named: Mapping[str, Tensor]) -> Iterator[str]:
    for name, value in named.items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            yield f"{name} ({int((~torch.isfinite(value)).sum())} of {value.numel()} values)"


def _parameters(modules: Mapping[str, nn.Module | None]) -> Iterator[tuple[str, Tensor]]:
    for owner, module in modules.items():
        if module is not None:
            for name, parameter in module.named_parameters():
                yield f"{owner}.{name}", parameter


def _sites(model: nn.Module, guide: nn.Module | None, batch: Mapping[str, Tensor], size: int) -> Iterator[str]:
    try:
        with torch.no_grad(), validation(False):
            pairing = pair(model, guide, batch, size)
            for draw in [*pairing.latents.values(), *pairing.observed.values()]:
                parts: dict[str, Any] = {f"value of site {draw.name!r}": draw.value}
                if draw.model_fn is not None:
                    parts[f"log p of site {draw.name!r}"] = draw.model_fn.log_prob(draw.value)
                if draw.guide_fn is not None:
                    parts[f"log q of site {draw.name!r}"] = draw.guide_fn.log_prob(draw.value)
                yield from _not_finite(parts)
    except (RuntimeError, ValueError, ArithmeticError) as error:
        yield f"the run itself failed: {str(error).splitlines()[0]}"


def _gradients(
    modules: Mapping[str, nn.Module | None],
    model: nn.Module,
    guide: nn.Module | None,
    objective: Objective,
    turn: str,
    batch: Mapping[str, Tensor],
    size: int,
    moment: Moment,
) -> Iterator[str]:
    named = [(name, parameter) for name, parameter in _parameters(modules) if parameter.requires_grad]
    try:
        with validation(False):
            loss = objective.loss(turn, model, guide, batch, size, moment).value
            gradients = torch.autograd.grad(loss, [parameter for _, parameter in named], allow_unused=True)
    except (RuntimeError, ValueError, ArithmeticError) as error:
        yield f"the loss itself failed: {str(error).splitlines()[0]}"
        return
    yield from _not_finite({"the loss": loss})
    yield from _not_finite(
        {f"gradient of parameter {n!r}": g for (n, _), g in zip(named, gradients, strict=True) if g is not None}
    )
