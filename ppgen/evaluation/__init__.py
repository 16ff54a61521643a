"""Judge a fit by three questions, density, sampling and representation, and lay fits side by side."""

from ppgen.evaluation.aggregate_posterior import rate_decomposition, total_correlation
from ppgen.evaluation.compare import Comparison, compare
from ppgen.evaluation.density import factorised_log_prob
from ppgen.evaluation.evaluate import evaluate
from ppgen.evaluation.features import FeatureNetwork, feature_network
from ppgen.evaluation.gradient_noise import GradientNoise, gradient_noise
from ppgen.evaluation.kid import kid
from ppgen.evaluation.paired_difference import PairedDifference, Standing, paired_difference, paired_interval
from ppgen.evaluation.prdc import density_and_coverage, expected_coverage, precision_and_recall
from ppgen.evaluation.probes import knn_accuracy, probe_accuracy
from ppgen.evaluation.representation import PrincipalComponents, count_active_units, reconstruction_error
from ppgen.evaluation.scorecard import DataSplit, Scorecard

__all__ = [
    "Comparison",
    "DataSplit",
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
