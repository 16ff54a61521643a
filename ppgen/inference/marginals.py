"""Latents that a model sums out, afterwards: their exact posterior given the others, by Pyro's inference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyro
import torch
from pyro.infer import TraceEnum_ELBO, infer_discrete
from pyro.poutine.util import site_is_subsample
from torch import Tensor

from ppgen.context import evaluating, seeded
from ppgen.declare import ProgramModule, label_of, name_of
from ppgen.errors import Unanswerable
from ppgen.inference.reference import or_nothing, plate_nesting, summed_out
from ppgen.inference.watch import Watch

__all__ = ["class_probabilities", "draw_summed_out"]

_DRAWS = 32  # of the guide, for a mean over them


def draw_summed_out(
    model: ProgramModule, guide: ProgramModule | None, data: Mapping[str, Tensor], num_draws: int, seed: int
) -> dict[str, Tensor]:
    """Joint draws of every latent: the guide's, and given these, the exact posterior of what the model sums out.

    The latter by Pyro's ``infer_discrete``.

    Args:
        model: the model.
        guide: the guide, or ``None``.
        data: values by argument, [N, ...] each.
        num_draws: how many.
        seed: of the draws.

    Returns:
        [num_draws, *plates, *event] by latent of the model.
    """
    first = next(iter(data.values()))
    rows = len(first)
    runs: list[dict[str, Tensor]] = []
    summed, watched = summed_out(model, guide), Watch(unweighted=True).around(model, in_model=True)
    with seeded(seed, first.device), evaluating(model, guide), torch.no_grad():
        for _ in range(num_draws):
            drawn = pyro.poutine.trace(or_nothing(guide)).get_trace(data, rows)
            program = pyro.poutine.replay(watched, trace=drawn)
            if summed:
                program = infer_discrete(program, first_available_dim=-1 - plate_nesting(model, guide), temperature=1)
            nodes: Any = pyro.poutine.trace(program).get_trace(data, rows).nodes
            latents = [name for name in (*drawn.nodes, *summed) if name in nodes and _is_latent(nodes[name])]
            _verify_stackable(model, {name: nodes[name] for name in latents}, runs)
            runs.append({name: nodes[name]["value"] for name in latents})
    return {name: torch.stack([run[name] for run in runs]) for name in runs[0]}


def _is_latent(node: Any) -> bool:
    return node["type"] == "sample" and not node["is_observed"] and not site_is_subsample(node)


def _verify_stackable(model: ProgramModule, latents: Mapping[str, Any], runs: list[dict[str, Tensor]]) -> None:
    """Refuse draws that cannot stand beside each other: of other latents each time, or of other rows."""
    known = [name for name, site in model.sites.items() if site.role == "latent"]
    if odd := sorted(set(latents).symmetric_difference(runs[0] if runs else known)):
        raise Unanswerable(
            f"no array of posterior draws: {label_of(model)} draws {odd[0]!r} in some runs only",
            expected="the same latents in every run",
            got=f"in some runs only: {', '.join(odd)}",
            fix="pyro.poutine.trace(fit.guide).get_trace(batch, size), once for every draw",
            code="U065",
        )
    partial = [name for name, node in latents.items() for f in node["cond_indep_stack"] if (f.full_size or 0) > f.size]
    if partial:
        raise Unanswerable(
            f"no array of posterior draws: {label_of(model)} draws {partial[0]!r} for a subsample of its own",
            expected="draws for all elements of a plate, the same in every run",
            got=f"other elements each run, of {', '.join(partial)}",
            fix="leave subsample_size out: at full batch all rows are seen at once",
            code="U066",
        )


def class_probabilities(
    model: ProgramModule, guide: ProgramModule | None, data: Mapping[str, Tensor], seed: int
) -> dict[str, Tensor]:
    """``q(y | x)`` of every latent that the model sums out and that has one value per datum, [N, classes].

    They are exact given the other latents (Pyro's ``compute_marginals``), and averaged over draws of these.

    Args:
        model: the model.
        guide: the guide, or ``None``.
        data: values by argument, [N, ...] each.
        seed: of the draws.

    Returns:
        By latent; of a Bernoulli the probability of 1, [N].

    Raises:
        Unanswerable: if the latents depend on each other along a sequence, so that single ones tell too little.
    """
    names = [name for name in summed_out(model, guide) if model.sites[name].local and not model.sites[name].plates]
    if not names:
        return {}
    first, estimator = next(iter(data.values())), TraceEnum_ELBO(max_plate_nesting=plate_nesting(model, guide))
    pair = Watch(unweighted=True).around(model, in_model=True), or_nothing(guide)
    with seeded(seed, first.device), evaluating(model, guide), torch.no_grad():
        try:
            drawn = [
                estimator.compute_marginals(*pair, data, len(first)) for _ in range(1 if guide is None else _DRAWS)
            ]
        except (NotImplementedError, ValueError, RuntimeError) as error:
            raise Unanswerable(
                f"no probabilities of {', '.join(names)}: {label_of(model)} sums it out together with other latents",
                expected="latents that depend on no other that is summed out",
                got=str(error).splitlines()[0],
                fix="fit.posterior() for joint draws of them",
                code="U030",
            ) from error
    return {name: torch.stack([_probabilities(fns[name]) for fns in drawn]).mean(0) for name in names}


def _probabilities(fn: Any) -> Tensor:
    return fn.probs if name_of(fn) == "Categorical" else fn.mean
