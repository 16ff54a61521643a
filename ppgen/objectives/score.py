"""The score-function gradient of the bound, of all draws or of those without a path, with a leave-one-out baseline."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import torch
from pyro.poutine.messenger import Messenger
from torch import Tensor

from ppgen.declare import PyroProgram
from ppgen.errors import DeclarationError
from ppgen.inference import (
    BatchTrace,
    ELBOParts,
    PairedSite,
    PairedTrace,
    data_frame,
    full_size,
    per_datum,
    trace_batch,
    unweighted_parts,
)

__all__ = ["score_parts"]


def score_parts(
    model: PyroProgram,
    guide: PyroProgram | None,
    batch: Mapping[str, Tensor],
    size: int,
    num_particles: int,
    *,
    closed_form: bool = True,
    keep_paths: bool = False,
) -> list[ELBOParts]:
    """Parts of the bound whose gradients are right for any guide: one for each draw of it.

    Every draw is taken as a constant, and adds ``(f - b) grad log q`` to the gradient of each part f (R. Williams,
    1992, REINFORCE), where the baseline b is the mean of f over the other particles (A. Mnih and D. Rezende, 2016,
    VIMCO, for the ELBO; W. Kool et al., 2019, RLOO): independent of the draw, so that nothing is biased. One particle
    has no baseline. A local draw is weighed by the parts of its own datum only. Discrete latents are drawn, not summed
    out. With ``keep_paths``, a draw with a path to its parameters (``has_rsample``) keeps it instead.

    Args:
        model: the model.
        guide: the guide.
        batch: values by site and covariate, [batch, ...] each.
        size: data points in the whole data set.
        num_particles: draws of the guide.
        closed_form: use ``KL(q || p)`` where it is registered and valid.
        keep_paths: leave draws that can be reparameterised as they are.

    Raises:
        DeclarationError: without ``keep_paths``, if the guide gives a point, which has no score.
    """
    with contextlib.nullcontext() if keep_paths else _Constants():
        runs = [trace_batch(model, guide, batch, size, sum_out=False) for _ in range(num_particles)]
    if not keep_paths:
        _refuse_points(runs[0].trace)
    scored = [{name for name, draw in traced.trace.latents.items() if _is_scored(draw, keep_paths)} for traced in runs]
    terms = [_terms(traced.trace, scored[k], closed_form) for k, traced in enumerate(runs)]
    return [
        dataclasses.replace(
            _with_scores(traced, scored[k], terms[k], _others(terms, k)),
            unweighted=unweighted_parts(traced, size, closed_form=closed_form),
        )
        for k, traced in enumerate(runs)
    ]


class _Constants(Messenger):
    """Cuts every draw off from the parameters that it was made of."""

    def _postprocess_message(self, message: Any) -> None:
        if message["type"] == "sample" and not message["is_observed"]:
            message["value"] = message["value"].detach()


def _is_scored(draw: PairedSite, keep_paths: bool) -> bool:
    return not (keep_paths and draw.guide_fn.has_rsample)


def _refuse_points(trace: PairedTrace) -> None:
    for draw in trace.latents.values():
        if draw.is_delta:
            raise DeclarationError(
                f"gradient='score': the guide gives {draw.name!r} as a point, which has no score",
                expected="a guide with a density at every site",
                got=f"{draw.name}: Delta",
                fix='gradient="mixed", which keeps the paths of what can be reparameterised',
                code="M071",
            )


Terms = dict[str, Tensor]


def _terms(trace: PairedTrace, scored: set[str], closed_form: bool) -> Terms:
    """Every site's part of the loss: [rows] of a local site, a scalar of a global one; their sum is per datum."""
    observed = {name: _share(trace, draw, -draw.log_prob()) for name, draw in trace.observed.items()}
    added = {name: _share(trace, draw, draw.log_ratio()) for name, draw in trace.added.items()}
    rates = {
        name: _share(trace, draw, _rate(draw, name in scored, closed_form)) for name, draw in trace.latents.items()
    }
    return observed | rates | added


def _rate(draw: PairedSite, is_scored: bool, closed_form: bool) -> Tensor:
    """The rate; where the draw's path is not used, ``log q`` is a constant: its own gradient is only noise."""
    kl = draw.kl() if closed_form else None
    if kl is not None:
        return kl
    if not is_scored:
        return draw.log_ratio()
    if draw.model_fn is None:
        return draw.log_ratio().detach()
    prior = draw.log_prob()
    return (draw.log_ratio() + prior).detach() - prior


def _share(trace: PairedTrace, draw: PairedSite, density: Tensor) -> Tensor:
    weighted = density * (draw.scale / full_size(trace))
    return weighted.sum() if data_frame(draw, trace.rows) is None else per_datum(weighted, draw, trace.rows)


def _others(particles: list[Terms], k: int) -> Terms | None:
    """The mean of each term over all particles but one."""
    if len(particles) == 1:
        return None
    count = len(particles) - 1
    others = [terms for i, terms in enumerate(particles) if i != k]
    return {name: functools.reduce(torch.add, [terms[name].detach() for terms in others]) / count for name in others[0]}


def _with_scores(traced: BatchTrace, scored: set[str], terms: Terms, baseline: Terms | None) -> ELBOParts:
    """Add to each term what has no value, and the gradient of the draws that are scored."""
    trace = traced.trace
    local = shared = torch.zeros(())
    for draw in (trace.latents[name] for name in trace.latents if name in scored):
        log_q = draw.guide_fn.log_prob(draw.value)  # unmasked: masked or not, it was drawn
        if data_frame(draw, trace.rows) is None:
            shared = shared + log_q.sum()
        else:
            local = local + per_datum(log_q, draw, trace.rows)
    parts = {}
    for name, term in terms.items():
        advantage = term.detach() if baseline is None else term.detach() - baseline[name]
        score = (advantage * (local - local.detach())).sum() if term.dim() else term.new_zeros(())
        parts[name] = term.sum() + score + advantage.sum() * (shared - shared.detach())
    zero = next(iter(parts.values())).new_zeros(())
    distortion = functools.reduce(torch.add, [parts[name] for name in trace.observed], zero)
    rates, added = ({name: parts[name] for name in sites} for sites in (trace.latents, trace.added))
    return ELBOParts(distortion, rates, traced, added=added)
