"""Draws of a guide over global latents, resampled by their importance weights: nearer to the posterior than it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import torch
from torch import Tensor

from ppgen.arguments import whole_number
from ppgen.checked import checked
from ppgen.context import evaluating, seeded
from ppgen.errors import Unanswerable
from ppgen.fitted import Fit
from ppgen.inference import elbo_parts, pareto_k

__all__ = ["ResampledPosterior", "resampled_posterior"]

_TOO_HEAVY = 0.7
_PROPOSED = 4  # draws of the guide for each that is kept


@dataclasses.dataclass(frozen=True, eq=False)
class ResampledPosterior:
    """Draws of the posterior, and what they were made of.

    Args:
        draws: by latent, [num_draws, *event]; the same draw may stand there more than once.
        log_weights: ``log p(x, z) - log q(z)`` of the guide's draws, [K], float64, nats of the data set.
        pareto_k: of their tail.
    """

    draws: Mapping[str, Tensor]
    log_weights: Tensor
    pareto_k: float

    @property
    def effective_share(self) -> float:
        """How many draws of the posterior each of the guide's is worth, ``(sum w)^2 / K sum w^2``; 1 if it is exact."""
        total, square = self.log_weights.logsumexp(0), (2 * self.log_weights).logsumexp(0)
        return float((2 * total - square).exp()) / len(self.log_weights)


@checked(num_draws=1000)
def resampled_posterior(fit: Fit, num_draws: int = 1000, *, seed: int = 0) -> ResampledPosterior:
    """Draw global latents from the guide, four times as often as asked for, and keep them by their importance weights.

    What the family of the guide cannot bend, as a Gaussian the tail of a scale, the weights mend, so long as the guide
    has mass wherever the posterior has: that is what Pareto's k tells. Weights come from all training data, so that
    this costs a pass over them for each draw. Resampling is systematic, from one uniform number.

    References: D. Rubin, "Using the SIR algorithm to simulate posterior distributions", 1988; Y. Yao, A. Vehtari, D.
    Simpson and A. Gelman, "Yes, but did it work?", 2018 (arXiv 1802.02538).

    Args:
        fit: all of whose latents are global and continuous.
        num_draws: how many to keep.
        seed: of all draws.

    Raises:
        Unanswerable: with a latent of each datum, or a discrete one; where Pareto's k is above 0.7.

    Example:
        >>> import pyro.distributions as dist
        >>> import ppgen
        >>> class Mean(ppgen.Model):
        ...     @ppgen.latent(local=False)
        ...     def mu(self):
        ...         return dist.Normal(0.0, 1.0)
        ...     @ppgen.observed
        ...     def x(self, mu):
        ...         return dist.Normal(mu, 1.0)
        >>> fit = ppgen.fit(Mean(), {"train": {"x": torch.ones(3)}}, max_epochs=50, progress=False)
        >>> resampled_posterior(fit, 200).draws["mu"].shape
        torch.Size([200])
    """
    whole_number("resampled_posterior: num_draws", num_draws, at_least=10, suggested=1000)
    latents = [site for site in fit.model.sites.values() if site.role == "latent"]
    if fit.guide is None or not latents or any(site.local or site.is_discrete for site in latents):
        raise Unanswerable(
            "resampled_posterior: weights of a whole posterior are those of global continuous latents",
            expected="latents that all data share, and a guide over them",
            got=", ".join(site.name for site in latents if site.local or site.is_discrete) or "no latents",
            fix="fit.log_weights(data), where each datum has latents of its own",
            code="U089",
        )
    data = fit._batch(fit.data.split("train"))
    rows, found = len(next(iter(data.values()))), []
    with seeded(seed, next(iter(data.values())).device), evaluating(fit.model, fit.guide):
        for _ in range(_PROPOSED * num_draws):
            parts = elbo_parts(fit.model, fit.guide, data, rows, closed_form=False)
            values = {site.name: parts.trace.latents[site.name].value for site in latents}
            found.append((rows * parts.elbo.double(), values))
        start = torch.rand(())
    log_weights = torch.stack([weight for weight, _ in found]).cpu()
    tail = float(pareto_k(log_weights.unsqueeze(1)))
    if not tail <= _TOO_HEAVY:
        raise Unanswerable(
            "resampled_posterior: the guide leaves out a part of the posterior, which no weights bring back",
            expected=f"a Pareto k of at most {_TOO_HEAVY}",
            got=f"{tail:.2f}",
            fix="guide=ppgen.guides.Flow, or fit.gold_posterior()",
            code="U090",
        )
    places = (start.double().cpu() + torch.arange(num_draws)) / num_draws
    kept = torch.searchsorted(log_weights.softmax(0).cumsum(0), places).clamp(max=len(found) - 1).tolist()
    draws = {site.name: torch.stack([found[place][1][site.name] for place in kept]) for site in latents}
    return ResampledPosterior(draws, log_weights, tail)
