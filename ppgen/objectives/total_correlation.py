"""The beta-TCVAE's objective: of the rate, only the dependence between latent dimensions is weighted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ppgen.objectives.base import Loss, Moment, Objective, Program, Turn
from ppgen.objectives.bound import parts
from ppgen.objectives.elbo import ELBO
from ppgen.objectives.pairing import Draw
from ppgen.objectives.rate_terms import factorised_latent, log_aggregate, stratified_shares
from ppgen.objectives.requirements import must_be_pathwise, must_have_spread

__all__ = ["TotalCorrelation"]


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

    def __init__(self, beta: float = 6.0, *, warmup: float = 0.0) -> None:
        super().__init__()
        self.bound = ELBO(beta, warmup=warmup)  # checks both, and knows what pairs it can train
        self.beta, self.ramp = self.bound.beta, self.bound.ramp

    @property
    def name(self) -> str:
        return f"TotalCorrelation(beta={self.beta:g}{f', warmup={self.ramp.warmup:g}' if self.ramp.warmup else ''})"

    def settings(self) -> dict[str, Any]:
        return {"beta": self.beta, "warmup": float(self.ramp.warmup)}

    def check(self, model: Program, guide: Program | None) -> None:
        self.bound.check(model, guide)

    def turns(self, model: nn.Module, guide: nn.Module | None) -> list[Turn]:
        return self.bound.turns(model, guide)

    def loss(
        self,
        turn: str,
        model: Program,
        guide: Program | None,
        batch: Mapping[str, Tensor],
        size: int,
        moment: Moment,
    ) -> Loss:
        drawn = parts(model, guide, batch, size)
        must_be_pathwise(drawn.pairing, self.name)
        must_have_spread(drawn.pairing, self.name)
        surrogate = self._surrogate(factorised_latent(drawn.run), size)
        record = drawn.record() | {"surrogate_tc": surrogate.detach()}
        weight = (self.beta - 1) * self.ramp.at(moment.epoch)
        return Loss(drawn.distortion + drawn.rate + weight * surrogate, record)

    def _surrogate(self, latent: Draw, size: int) -> Tensor:
        """The minibatch's stand-in for the total correlation, nats."""
        z = latent.value
        if len(z) == 1 and not torch.is_grad_enabled():  # the last piece of a held-out split, which trains nothing
            return z.new_zeros(())
        joint, product = log_aggregate(z, [latent.guide_fn], stratified_shares(len(z), size, z))
        return (joint - product).mean()
