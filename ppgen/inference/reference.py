"""Pyro's own estimators as bound and objective, for pairs that the one-pass trace does not know.

These are programs that are taken whole (:attr:`~ppgen.declare.ProgramModule.is_whole`), and those that ask for latents
to be summed out by ``infer={"enumerate": "parallel"}`` or ``config_enumerate``.
"""

from __future__ import annotations

import dataclasses
import functools
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import torch
from pyro.infer import Trace_ELBO, TraceEnum_ELBO
from torch import Tensor

from ppgen.context import evaluating, seeded
from ppgen.declare import ProgramModule, label_of, verify_size
from ppgen.errors import DeclarationError, PpgenError, Unanswerable
from ppgen.inference.bound import whole_of
from ppgen.inference.watch import Watch

__all__ = [
    "ReferenceBound",
    "needs_reference",
    "only_an_elbo",
    "or_nothing",
    "plate_nesting",
    "reference_bound",
    "reference_draws",
    "reference_estimator",
    "summed_out",
]


@dataclasses.dataclass(frozen=True)
class ReferenceBound:
    """What Pyro's estimator gave, in nats of the whole data set.

    Args:
        loss: what ``SVI`` would minimise, [], differentiable.
        elbo: the bound without the program's own ``poutine.scale`` and without factors of its guide, [], detached.
        name: ``"elbo"``; ``"log_joint"`` if the guide is a point; ``"unnormalised_elbo"`` if the model has a factor.
    """

    loss: Tensor
    elbo: Tensor
    name: str


def summed_out(model: ProgramModule, guide: ProgramModule | None) -> tuple[str, ...]:
    """The latents that only the model has, which are summed out there: known once both have run.

    Args:
        model: the model.
        guide: the guide, or ``None``.
    """
    return tuple(
        name for name in model.sites if name in model.enumerated and (guide is None or name not in guide.sites)
    )


def needs_reference(model: ProgramModule, guide: ProgramModule | None) -> bool:
    """Whether only Pyro's estimators give the pair's bound.

    Args:
        model: the model.
        guide: the guide, or ``None``.
    """
    return model.is_whole or bool(summed_out(model, guide))


def reference_estimator(model: ProgramModule, guide: ProgramModule | None) -> type[Trace_ELBO | TraceEnum_ELBO]:
    """Pyro's estimator for a pair: ``TraceEnum_ELBO`` where something is to be summed out, else ``Trace_ELBO``.

    Args:
        model: the model.
        guide: the guide, or ``None``.
    """
    summed = summed_out(model, guide) or (guide is not None and guide.enumerated)
    return TraceEnum_ELBO if summed else Trace_ELBO


def reference_bound(
    model: ProgramModule, guide: ProgramModule | None, batch: Mapping[str, Tensor], size: int, num_particles: int = 1
) -> ReferenceBound:
    """Pyro's estimate of a pair's loss on a batch, and of its bound, scaled to the data set: nats of all of it.

    Args:
        model: the model.
        guide: the guide, or ``None`` for a model whose latents are all summed out.
        batch: values by argument, [rows, ...] each.
        size: data points in the whole data set.
        num_particles: draws of the guide that are averaged over.
    """
    watch = Watch()
    loss = _estimate(model, guide, batch, size, watch, num_particles)
    bound = -loss.detach()
    if watch.is_weighted:
        with torch.no_grad():
            bound = -_estimate(model, guide, batch, size, Watch(unweighted=True), num_particles)
    return ReferenceBound(loss, bound, watch.name)


def reference_draws(
    model: ProgramModule, guide: ProgramModule | None, data: Mapping[str, Tensor], num_particles: int, seed: int
) -> Tensor:
    """Single draws of a pair's ELBO of all the data, in nats: [num_particles], float64.

    Args:
        model: the model.
        guide: the guide, or ``None`` for a model whose latents are all summed out.
        data: values by argument, [N, ...] each.
        num_particles: draws of the guide.
        seed: of the draws.
    """
    first = next(iter(data.values()))
    with seeded(seed, first.device), evaluating(model, guide), torch.no_grad():
        watched = functools.partial(_estimate, model, guide, data, len(first))
        return torch.stack([-watched(Watch(unweighted=True)).double() for _ in range(num_particles)])


