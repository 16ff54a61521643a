"""The importance-weighted bound as a training objective, with three estimators of its gradient."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Literal, get_args

import torch
from pyro.infer.util import is_validation_enabled
from torch import Tensor

from ppgen.arguments import one_of, whole_number
from ppgen.declare import PyroProgram
from ppgen.errors import SettingError
from ppgen.inference import (
    BatchTrace,
    elbo_parts_of,
    logsumexp_by_datum,
    per_datum,
    refuse_dropout,
    refuse_noise,
    repeat_rows,
    replay_batch,
    row_weights,
    trace_batch,
)
from ppgen.objectives.elbo import ELBO
from ppgen.objectives.objective import Loss, Objective, State, Step
from ppgen.objectives.requirements import must_be_local, must_be_pathwise, must_be_plain, must_have_spread

__all__ = ["IWAE"]

Gradient = Literal["pathwise", "dreg", "stl"]


@dataclasses.dataclass(frozen=True)
class IWAE(Objective):
    """Maximise ``L_K = E[log 1/K sum_k w_k]``, ``w_k = p(x, z_k) / q(z_k | x)`` (Burda, Grosse & Salakhutdinov, 2016).

    ``L_1`` is the ELBO (of continuous latents), and ``L_K`` rises with K towards log p(x). The logarithm of the mean is
    taken for each datum before anything is summed, so that the bound is right under subsampling, where Pyro's
    ``RenyiELBO`` is not.

    Discrete latents y are summed out: ``w_k = sum_y p(x, y, z_ky) / q(z_ky | x, y)``. No ``q(y | x)`` takes part in
    that bound, so it is fitted beside it, to the normalised weights of the same draws (the wake phase of Bornschein &
    Bengio, 2015), and to the labels where y is observed; the loss's value has no part of this.

    Args:
        num_particles: K.
        gradient: ``"pathwise"``, the plain reparameterised gradient; ``"dreg"``, doubly reparameterised (Tucker et
            al., 2019), whose signal for the guide does not fade as K grows; ``"stl"``, sticking the landing (Roeder,
            Wu & Duvenaud, 2017), for K = 1 only: with K > 1 it is biased. Both of the latter evaluate the guide a
            second time, and have no variance at the exact posterior.

    Raises:
        SettingError: on a number of particles below 1, an unknown gradient, or ``"stl"`` with several particles, or
            (from the loss) with latents summed out.

    Example:
        >>> IWAE(16, gradient="dreg").name
        'IWAE(16, dreg)'
    """

    num_particles: int = 8
    gradient: Gradient = dataclasses.field(default="pathwise", kw_only=True)

    def __post_init__(self) -> None:
        whole_number("IWAE: num_particles", self.num_particles, suggested=8)
        one_of("IWAE: gradient", self.gradient, get_args(Gradient))
        if self.gradient == "stl" and self.num_particles > 1:
            raise SettingError(
                "IWAE: sticking the landing is biased with more than one particle",
                expected='gradient="stl" with num_particles=1',
                got=f"num_particles={self.num_particles}",
                fix='gradient="dreg"',
                code="S090",
            )

    @property
    def name(self) -> str:
        return f"IWAE({self.num_particles}{'' if self.gradient == 'pathwise' else ', ' + self.gradient})"

    def check(self, model: PyroProgram, guide: PyroProgram | None) -> None:
        ELBO().check(model, guide)
        must_be_local(model, self)

    def loss(self, state: State, player: str, step: Step) -> Loss:
        model, guide, batch = step.model, step.guide, step.batch
        rows = len(next(iter(batch.values())))
        total = self.num_particles * rows
        traced = trace_batch(model, guide, repeat_rows(batch, self.num_particles), total)
        must_be_pathwise(traced.trace.latents, self)
        must_be_plain(traced.trace, self)
        must_have_spread(traced.trace, self)
        if self.gradient == "stl" and traced.enumerated is not None:
            summed = ", ".join(traced.enumerated.log_q)
            raise SettingError(
                f"IWAE: sticking the landing is biased where latents are summed out: {summed}",
                expected="continuous latents only",
                fix='gradient="dreg"',
                code="S091",
            )
        weights = row_weights(traced.trace)
        datum = torch.arange(total, device=weights.device) if traced.enumerated is None else traced.enumerated.datum
        each = logsumexp_by_datum(weights, datum % rows, rows)
        bound = each.mean() - math.log(self.num_particles)
        record = {"iwae": bound.detach(), **elbo_parts_of(traced, total, closed_form=False).record()}
        share = (weights.detach() - each.detach()[datum % rows]).exp()
        value = -bound
        if self.gradient != "pathwise" and torch.is_grad_enabled():
            surrogate = self._path_derivative(model, guide, traced, share) / rows
            value = -(surrogate + (bound - surrogate).detach())
        if traced.enumerated is not None:
            fitted = (share * functools.reduce(torch.add, traced.enumerated.log_q.values())).sum() / rows
            value = value - (fitted - fitted.detach())
        return Loss(value, record)

    def _path_derivative(
        self, model: PyroProgram, guide: PyroProgram | None, traced: BatchTrace, share: Tensor
    ) -> Tensor:
        """A scalar with the estimator's gradient: through z alone for the guide, through log p for the model.

        Guide and model run again at detached values ``z``; ``d log w / d z`` there has no direct dependence on the
        guide's parameters, and is then pushed through ``z(phi, noise)``. DReG squares the normalised weights.

        Args:
            share: normalised weight of each row among those of its datum, [rows].
        """
        drawn = traced.trace.latents
        leaves = {name: draw.value.detach().requires_grad_() for name, draw in drawn.items()}
        if self.gradient == "dreg":  # the weights are the first run's, what they weigh is the second's
            refuse_dropout(model, "model")
        again = replay_batch(traced, model, guide, leaves).trace
        weights = row_weights(again)
        if self.gradient == "dreg" and is_validation_enabled():
            refuse_noise(row_weights(traced.trace), weights)
        at_draws = (share.pow(2 if self.gradient == "dreg" else 1) * weights).sum()
        paths = torch.autograd.grad(at_draws, list(leaves.values()), retain_graph=True) if leaves else ()
        for_guide = sum((path.detach() * drawn[name].value).sum() for path, name in zip(paths, leaves, strict=True))
        sites = [*again.observed.values(), *again.latents.values()]
        densities = [per_datum(site.log_prob(), site, traced.rows) for site in sites]
        return (share * functools.reduce(torch.add, densities)).sum() + for_guide
