"""The likelihood ratio against a background: what is improbable beyond what its values alone account for."""

from __future__ import annotations

from torch import Tensor

from ppgen.errors import Unanswerable
from ppgen.evaluation.outlier_measure import OutlierScore
from ppgen.evaluation.suspects import Suspects

__all__ = ["LIKELIHOOD_RATIO"]


def _likelihood_ratio(rows: Suspects) -> Tensor:
    """``log p_background(x) - log p(x)``, nats.

    Both densities count the same easy pixels of an empty margin; what is left is what only the model of the training
    data knows. The background is a fit of the same model to perturbed data: :func:`ppgen.data.mutated`.

    Reference: J. Ren et al., "Likelihood ratios for out-of-distribution detection", 2019 (arXiv 1906.02845).

    Raises:
        Unanswerable: without a background.
    """
    if rows.background is None:
        raise Unanswerable(
            "likelihood ratio: there is no background",
            expected="a fit of the same model to perturbed data",
            got="background=None",
            fix="background=ppgen.fit(model_of_the_same_kind, ppgen.data.mutated(fit.data))",
            code="U080",
        )
    theirs = rows.background.log_prob_per_datum(rows.batch, rows.num_particles, seed=rows.seed)
    return theirs - rows.log_prob


LIKELIHOOD_RATIO = OutlierScore("ratio", _likelihood_ratio, "likelihood ratio")
