"""What is hidden of partly given data under a model with latents, drawn by Metropolis within Gibbs."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import pyro
import torch
from torch import Tensor
from tqdm.auto import tqdm

from ppgen.declare import ProgramModule, label_of, unwrapped
from ppgen.distributions import Autoregressive, whole_mask
from ppgen.errors import Unanswerable
from ppgen.inference.batch_trace import trace_batch
from ppgen.inference.importance import row_weights
from ppgen.inference.paired_trace import PairedTrace

__all__ = ["distribution_of", "draw_hidden"]

_RARELY = 0.01


def distribution_of(model: Any, name: str, batch: Mapping[str, Tensor], latents: Mapping[str, Tensor]) -> Any:
    """The distribution of a site, as a run of the model on a batch makes it.

    Args:
        model: a declared program.
        name: of the site.
        batch: columns by name, [rows, ...] each.
        latents: values that latents have, by name; the others are drawn.
    """
    tracer = pyro.poutine.trace()
    with tracer, pyro.poutine.condition(data=dict(latents)):
        model(batch, len(next(iter(batch.values()))))
    site: Any = tracer.trace.nodes[name]
    return site["fn"]


def draw_hidden(
    model: ProgramModule,
    guide: ProgramModule,
    batch: Mapping[str, Tensor],
    name: str,
    given: Tensor,
    num_steps: int | None = None,
    temperature: float = 1.0,
    progress: bool = False,
) -> Tensor:
    """Values of a site, what is given of them as it stands and the rest from ``p(hidden | given)``: [rows, *event].

    A chain for each row. A step offers latents ``z' ~ q(z | x)``, takes them with probability

    ``min(1, p(x, z') q(z | x) / (p(x, z) q(z' | x)))``,

    and draws what is hidden anew from ``p(hidden | given, z)``, in closed form for independent values and position by
    position for autoregressive ones. Whatever the guide, ``p(z, hidden | given)`` is what the chain stays in; the guide
    decides how soon it is there. It begins with latents of the prior.

    Reference: P.-A. Mattei and J. Frellsen, "Leveraging the exact likelihood of deep latent variable models", 2018
    (arXiv 1802.04826), algorithm 1.

    Args:
        model: the model; its latents are local.
        guide: of the model.
        batch: values by site and covariate, [rows, ...] each; what is hidden of the site is not looked at.
        name: the observed site.
        given: bool, true where a value is given, of a shape that broadcasts against the site's.
        num_steps: of the chain; default: 200, and 20 where each of them draws position by position.
        temperature: of the draws of autoregressive values.
        progress: show a bar.

    Raises:
        Unanswerable: for latents that all rows share or that the guide gives as points, and for a site whose values
            depend on each other in another way.

    Warns:
        UserWarning: if less than one offer in a hundred was taken in the second half of the chain.
    """
    column = model.column_of(name)
    rows = len(batch[column])
    given = whole_mask(batch[column], given, batch[column].shape[1:])
    offered = trace_batch(model, guide, batch, rows, sum_out=False).trace
    _must_move(model, offered)
    prior = pyro.poutine.trace()
    with prior:
        model(batch, rows)
    nodes: Any = prior.trace.nodes  # what the guide alone draws is not among them
    latents = {key: nodes[key]["value"] if key in nodes else draw.value for key, draw in offered.latents.items()}
    if num_steps is None:
        num_steps = 20 if isinstance(distribution_of(model, name, batch, latents), Autoregressive) else 200
    x, taken = _hidden_given(model, name, batch, latents, given, temperature), 0.0
    for step in tqdm(range(num_steps), desc="completion", delay=0.0 if progress else 5.0, leave=False, disable=None):
        now = {**batch, column: x}
        offered = trace_batch(model, guide, now, rows, sum_out=False).trace
        kept = trace_batch(model, guide, now, rows, sum_out=False, values=latents).trace
        before = row_weights(kept)
        if torch.isposinf(before).all():  # the guide offers other values with probability zero
            raise _gives_points(model)
        is_taken = torch.rand(rows, device=x.device).log() < row_weights(offered) - before
        latents = {
            key: torch.where(is_taken.view(-1, *[1] * (draw.value.dim() - 1)), draw.value, latents[key])
            for key, draw in offered.latents.items()
        }
        taken += float(is_taken.double().mean()) * (2 * step >= num_steps)
        x = _hidden_given(model, name, now, latents, given, temperature)
    if num_steps > 1 and (rate := taken / (num_steps // 2)) < _RARELY:
        warnings.warn(
            f"complete: of the latents that the guide offered in the second half of the chain, {rate:.1%} were taken: "
            "it hardly moved. Take more steps (num_steps=), or a guide that is nearer to the posterior.",
            stacklevel=4,
        )
    return x


def _must_move(model: ProgramModule, trace: PairedTrace) -> None:
    """Refuse latents that such a chain cannot draw."""
    if shared := [site for site in trace.latents if site in model.sites and not model.sites[site].local]:
        raise Unanswerable(
            f"complete: {label_of(model)} has latents that all rows share",
            expected="latents for each row, drawn by the guide",
            got=", ".join(shared),
            fix="a model of one datum: ppgen.models.VAE, ppgen.models.GatedPixelCNN",
            code="U070",
        )
    if trace.is_point:
        raise _gives_points(model)


def _gives_points(model: ProgramModule) -> Unanswerable:
    return Unanswerable(
        f"complete: the guide gives the latents of {label_of(model)} as points, so that no chain can move",
        expected="latents for each row, drawn by the guide",
        got="one value for each datum",
        fix="a guide that draws: ppgen.guides.MeanField(model), RelaxedCode for the codes of a VQ-VAE; or an "
        "autoregressive model, ppgen.models.GatedPixelCNN",
        code="U071",
    )


def _hidden_given(
    model: ProgramModule,
    name: str,
    batch: Mapping[str, Tensor],
    latents: Mapping[str, Tensor],
    given: Tensor,
    temperature: float,
) -> Tensor:
    """A draw of the hidden values at given latents, beside what is given."""
    fn, x = distribution_of(model, name, batch, latents), batch[model.column_of(name)]
    if isinstance(fn, Autoregressive):
        return fn.tempered(temperature).complete(x, given)
    if (base := unwrapped(fn)).event_dim:
        raise Unanswerable(
            f"complete: the values of {label_of(model)}.{name} depend on each other, given its latents",
            expected="independent values (.to_event), or an Autoregressive distribution",
            got=type(base).__name__,
            fix="a likelihood of independent values: dist.Normal(mean, sd).to_event(1)",
            code="U072",
        )
    return torch.where(given, x, fn.sample().expand(x.shape))
