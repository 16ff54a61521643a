"""Why a step was not finite: the site, the parameter and the batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from ppgen.context import validation
from ppgen.errors import DivergenceError, PpgenError
from ppgen.inference import trace_pair
from ppgen.objectives import TrainingPosition
from ppgen.training.prepare import Problem

__all__ = ["diagnose", "not_finite"]

_FAILURES = (RuntimeError, ValueError, ArithmeticError, PpgenError)


def diagnose(
    problem: Problem, player: str, batch: Mapping[str, Tensor], position: TrainingPosition, *, since: int = 0
) -> DivergenceError:
    """Run the failed step again, without applying it, and say what is not finite in it.

    Args:
        problem: what is trained.
        player: whose step failed.
        batch: tensors [batch, ...] of the step.
        position: of the step.
        since: how many steps before this one may have been the first that failed.
    """
    found = [*not_finite(problem, batch), *_gradients(problem, player, batch, position)]
    rows = len(next(iter(batch.values())))
    step = f"step {position.step + 1}" + (f" or up to {since} steps before" if since else "")
    return DivergenceError(
        f"training met a value that is not finite in {step} (epoch {int(position.epoch) + 1}, player "
        f"{player!r}, a batch of {rows} rows); no step was made with it, the weights are those of the last good step",
        expected="a finite loss and gradient",
        got="; ".join(found[:4]) or "a loss that was not finite, but is when the step is repeated with other noise",
        fix="a smaller learning_rate, clip_norm=10, a bounded scale in the likelihood "
        "(softplus(...) + 1e-3), or data without extremes",
        code="N001",
    )


def not_finite(problem: Problem, batch: Mapping[str, Tensor]) -> Iterator[str]:
    """Everything that is not finite in the data, the parameters, and one run of guide and model.

    Args:
        problem: what is trained.
        batch: tensors [batch, ...].
    """
    yield from _name({f"data {name!r}": value for name, value in batch.items()})
    yield from _name({f"parameter {name!r}": value for name, value in _parameters(problem).items()})
    try:
        with torch.no_grad(), validation(False):
            trace = trace_pair(problem.state.model, problem.state.guide, batch, problem.size)
            for draw in [*trace.latents.values(), *trace.observed.values()]:
                laws = {"p": draw.model_fn, "q": draw.guide_fn}.items()
                logs = {letter: fn.log_prob(draw.value) for letter, fn in laws if fn is not None}
                densities = {f"log {letter} of site {draw.name!r}": value for letter, value in logs.items()}
                yield from _name({f"value of site {draw.name!r}": draw.value} | densities)
    except _FAILURES:
        return  # an implicit model has no densities to look at, and a failure of the run is reported as itself


def _gradients(problem: Problem, player: str, batch: Mapping[str, Tensor], position: TrainingPosition) -> Iterator[str]:
    named = {name: parameter for name, parameter in _parameters(problem).items() if parameter.requires_grad}
    try:
        with validation(False):
            loss = problem.loss(player, batch, position).value
            gradients = torch.autograd.grad(loss, list(named.values()), allow_unused=True)
    except _FAILURES as error:
        yield f"the loss itself failed: {str(error).splitlines()[0]}"
        return
    found = {f"gradient of parameter {name!r}": value for name, value in zip(named, gradients, strict=True)}
    yield from _name({"the loss": loss} | {name: value for name, value in found.items() if value is not None})


def _parameters(problem: Problem) -> dict[str, Tensor]:
    return {
        f"{owner}.{name}": parameter
        for owner, module in problem.state.modules.items()
        for name, parameter in module.named_parameters()
    }


def _name(named: Mapping[str, Tensor]) -> Iterator[str]:
    for name, value in named.items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            yield f"{name} ({int((~torch.isfinite(value)).sum())} of {value.numel()} values)"
