"""The beta-TCVAE's objective: of the rate, only the dependence between latent dimensions is weighted."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Independent

from ppgen.declare import PyroProgram
from ppgen.errors import DeclarationError, SettingError
from ppgen.inference import BatchTrace, PairedSite, data_frame, elbo_parts
from ppgen.objectives.elbo import ELBO
from ppgen.objectives.objective import Loss, Objective, State, Step, TrainingPosition
from ppgen.objectives.requirements import must_be_pathwise, must_be_plain, must_have_spread

__all__ = ["TotalCorrelation", "factorised_latent", "log_aggregate", "stratified_shares"]


@dataclasses.dataclass(frozen=True)
class TotalCorrelation(Objective):
    """Maximise the ELBO with a weight on the total correlation of the aggregate posterior (beta-TCVAE).

    ``loss = distortion + I(x; z) + beta TC(z) + sum_d KL(q(z_d) || p(z_d))``, in nats per datum, where
    ``TC(z) = KL(q(z) || prod_d q(z_d))`` and ``q(z) = 1/N sum_n q(z | x_n)``; at ``beta = 1`` the three terms add up to
    the rate, and the loss is ``-ELBO`` (Chen et al., 2018, Isolating Sources of Disentanglement in VAEs, equation 2).

    In training ``q(z)`` comes from the minibatch by stratified sampling. Its density has no bias, its logarithm has:
    the record calls the term ``surrogate_tc``, and it is no measurement. ``ppgen.evaluation.total_correlation``
    measures the quantity, on a fixed set. (The weighted sampling of the same paper is off by about log N.)

    Args:
        beta: weight of the total correlation, at least 0.
        warmup: epochs over which it goes linearly from 1, the plain ELBO, to ``beta``.

    Raises:
        SettingError: on a negative or non-finite setting; a batch of one row.
        DeclarationError: from the loss, unless the model has one local latent, whose guide and prior factorise.

    Example:
        >>> TotalCorrelation(6.0).name
        'TotalCorrelation(beta=6)'
    """

    beta: float = 6.0
    warmup: float = dataclasses.field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        for name in ("beta", "warmup"):
            object.__setattr__(self, name, getattr(self.bound, name))

    @functools.cached_property
    def bound(self) -> ELBO:
        """The ELBO of the same settings, which checks them and knows what pairs it can train."""
        return ELBO(self.beta, warmup=self.warmup)

    @property
    def name(self) -> str:
        return f"TotalCorrelation(beta={self.beta:g}{f', warmup={self.warmup:g}' if self.warmup else ''})"

    def check(self, model: PyroProgram, guide: PyroProgram | None) -> None:
        self.bound.check(model, guide)

    def schedule(self, position: TrainingPosition) -> dict[str, float]:
        """What the total correlation weighs beyond its part of the rate: ``beta - 1``, after the warm-up."""
        return {"tc_weight": (self.beta - 1) * self.bound.ramp.at(position.epoch)}

    def loss(self, state: State, player: str, step: Step) -> Loss:
        drawn = elbo_parts(step.model, step.guide, step.batch, step.size)
        must_be_pathwise(drawn.trace.latents, self)
        must_be_plain(drawn.trace, self)
        must_have_spread(drawn.trace, self)
        surrogate = self._surrogate(factorised_latent(drawn.traced), step.size)
        record = drawn.record() | {"surrogate_tc": surrogate.detach()}
        weight = step.schedule["tc_weight"].to(surrogate.dtype)
        return Loss(drawn.distortion + drawn.rate + weight * surrogate, record)

    def _surrogate(self, latent: PairedSite, size: int) -> Tensor:
        """The minibatch's stand-in for the total correlation, nats."""
        z = latent.value
        if len(z) == 1 and not torch.is_grad_enabled():  # the last piece of a held-out split, which trains nothing
            return z.new_zeros(())
        joint, product = log_aggregate(z, [latent.guide_fn], stratified_shares(len(z), size, z))
        return (joint - product).mean()


