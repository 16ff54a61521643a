"""Likelihood regret: how much a guide of its own would improve the bound of a datum."""

from __future__ import annotations

from torch import Tensor

from ppgen.evaluation.outlier_measure import OutlierScore
from ppgen.evaluation.refinement import with_refined_guide
from ppgen.evaluation.suspects import Suspects
from ppgen.inference import importance

__all__ = ["LIKELIHOOD_REGRET"]

_STEPS = 100  # of Adam for each datum, as in the paper


def _likelihood_regret(rows: Suspects) -> Tensor:
    """``ELBO(x; q*) - ELBO(x; q)``, nats, where q* is the best member of the guide's family for x by itself.

    The encoder has learnt where data like the training data lie; of others, a guess of its own for each is much better.
    Means and scales are what is optimised (:class:`ppgen.guides.Refined`), and both bounds see the same noise.

    Reference: Z. Xiao, Q. Yan and Y. Amit, "Likelihood regret: an out-of-distribution detection score for variational
    auto-encoder", 2020 (arXiv 2003.02977), who let the encoder's weights go for each datum.
    """
    best = with_refined_guide(rows.fit, "likelihood regret", steps=_STEPS, seed=rows.seed)
    bounds = [
        importance.elbo(fit.model, fit.guide, rows.batch, rows.num_particles, rows.seed) for fit in (best, rows.fit)
    ]
    return bounds[0] - bounds[1]


LIKELIHOOD_REGRET = OutlierScore("regret", _likelihood_regret, "likelihood regret")
