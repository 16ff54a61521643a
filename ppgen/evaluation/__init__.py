"""Judge a fit by metrics, which ask for its density, samples and representation, and lay fits side by side."""

from ppgen.evaluation.aggregate_posterior import rate_decomposition, total_correlation
from ppgen.evaluation.annealed_density import (
    AnnealedDensity,
    Sandwich,
    ais,
    annealed_log_prob,
    bdmc,
    sandwiched_log_prob,
)
from ppgen.evaluation.answer import Answer
from ppgen.evaluation.bound_curve import bound_curve
from ppgen.evaluation.compare import Comparison, compare
from ppgen.evaluation.compare_posteriors import compare_posteriors
from ppgen.evaluation.data_split import DataSplit
from ppgen.evaluation.density import LogDensities, factorised_log_prob, log_densities
from ppgen.evaluation.encodings import Encodings, Labelled, encodings, labelled
from ppgen.evaluation.evaluate import evaluate
from ppgen.evaluation.features import FeatureNetwork, feature_network
from ppgen.evaluation.gap_ledger import GapLedger, gap_ledger
from ppgen.evaluation.gold_posterior import gold_posterior
from ppgen.evaluation.gradient_noise import GradientNoise, gradient_noise
from ppgen.evaluation.guide_tail import heavy_tails
from ppgen.evaluation.kid import kid
from ppgen.evaluation.metric import Column, Evaluation, Measured, Metric, itself, metric
from ppgen.evaluation.metrics import METRICS, ON_REQUEST
from ppgen.evaluation.paired_difference import PairedDifference, Standing, paired_difference
from ppgen.evaluation.paired_interval import paired_interval
from ppgen.evaluation.posterior_comparison import PosteriorComparison
from ppgen.evaluation.posterior_distance import PosteriorDistance, posterior_distance
from ppgen.evaluation.prdc import density_and_coverage, expected_coverage, precision_and_recall
from ppgen.evaluation.principal_components import PrincipalComponents
from ppgen.evaluation.probes import knn_accuracy, probe_accuracy
from ppgen.evaluation.representation import count_active_units, reconstruction_error
from ppgen.evaluation.sampling import Clouds, clouds
from ppgen.evaluation.scorecard import Scorecard

__all__ = [
    "METRICS",
    "ON_REQUEST",
    "AnnealedDensity",
    "Answer",
    "Clouds",
    "Column",
    "Comparison",
    "DataSplit",
    "Encodings",
    "Evaluation",
    "FeatureNetwork",
    "GapLedger",
    "GradientNoise",
    "Labelled",
    "LogDensities",
    "Measured",
    "Metric",
    "PairedDifference",
    "PosteriorComparison",
    "PosteriorDistance",
    "PrincipalComponents",
    "Sandwich",
    "Scorecard",
    "Standing",
    "ais",
    "annealed_log_prob",
    "bdmc",
    "bound_curve",
    "clouds",
    "compare",
    "compare_posteriors",
    "count_active_units",
    "density_and_coverage",
    "encodings",
    "evaluate",
    "expected_coverage",
    "factorised_log_prob",
    "feature_network",
    "gap_ledger",
    "gold_posterior",
    "gradient_noise",
    "heavy_tails",
    "itself",
    "kid",
    "knn_accuracy",
    "labelled",
    "log_densities",
    "metric",
    "paired_difference",
    "paired_interval",
    "posterior_distance",
    "precision_and_recall",
    "probe_accuracy",
    "rate_decomposition",
    "reconstruction_error",
    "sandwiched_log_prob",
    "total_correlation",
]