def _estimate(
    model: ProgramModule,
    guide: ProgramModule | None,
    batch: Mapping[str, Tensor],
    size: int,
    watch: Watch,
    num_particles: int = 1,
) -> Tensor:
    """The loss of Pyro's estimator, [], with a messenger inside of its handlers and around those of the program."""
    kind = reference_estimator(model, guide)
    settings: dict[str, Any] = {"num_particles": num_particles}
    if kind is TraceEnum_ELBO:
        settings["max_plate_nesting"] = plate_nesting(model, guide)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Found vars in model but not guide")  # what is summed out; check saw the rest
        estimator = kind(**settings)
        pair = watch.around(model, in_model=True), watch.around(or_nothing(guide))
        try:
            if torch.is_grad_enabled() and _is_trained(model, guide):
                loss = torch.as_tensor(estimator.differentiable_loss(*pair, batch, size))
            else:
                loss = torch.tensor(estimator.loss(*pair, batch, size), dtype=torch.float64)
            return loss if model.is_whole else loss * _share(watch, size)
        except (NotImplementedError, ValueError) as error:
            if kind is not TraceEnum_ELBO or isinstance(error, PpgenError):
                raise
            raise _cannot_sum_out(model, guide, error) from error


def _is_trained(*programs: ProgramModule | None) -> bool:
    """Whether there is a parameter that a loss could move: Pyro gives no differentiable one of a pair without."""
    return any(p.requires_grad for program in programs if program is not None for p in program.parameters())


def _share(watch: Watch, size: int) -> float:
    """What scales a loss to the data set: a plate of another size is a matter of the program's own."""
    if watch.plate is None:
        return 1.0
    full = whole_of(watch.plate)
    if watch.has_shared_latents:
        verify_size(watch.plate.name, full, size)
    return size / full


def _cannot_sum_out(model: ProgramModule, guide: ProgramModule | None, error: Exception) -> DeclarationError:
    asked = sorted(model.enumerated | (frozenset() if guide is None else guide.enumerated))
    return DeclarationError(
        f"{label_of(model)}: Pyro's TraceEnum_ELBO cannot sum out what asks for it",
        expected="discrete latents with a finite list of values, independent over plates, of one scale",
        got=f"{', '.join(asked)}: {str(error).splitlines()[0] if str(error) else type(error).__name__}",
        fix='leave infer={"enumerate": "parallel"} out where it cannot be, and draw that latent in the guide',
        code="M072",
    )


def plate_nesting(model: ProgramModule, guide: ProgramModule | None) -> int:
    """How many dimensions the plates of a pair take.

    Args:
        model: the model.
        guide: the guide, or ``None``.
    """
    return max(model.nesting, 0 if guide is None else guide.nesting)


def or_nothing(guide: ProgramModule | None) -> Callable[..., Any]:
    """The guide, or one that draws nothing.

    Args:
        guide: the guide, or ``None``.
    """
    return (lambda batch, size: None) if guide is None else guide


def only_an_elbo(question: str, model: Any, guide: Any) -> Unanswerable:
    """Why nothing but the ELBO is known of a pair that Pyro's own estimators serve.

    Args:
        question: that was asked.
        model: the model.
        guide: the guide, or ``None``.
    """
    if model.is_whole:
        return Unanswerable(
            f"{question}: {label_of(model)} runs on all rows at once, so that data points have no density of their own",
            expected="a program that runs on a part of the rows as on a part of the data",
            got=model.why_whole,
            fix="fit.elbo() bounds the log-density of the whole data set",
            code="U026",
        )
    return Unanswerable(
        f"{question}: {label_of(model)} sums latents out, and no importance weights are computed then",
        expected="latents that the guide draws",
        got=f"summed out: {', '.join(summed_out(model, guide))}",
        fix="fit.elbo(data), which is by TraceEnum_ELBO",
        code="U027",
    )
