"""Why a step was not finite: the site, the parameter and the batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from ppgen.context import validation
from ppgen.errors import DivergenceError, PpgenError
from ppgen.inference.paired_trace import trace_pair
from ppgen.objectives import Objective, TrainingPosition

__all__ = ["diagnose", "not_finite"]

_FAILURES = (RuntimeError, ValueError, ArithmeticError, PpgenError)


def diagnose(
    model: nn.Module,
    guide: nn.Module | None,
    objective: Objective,
    player: str,
    batch: Mapping[str, Tensor],
    size: int,
    position: TrainingPosition,
    *,
    since: int = 0,
) -> DivergenceError:
    """Run the failed step again, without applying it, and say what is not finite in it.

    Args:
        since: how many steps before this one may have been the first that failed.
    """
    found = [
        *not_finite(model, guide, objective, batch, size),
        *_gradients(model, guide, objective, player, batch, size, position),
    ]
    rows = len(next(iter(batch.values())))
    step = f"step {position.step + 1}" + (f" or up to {since} steps before" if since else "")
    return DivergenceError(
        f"training met a value that is not finite in {step} (epoch {int(position.epoch) + 1}, player "
        f"{player!r}, a batch of {rows} rows); no step was made with it, the weights are those of the last good step",
        expected="a finite loss and gradient",
        got="; ".join(found[:4]) or "a loss that was not finite, but is when the step is repeated with other noise",
        fix="a smaller learning_rate, clip_norm=10, a bounded scale in the likelihood "
        "(softplus(...) + 1e-3), or data without extremes",
    )


def not_finite(
    model: nn.Module, guide: nn.Module | None, objective: Objective, batch: Mapping[str, Tensor], size: int
) -> Iterator[str]:
    """Everything that is not finite in the data, the parameters, and one run of guide and model."""
    yield from _name({f"data {name!r}": value for name, value in batch.items()})
    yield from _name({f"parameter {name!r}": value for name, value in _parameters(model, guide, objective)})
    try:
        with torch.no_grad(), validation(False):
            trace = trace_pair(model, guide, batch, size)
            for draw in [*trace.latents.values(), *trace.observed.values()]:
                parts = {f"value of site {draw.name!r}": draw.value}
                if draw.model_fn is not None:
                    parts[f"log p of site {draw.name!r}"] = draw.model_fn.log_prob(draw.value)
                if draw.guide_fn is not None:
                    parts[f"log q of site {draw.name!r}"] = draw.guide_fn.log_prob(draw.value)
                yield from _name(parts)
    except _FAILURES:
        return  # an implicit model has no densities to look at, and a failure of the run is reported as itself


def _gradients(
    model: nn.Module,
    guide: nn.Module | None,
    objective: Objective,
    player: str,
    batch: Mapping[str, Tensor],
    size: int,
    position: TrainingPosition,
) -> Iterator[str]:
    named = [(name, p) for name, p in _parameters(model, guide, objective) if p.requires_grad]
    try:
        with validation(False):
            loss = objective.loss(player, model, guide, batch, size, position).value
            gradients = torch.autograd.grad(loss, [parameter for _, parameter in named], allow_unused=True)
    except _FAILURES as error:
        yield f"the loss itself failed: {str(error).splitlines()[0]}"
        return
    yield from _name({"the loss": loss})
    yield from _name(
        {f"gradient of parameter {n!r}": g for (n, _), g in zip(named, gradients, strict=True) if g is not None}
    )


def _parameters(model: nn.Module, guide: nn.Module | None, objective: Objective) -> Iterator[tuple[str, Tensor]]:
    for owner, module in {"model": model, "guide": guide, **objective.networks}.items():
        if module is not None:
            for name, parameter in module.named_parameters():
                yield f"{owner}.{name}", parameter


def _name(named: Mapping[str, Tensor]) -> Iterator[str]:
    for name, value in named.items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            yield f"{name} ({int((~torch.isfinite(value)).sum())} of {value.numel()} values)"
