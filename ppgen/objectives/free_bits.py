"""Free bits: a rate below a floor costs no more than the floor."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.distributions import Independent
from torch.distributions.kl import kl_divergence

from ppgen.errors import DeclarationError
from ppgen.inference.bound import ELBOParts, data_frame, full_size
from ppgen.inference.paired_trace import PairedSite

__all__ = ["floored_rate"]


def floored_rate(particles: Sequence[ELBOParts], floor: float, per: str, *, closed_form: bool) -> Tensor:
    """``sum_j max(floor, mean over the batch of KL_j)``, nats per datum (Kingma et al., 2016, Improved Variational
    Inference with Inverse Autoregressive Flow, equation 15).

    The mean over batch and particles is taken inside the maximum, as published: a datum may spend less than the floor
    if others spend more. Global latents, whose rate is shared by all data, have no floor.

    Args:
        particles: parts of the bound, one for each draw of the guide.
        floor: nats per datum of each group.
        per: the groups: ``"site"`` for one a latent, ``"dimension"`` for one a dimension of each latent.
        closed_form: as for the bound; only for ``"dimension"``.

    Raises:
        DeclarationError: naming a latent whose rate is no sum over its dimensions.
    """
    first = particles[0]
    total = first.distortion.new_zeros(())
    for name in first.rates:
        draw = first.trace.latents.get(name)
        if draw is not None and (draw.model_fn is None or data_frame(draw, first.trace.rows) is None):
            total = total + torch.stack([drawn.rates[name] for drawn in particles]).mean()
            continue
        if draw is None or per == "site":
            groups = torch.stack([drawn.rates[name] for drawn in particles]).mean(0)
        else:
            groups = torch.stack([_by_dimension(drawn, name, closed_form) for drawn in particles]).mean(0)
        total = total + groups.clamp(min=floor).sum()
    return total


def _by_dimension(drawn: ELBOParts, name: str, closed_form: bool) -> Tensor:
    """One latent's rate by dimension, nats per datum: [D], over events and plates inside the data plate."""
    draw, enumerated = drawn.trace.latents[name], drawn.traced.enumerated
    rate = _dimension_rates(draw, closed_form)
    frame = data_frame(draw, drawn.traced.rows)
    by_row = rate.movedim(frame.dim - draw.guide_fn.event_dim, 0).reshape(drawn.traced.rows, -1)
    if enumerated is not None:
        return (enumerated.log_weight.exp().unsqueeze(1) * by_row).sum(0) / enumerated.num_data
    return by_row.sum(0) / full_size(drawn.trace)


def _dimension_rates(draw: PairedSite, closed_form: bool) -> Tensor:
    """``KL(q || p)`` or its log-ratio, elementwise and scaled: [*plates, *event]."""
    q, p, event_dim = draw.guide_fn, draw.model_fn, draw.guide_fn.event_dim
    if event_dim:
        factorise = isinstance(q, Independent) and isinstance(p, Independent)
        q, p = getattr(q, "base_dist", q), getattr(p, "base_dist", p)
        if not factorise or q.event_shape or p.event_shape:
            raise DeclarationError(
                f"free_bits_per='dimension': the rate of {draw.name!r} is no sum over its dimensions",
                expected="guide and prior independent over dimensions: dist.Normal(loc, scale).to_event(1)",
                got=f"{type(draw.guide_fn).__name__} in the guide, {type(draw.model_fn).__name__} in the model",
                fix='free_bits_per="site"',
            )
    rate = None
    if closed_form and draw.has_valid_kl:
        try:
            rate = kl_divergence(q, p)
        except NotImplementedError:
            rate = None
    if rate is None:
        rate = q.log_prob(draw.value) - p.log_prob(draw.value)
    scale = draw.scale.reshape(draw.scale.shape + (1,) * event_dim) if isinstance(draw.scale, Tensor) else draw.scale
    mask = draw.mask
    if isinstance(mask, Tensor):
        rate = torch.where(mask.reshape(mask.shape + (1,) * event_dim), rate, rate.new_zeros(()))
    elif mask is False:
        rate = torch.zeros_like(rate)
    return rate * scale