def factorised_latent(traced: BatchTrace) -> PairedSite:
    """The one latent of a run whose aggregate density ``q(z) = 1/N sum_n q(z | x_n)`` can be computed.

    Raises:
        DeclarationError: naming the latents, if there is not exactly one, local and continuous, or if guide or prior
            do not factorise over its dimensions.
    """
    trace = traced.trace
    local = [draw for draw in trace.latents.values() if data_frame(draw, trace.rows) is not None]
    names = [*trace.latents, *(traced.enumerated.log_q if traced.enumerated is not None else ())]
    if len(local) != 1 or len(names) != 1:
        raise DeclarationError(
            "total correlation: q(z) is known in closed form for one latent alone, and here it depends on others",
            expected="one vector of latent dimensions for each datum, and no other latent",
            got=f"latents {', '.join(names) or 'none'}",
            fix="objective=ppgen.ELBO(beta=4.0), or one latent of all dimensions: "
            "dist.Normal(0.0, 1.0).expand([dim]).to_event(1)",
            code="M052",
        )
    draw = local[0]
    for owner, fn in (("guide", draw.guide_fn), ("prior", draw.model_fn)):
        if not isinstance(fn, Independent) or fn.base_dist.event_shape or len(fn.batch_shape) != 1:
            raise DeclarationError(
                f"total correlation: the {owner} of {draw.name!r} is not independent over dimensions",
                expected="one vector for each datum, dist.Normal(loc, scale).to_event(1)",
                got=f"{type(fn).__name__} of batch shape {list(fn.batch_shape)}, event shape {list(fn.event_shape)}",
                fix="guide=ppgen.guides.MeanField(model)" if owner == "guide" else "objective=ppgen.ELBO(beta=4.0)",
                code="M053",
            )
    if draw.mask is not None and draw.mask is not True:
        raise DeclarationError(
            f"total correlation: {draw.name!r} is masked, so that not every datum has a code",
            expected="a latent without a mask",
            fix="objective=ppgen.ELBO(beta=4.0)",
            code="M054",
        )
    return draw


def log_aggregate(z: Tensor, posteriors: Sequence[Any], log_share: Tensor) -> tuple[Tensor, Tensor]:
    """``log q(z)`` and ``sum_d log q(z_d)`` of a mixture of factorised posteriors, at every draw.

    Args:
        z: draws, [S, *event].
        posteriors: independent distributions, of batch shapes that add up to N.
        log_share: log-weight of each posterior in the mixture, [N], or [S, N] if it differs from draw to draw.

    Returns:
        Two tensors [S], nats.
    """
    by_pair = torch.cat([q.base_dist.log_prob(z.unsqueeze(1)).flatten(2) for q in posteriors], 1)  # [S, N, D]
    joint = (log_share + by_pair.sum(-1)).logsumexp(-1)
    product = (log_share.unsqueeze(-1) + by_pair).logsumexp(-2).sum(-1)
    return joint, product


def stratified_shares(rows: int, size: int, like: Tensor) -> Tensor:
    """``log`` of the weight of posterior j in the estimated aggregate at draw i, [rows, rows]; a row sums to 1.

    A draw's own posterior has weight 1/N; the other B - 1 of the minibatch stand for the other N - 1 of the data
    (Chen et al., 2018, appendix C.2, averaged over which of them is the last). The density has no bias; for B = N it
    is exact.

    Args:
        rows: B.
        size: N.
        like: a tensor of the type and device wanted.

    Raises:
        SettingError: if the batch has a single row, or more rows than there are data.
    """
    if not 2 <= rows <= size:
        raise SettingError(
            "total correlation: the minibatch does not represent the data",
            expected=f"2 to {size} rows",
            got=str(rows),
            fix="batch_size=128",
            code="S096",
        )
    shares = like.new_full((rows, rows), math.log((size - 1) / (size * (rows - 1))))
    return shares.fill_diagonal_(-math.log(size))
