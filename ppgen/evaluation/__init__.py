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
from ppgen.evaluation.beta_vae_score import beta_vae_score
from ppgen.evaluation.bound_curve import bound_curve
from ppgen.evaluation.calibration import Calibration, simulation_based_calibration
from ppgen.evaluation.class_shares import class_entropy, rarest_class
from ppgen.evaluation.classify import ClassPosterior, classify
from ppgen.evaluation.clusters import cluster_scores
from ppgen.evaluation.compare import Comparison, compare
from ppgen.evaluation.compare_posteriors import compare_posteriors
from ppgen.evaluation.data_copying import data_copying
from ppgen.evaluation.data_split import DataSplit
from ppgen.evaluation.dci import dci_scores
from ppgen.evaluation.density import LogDensities, log_densities
from ppgen.evaluation.detect_outliers import detect_outliers
from ppgen.evaluation.detection import Detection, Rate, detection
from ppgen.evaluation.disentanglement import DISENTANGLEMENT, disentanglement
from ppgen.evaluation.draws import Draws, draws
from ppgen.evaluation.encodings import Encodings, Labelled, encodings, labelled
from ppgen.evaluation.evaluate import evaluate
from ppgen.evaluation.factor_vae_score import factor_vae_score
from ppgen.evaluation.factored import FactorCodes
from ppgen.evaluation.factorised_density import factorised_log_prob
from ppgen.evaluation.features import FeatureNetwork, feature_network
from ppgen.evaluation.fid import fid
from ppgen.evaluation.foils import foils
from ppgen.evaluation.gap_ledger import GapLedger, gap_ledger
from ppgen.evaluation.gold_posterior import gold_posterior
from ppgen.evaluation.gradient_noise import GradientNoise, gradient_noise
from ppgen.evaluation.guide_tail import heavy_tails
from ppgen.evaluation.input_complexity import compressed_bits
from ppgen.evaluation.interval_coverage import IntervalCoverage, interval_coverage
from ppgen.evaluation.judge import Judge, judge_of
from ppgen.evaluation.kid import kid
from ppgen.evaluation.latent_space import neighbourhoods_kept
from ppgen.evaluation.metric import Column, Evaluation, Measured, Metric, itself, metric
from ppgen.evaluation.metrics import METRICS, ON_REQUEST
from ppgen.evaluation.modularity import modularity_score
from ppgen.evaluation.mutual_information_gap import mutual_information_gap
from ppgen.evaluation.outlier_comparison import OutlierComparison
from ppgen.evaluation.outlier_measure import OutlierScore
from ppgen.evaluation.outlier_p_value import CalibratedScores, ReferenceRows, outlier_score, reference_rows
from ppgen.evaluation.outlier_scores import OUTLIER_SCORES
from ppgen.evaluation.over_fits import over_fits
from ppgen.evaluation.paired_difference import PairedDifference, Standing, paired_difference
from ppgen.evaluation.paired_interval import paired_interval
from ppgen.evaluation.posterior_comparison import PosteriorComparison
from ppgen.evaluation.posterior_distance import PosteriorDistance, posterior_distance
from ppgen.evaluation.prdc import density_and_coverage, expected_coverage, precision_and_recall
from ppgen.evaluation.principal_components import PrincipalComponents
from ppgen.evaluation.probes import knn_accuracy, probe_accuracy
from ppgen.evaluation.representation import count_active_units, reconstruction_error
from ppgen.evaluation.resampled_posterior import ResampledPosterior, resampled_posterior
from ppgen.evaluation.sampling import Clouds, clouds
from ppgen.evaluation.scorecard import Scorecard
from ppgen.evaluation.separated_predictability import separated_predictability
from ppgen.evaluation.suspects import Suspects, suspects
from ppgen.evaluation.two_sample import classifier_two_sample
from ppgen.evaluation.walk_scores import WalkScores, walk_scores

__all__ = [
    "DISENTANGLEMENT",
    "METRICS",
    "ON_REQUEST",
    "OUTLIER_SCORES",
    "AnnealedDensity",
    "Answer",
    "CalibratedScores",
    "Calibration",
    "ClassPosterior",
    "Clouds",
    "Column",
    "Comparison",
    "DataSplit",
    "Detection",
    "Draws",
    "Encodings",
    "Evaluation",
    "FactorCodes",
    "FeatureNetwork",
    "GapLedger",
    "GradientNoise",
    "IntervalCoverage",
    "Judge",
    "Labelled",
    "LogDensities",
    "Measured",
    "Metric",
    "OutlierComparison",
    "OutlierScore",
    "PairedDifference",
    "PosteriorComparison",
    "PosteriorDistance",
    "PrincipalComponents",
    "Rate",
    "ReferenceRows",
    "ResampledPosterior",
    "Sandwich",
    "Scorecard",
    "Standing",
    "Suspects",
    "WalkScores",
    "ais",
    "annealed_log_prob",
    "bdmc",
    "beta_vae_score",
    "bound_curve",
    "class_entropy",
    "classifier_two_sample",
    "classify",
    "clouds",
    "cluster_scores",
    "compare",
    "compare_posteriors",
    "compressed_bits",
    "count_active_units",
    "data_copying",
    "dci_scores",
    "density_and_coverage",
    "detect_outliers",
    "detection",
    "disentanglement",
    "draws",
    "encodings",
    "evaluate",
    "expected_coverage",
    "factor_vae_score",
    "factorised_log_prob",
    "feature_network",
    "fid",
    "foils",
    "gap_ledger",
    "gold_posterior",
    "gradient_noise",
    "heavy_tails",
    "interval_coverage",
    "itself",
    "judge_of",
    "kid",
    "knn_accuracy",
    "labelled",
    "log_densities",
    "metric",
    "modularity_score",
    "mutual_information_gap",
    "neighbourhoods_kept",
    "outlier_score",
    "over_fits",
    "paired_difference",
    "paired_interval",
    "posterior_distance",
    "precision_and_recall",
    "probe_accuracy",
    "rarest_class",
    "rate_decomposition",
    "reconstruction_error",
    "reference_rows",
    "resampled_posterior",
    "sandwiched_log_prob",
    "separated_predictability",
    "simulation_based_calibration",
    "suspects",
    "total_correlation",
    "walk_scores",
]
