"""Judge a fit by three questions, density, sampling and representation, and lay fits side by side."""

from __future__ import annotations

from ppgen.evaluation.active_units import count_active_units
from ppgen.evaluation.aggregate_posterior import rate_decomposition, total_correlation
from ppgen.evaluation.bootstrap import paired_interval
from ppgen.evaluation.comparison import Comparison, compare
from ppgen.evaluation.density_coverage import density_and_coverage, expected_coverage
from ppgen.evaluation.factorised_density import factorised_log_prob
from ppgen.evaluation.features import feature_network
from ppgen.evaluation.kernel_distance import kid
from ppgen.evaluation.knn import knn_accuracy
from ppgen.evaluation.linear_probe import probe_accuracy
from ppgen.evaluation.network import FeatureNetwork
from ppgen.evaluation.pairs import PairedDifference, paired_difference
from ppgen.evaluation.precision_recall import precision_and_recall
from ppgen.evaluation.principal_components import PrincipalComponents
from ppgen.evaluation.questions import evaluate
from ppgen.evaluation.reconstruction import reconstruction_error
from ppgen.evaluation.scorecard import Scorecard
from ppgen.evaluation.signal_to_noise import GradientNoise, gradient_noise
from ppgen.evaluation.standings import Standing

__all__ = [
    "Comparison",
    "FeatureNetwork",
    "GradientNoise",
    "PairedDifference",
    "PrincipalComponents",
    "Scorecard",
    "Standing",
    "compare",
    "count_active_units",
    "density_and_coverage",
    "evaluate",
    "expected_coverage",
    "factorised_log_prob",
    "feature_network",
    "gradient_noise",
    "kid",
    "knn_accuracy",
    "paired_difference",
    "paired_interval",
    "precision_and_recall",
    "probe_accuracy",
    "rate_decomposition",
    "reconstruction_error",
    "total_correlation",
]
