"""Discrete codes by Gumbel-softmax draws: the objective of the relaxed variant of a VQ-VAE."""

from __future__ import annotations

__all__ = ["GumbelSoftmax"]

import dataclasses

from ppgen.arguments import finite_number
from ppgen.declare import PyroProgram, label_of
from ppgen.errors import SettingError
from ppgen.guides import RelaxedCode
from ppgen.inference import elbo_parts
from ppgen.objectives.elbo import ELBO
from ppgen.objectives.objective import Loss, Objective, State, Step


@dataclasses.dataclass(frozen=True)
class GumbelSoftmax(Objective):
    """Train a model over a codebook with a guide that draws codes, by the gradient of relaxed draws.

    ``loss = -log p(x | z) - log p(z) - beta * H(q(z | x))``, in nats per datum, at a draw of z: at ``beta = 1`` minus
    the ELBO, with the entropy H in closed form. The gradient of the first term is the straight-through Gumbel-softmax
    one, which is biased, and reaches decoder, codebook and encoder. That of the second reaches the prior alone: what a
    code costs does not change which is chosen, so that the guide is drawn to codes of equal use, as by a uniform prior.

    The record holds the bound with its parts, ``perplexity`` and ``usage`` of the codes of a batch as of
    :class:`~ppgen.objectives.VectorQuantization`, and the guide's ``entropy``.

    References: E. Jang, S. Gu and B. Poole, "Categorical reparameterization with Gumbel-softmax", 2017
    (arXiv 1611.01144); A. Ramesh et al., "Zero-shot text-to-image generation", 2021 (arXiv 2102.12092).

    Args:
        beta: what the entropy of the guide earns, at least 0.

    Raises:
        SettingError: on a setting out of range; by :meth:`check`, on another guide than
            :class:`~ppgen.guides.RelaxedCode`.

    Example:
        >>> GumbelSoftmax(0.5).name
        'GumbelSoftmax(beta=0.5)'
    """

    beta: float = 1.0

    def __post_init__(self) -> None:
        finite_number("GumbelSoftmax: beta", self.beta, at_least=0, suggested=1)

    def check(self, model: PyroProgram, guide: PyroProgram | None) -> None:
        ELBO().check(model, guide)
        if not isinstance(guide, RelaxedCode):
            raise SettingError(
                "GumbelSoftmax: the guide draws no relaxed codes",
                expected="ppgen.guides.RelaxedCode",
                got=label_of(guide),
                fix="guide=ppgen.guides.RelaxedCode(ppgen.nets.GridEncoder(x_shape, num_codes), model.codebook)",
                code="S194",
            )

    def loss(self, state: State, player: str, step: Step) -> Loss:
        parts = elbo_parts(step.model, step.guide, step.batch, step.size)
        (latent,) = parts.trace.latents.values()
        entropy = latent.guide_fn.entropy().mean()
        # The sampled rate would add the guide's score, whose mean is 0.
        value = parts.distortion - latent.log_prob().mean() - self.beta * entropy
        codebook = step.guide.codebook
        codes = codebook.codes(latent.value.detach())
        shares = codebook.shares(codes)
        record = {"entropy": entropy.detach(), "perplexity": codebook.perplexity(codes)}
        return Loss(value, parts.record() | record | {"usage": (shares > 0).to(shares.dtype).mean()})
