"""Running a guide and a model on a batch, and what follows: bounds, weights, posterior and predictive draws."""

from ppgen.inference.annealing import AnnealedWeights, anneal, find_path, forget
from ppgen.inference.arviz_data import arviz_data
from ppgen.inference.batch_trace import BatchTrace, discrete_sites, enumerate_discrete, replay_batch, trace_batch
from ppgen.inference.bound import (
    ELBOParts,
    data_frame,
    elbo_parts,
    elbo_parts_of,
    full_size,
    kl_per_dimension,
    per_datum,
    rate_per_dimension,
    unweighted_parts,
)
from ppgen.inference.capabilities import find_obstacle
from ppgen.inference.dreams import dream, dream_many, find_waking
from ppgen.inference.free_coordinates import FreeCoordinates
from ppgen.inference.global_density import GlobalDensity
from ppgen.inference.hamiltonian import HMCDraws, hmc_step, run_hmc, state_at
from ppgen.inference.hidden_values import distribution_of, draw_hidden
from ppgen.inference.importance import elbo_per_datum, logsumexp_by_datum, repeat_rows, row_weights
from ppgen.inference.laplace import Mode, find_mode
from ppgen.inference.local_density import LocalDensity
from ppgen.inference.means import closed_mean
from ppgen.inference.nuts import run_nuts
from ppgen.inference.paired_trace import PairedSite, PairedTrace, trace_guide, trace_pair
from ppgen.inference.pareto_tail import pareto_k
from ppgen.inference.placement import Rule, at, descendants, place_latents
from ppgen.inference.posterior import draw_posterior, mean_by_datum, point_estimates, posterior_means
from ppgen.inference.reference import (
    needs_reference,
    only_an_elbo,
    reference_bound,
    reference_draws,
    reference_estimator,
    summed_out,
)
from ppgen.inference.second_run import refuse_dropout, refuse_noise
from ppgen.inference.temperature import at_temperature
from ppgen.inference.trust import trust_in

__all__ = [
    "AnnealedWeights",
    "BatchTrace",
    "ELBOParts",
    "FreeCoordinates",
    "GlobalDensity",
    "HMCDraws",
    "LocalDensity",
    "Mode",
    "PairedSite",
    "PairedTrace",
    "Rule",
    "anneal",
    "arviz_data",
    "at",
    "at_temperature",
    "closed_mean",
    "data_frame",
    "descendants",
    "discrete_sites",
    "distribution_of",
    "draw_hidden",
    "draw_posterior",
    "dream",
    "dream_many",
    "elbo_parts",
    "elbo_parts_of",
    "elbo_per_datum",
    "enumerate_discrete",
    "find_mode",
    "find_obstacle",
    "find_path",
    "find_waking",
    "forget",
    "full_size",
    "hmc_step",
    "kl_per_dimension",
    "logsumexp_by_datum",
    "mean_by_datum",
    "needs_reference",
    "only_an_elbo",
    "pareto_k",
    "per_datum",
    "place_latents",
    "point_estimates",
    "posterior_means",
    "rate_per_dimension",
    "reference_bound",
    "reference_draws",
    "reference_estimator",
    "refuse_dropout",
    "refuse_noise",
    "repeat_rows",
    "replay_batch",
    "row_weights",
    "run_hmc",
    "run_nuts",
    "state_at",
    "summed_out",
    "trace_batch",
    "trace_guide",
    "trace_pair",
    "trust_in",
    "unweighted_parts",
]
