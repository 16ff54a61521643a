"""Where a bound loses: log p(x) - ELBO, split into what the family, the encoder and the estimate of log p cost."""

from __future__ import annotations

import dataclasses

from torch import Tensor

from ppgen.arguments import whole_number
from ppgen.checked import checked
from ppgen.estimate import Estimate
from ppgen.evaluation.annealed_density import annealed_log_prob, sandwiched_log_prob
from ppgen.evaluation.mean_over_data import mean_over_data
from ppgen.evaluation.refinement import with_refined_guide
from ppgen.fitted import Fit
from ppgen.inference import importance

__all__ = ["GapLedger", "gap_ledger"]

_SIMULATED = 50  # data that the model draws, on which the two bounds meet
_DRAWS = 16  # for each datum in a step to q*: with one, a full-rank guide of 50 latents gets worse, not better


@dataclasses.dataclass(frozen=True)
class GapLedger:
    """The gap between log p(x) and the ELBO, mean over data in nats, and its parts.

    Args:
        log_prob: log p(x) by annealed importance sampling from q*, a lower bound in expectation.
        elbo: of the guide.
        total: ``log_prob - elbo``.
        approximation: what the best member of the guide's family for each datum still lacks: ``log_prob`` less the ELBO
            of the refined guide.
        amortization: what the encoder loses against it.
        slack: how far the two bounds on log p are apart on draws of the model: what ``log_prob`` may be too low by.
    """

    log_prob: Estimate
    elbo: Estimate
    total: Estimate
    approximation: Estimate
    amortization: Estimate
    slack: Estimate

    def __str__(self) -> str:
        lines = (
            ("log p(x)", self.log_prob),
            ("ELBO", self.elbo),
            ("gap", self.total),
            ("  of the family", self.approximation),
            ("  of the encoder", self.amortization),
            ("bound slack", self.slack),
        )
        return "\n".join(f"{name:<17}{estimate}" for name, estimate in lines)


@checked
def gap_ledger(
    fit: Fit,
    data: object = None,
    *,
    num_particles: int = 100,
    num_steps: int = 1000,
    num_chains: int = 16,
    refinement: int = 300,
    seed: int = 0,
) -> GapLedger:
    """Split ``log p(x) - ELBO``: how much is the family's fault, how much the encoder's.

    ``log p - ELBO = (log p - ELBO of q*) + (ELBO of q* - ELBO)``, where q* is the best member of the guide's family for
    each datum by itself, found by gradient steps from the encoder's (:class:`ppgen.guides.Refined`). Both ELBOs are
    sampled by the same noise, so that their difference is known better than either. The first part is too small by as
    much as log p is underestimated; ``slack`` says how much that is on data that the model draws. The search need not
    find q*: what it misses is counted as the family's and not as the encoder's.

    Reference: Cremer, Li & Duvenaud, "Inference suboptimality in variational autoencoders", 2018, section 3.

    Args:
        fit: with a derived guide, and latents with one value per datum.
        data: as :meth:`ppgen.Fit.log_prob` takes it; default: the test split.
        num_particles: draws of each ELBO for each datum.
        num_steps: temperatures of the estimates of log p.
        num_chains: chains of each datum.
        refinement: gradient steps to q*.
        seed: of all draws.

    Raises:
        Unanswerable: for a guide that is not derived, or that has no encoder; and as :func:`annealed_log_prob` says.

    Example:
        >>> import ppgen
        >>> model = ppgen.models.VAE(x_shape=(1, 8, 8), latent_dim=2)
        >>> fit = ppgen.fit(model, "digits", max_epochs=1, progress=False)
        >>> found = gap_ledger(fit, fit.data.split("test")["x"][:4], num_steps=5, num_chains=4, refinement=5)
        >>> abs(found.total.value - found.approximation.value - found.amortization.value) < 1e-9
        True
    """
    whole_number("num_particles", num_particles, suggested=100)
    # Chains that start at the best member are closer to the posterior.
    best = with_refined_guide(fit, "gap_ledger", steps=refinement, num_particles=_DRAWS, seed=seed)
    batch = fit._batch(data)
    elbo, refined = (importance.elbo(fit.model, q, batch, num_particles, seed).cpu() for q in (fit.guide, best.guide))
    log_prob = annealed_log_prob(best, batch, num_steps, num_chains=num_chains, seed=seed)
    apart = sandwiched_log_prob(best, min(_SIMULATED, len(elbo)), num_steps, num_chains=num_chains, seed=seed)
    ais, bound = f"AIS-{num_steps}x{num_chains}", f"ELBO-{num_particles}"
    return GapLedger(
        log_prob=log_prob.mean,
        elbo=fit._estimate(elbo, "lower bound", bound, batch),
        total=_mean(log_prob.values - elbo, f"{ais} - {bound}"),
        approximation=_mean(log_prob.values - refined, f"{ais} - refined {bound}"),
        amortization=_mean(refined - elbo, f"refined {bound} - {bound}"),
        slack=_mean(apart.high - apart.low, f"BDMC-{num_steps}x{num_chains} on draws of the model"),
    )


def _mean(values: Tensor, estimator: str) -> Estimate:
    """Of differences by datum, [N], with its standard error over data and draws."""
    return mean_over_data(values, unit="nats", estimator=estimator, better="lower")
