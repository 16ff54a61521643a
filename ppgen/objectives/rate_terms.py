"""The rate of a factorised latent in three terms: mutual information, total correlation, dimension-wise KL."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Independent

from ppgen.errors import DeclarationError, SettingError
from ppgen.objectives.bound import data_frame
from ppgen.objectives.pairing import Draw
from ppgen.objectives.run import Run

__all__ = ["factorised_latent", "log_aggregate", "stratified_shares"]


def factorised_latent(ran: Run) -> Draw:
    """The one latent of a run whose aggregate density ``q(z) = 1/N sum_n q(z | x_n)`` can be computed.

    Raises:
        DeclarationError: naming the latents, if there is not exactly one, local and continuous, or if guide or prior
            do not factorise over its dimensions.
    """
    pairing = ran.pairing
    local = [draw for draw in pairing.latents.values() if data_frame(draw, pairing.rows) is not None]
    names = [*pairing.latents, *(ran.expanded.log_q if ran.expanded is not None else ())]
    if len(local) != 1 or len(names) != 1:
        raise DeclarationError(
            "total correlation: q(z) is known in closed form for one latent alone, and here it depends on others",
            expected="one vector of latent dimensions for each datum, and no other latent",
            got=f"latents {', '.join(names) or 'none'}",
            fix="objective=ppgen.ELBO(beta=4.0), or one latent of all dimensions: "
            "dist.Normal(0.0, 1.0).expand([dim]).to_event(1)",
        )
    draw = local[0]
    for owner, fn in (("guide", draw.guide_fn), ("prior", draw.model_fn)):
        if not isinstance(fn, Independent) or fn.base_dist.event_shape or len(fn.batch_shape) != 1:
            raise DeclarationError(
                f"total correlation: the {owner} of {draw.name!r} is not independent over dimensions",
                expected="one vector for each datum, dist.Normal(loc, scale).to_event(1)",
                got=f"{type(fn).__name__} of batch shape {list(fn.batch_shape)}, event shape {list(fn.event_shape)}",
                fix="guide=ppgen.guides.MeanField(model)" if owner == "guide" else "objective=ppgen.ELBO(beta=4.0)",
            )
    if draw.mask is not None and draw.mask is not True:
        raise DeclarationError(
            f"total correlation: {draw.name!r} is masked, so that not every datum has a code",
            expected="a latent without a mask",
            fix="objective=ppgen.ELBO(beta=4.0)",
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

    Raises:
        SettingError: if the batch has a single row, or more rows than there are data.
    """
    if not 2 <= rows <= size:
        raise SettingError(
            "total correlation: the minibatch does not represent the data",
            expected=f"2 to {size} rows",
            got=str(rows),
            fix="batch_size=128",
        )
    shares = like.new_full((rows, rows), math.log((size - 1) / (size * (rows - 1))))
    return shares.fill_diagonal_(-math.log(size))
