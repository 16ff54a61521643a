"""log p(x) between two bounds: annealed importance sampling from the guide, and on draws of the model also back."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

import torch
from torch import Tensor

from ppgen.arguments import whole_number
from ppgen.checked import checked
from ppgen.context import evaluating, seeded
from ppgen.declare import label_of
from ppgen.errors import Unanswerable
from ppgen.estimate import Estimate
from ppgen.evaluation.chains import batch_for_chains, run_chains
from ppgen.evaluation.metric import Evaluation, Measured, itself, metric
from ppgen.fitted import Fit
from ppgen.inference import AnnealedWeights, LocalDensity, anneal, find_path, forget, repeat_rows

__all__ = ["AnnealedDensity", "Sandwich", "ais", "annealed_log_prob", "bdmc", "sandwiched_log_prob"]

_FORGETTING = 100  # steps that part the reverse chains of a datum from the one exact draw that they start at


@dataclasses.dataclass(frozen=True)
class AnnealedDensity:
    """A stochastic bound on the log-density of each datum.

    Args:
        values: [N], float64, nats.
        standard_error: over the chains of each datum, [N].
        mean: over data; its standard error is over data and chains.
    """

    values: Tensor
    standard_error: Tensor
    mean: Estimate


@checked
def annealed_log_prob(
    fit: Fit, data: object = None, num_steps: int = 1000, *, num_chains: int = 16, seed: int = 0
) -> AnnealedDensity:
    """A lower bound on ``log p(x_i)`` by annealed importance sampling from the guide.

    A chain starts at a draw of q(z | x) and is moved by HMC through ``q^(1 - b) p^b``, b from 0 to 1. The log of the
    chains' mean weight is a lower bound in expectation, at most as loose as the importance-weighted bound of as many
    draws, and much tighter where the guide is of another shape than the posterior. Latents are moved in free
    coordinates, discrete ones are summed out. Where the standard error of a datum is above about 0.3, chains disagree,
    and neither it nor the value is to be trusted: take more steps.

    Reference: R. Neal, "Annealed importance sampling", 2001; Wu, Burda, Salakhutdinov & Grosse, "On the quantitative
    analysis of decoder-based generative models", 2017.

    Args:
        fit: what ``ppgen.fit`` returned.
        data: what to evaluate; default: the test split.
        num_steps: temperatures T.
        num_chains: C of each datum.
        seed: of all that is drawn.

    Raises:
        Unanswerable: without latents, with a global one, with one that has no free coordinates, or where the fit has
            no density.

    Example:
        >>> import ppgen
        >>> model = ppgen.models.VAE(x_shape=(1, 8, 8), latent_dim=2)
        >>> fit = ppgen.fit(model, "digits", max_epochs=1, progress=False)
        >>> few = fit.data.split("test")["x"][:2]
        >>> found = annealed_log_prob(fit, few, num_steps=5, num_chains=4)
        >>> found.values.shape, found.mean.kind, found.mean.estimator
        (torch.Size([2]), 'lower bound', 'AIS-5x4')
    """
    whole_number("num_steps", num_steps, suggested=1000)
    batch = batch_for_chains(fit, "annealed_log_prob", data)

    def forward(density: LocalDensity, _: slice) -> AnnealedWeights:
        return anneal(density, find_path(density, num_steps), density.draw())

    pieces = run_chains(fit, batch, num_chains, forward, seed)
    values = torch.cat([piece.log_prob for piece in pieces]).cpu()
    error = torch.cat([piece.standard_error for piece in pieces]).cpu()
    return AnnealedDensity(values, error, fit._estimate(values, "lower bound", f"AIS-{num_steps}x{num_chains}", batch))


@dataclasses.dataclass(frozen=True)
class Sandwich:
    """Both bounds on the log-density of data that the model drew.

    Args:
        data: that the model drew, by site and covariate, [N, ...] each.
        low: lower bounds in expectation, [N], float64, nats.
        high: upper bounds likewise.
        low_error: standard errors over chains, [N].
        high_error: likewise.
        mean: the interval of the mean over data, each end moved outwards by twice its standard error over chains.
    """

    data: Mapping[str, Tensor]
    low: Tensor
    high: Tensor
    low_error: Tensor
    high_error: Tensor
    mean: Estimate

    @property
    def interval(self) -> Tensor:
        """Both ends for each datum, each moved outwards by three of its standard errors, [2, N]: a bound in expectation
        is missed by its noise half of the time, and few chains do not tell well how large that is."""
        return torch.stack([self.low - 3.0 * self.low_error, self.high + 3.0 * self.high_error])


@checked
def sandwiched_log_prob(
    fit: Fit, num_data: int = 50, num_steps: int = 1000, *, num_chains: int = 16, seed: int = 0
) -> Sandwich:
    """Two bounds on ``log p(x)`` of data that the model draws itself, by bidirectional Monte Carlo.

    The z from which a datum was drawn is an exact draw of its posterior. Chains that start there and are annealed back
    to the guide bound log p(x) from above. The gap tells how far :func:`annealed_log_prob` is off with the same
    settings, on such data; it says nothing of real data that the model could not have drawn.

    Reference: Grosse, Ghahramani & Adams, "Sandwiching the marginal likelihood using bidirectional Monte Carlo", 2015.

    Args:
        fit: what ``ppgen.fit`` returned.
        num_data: to draw; covariates are those of the test split, of which there have to be as many.
        num_steps: temperatures T.
        num_chains: C of each datum in each direction.
        seed: of all that is drawn.

    Raises:
        Unanswerable: as :func:`annealed_log_prob` does, and for a program that is no declared model.

    Example:
        >>> import ppgen
        >>> model = ppgen.models.VAE(x_shape=(1, 8, 8), latent_dim=2)
        >>> fit = ppgen.fit(model, "digits", max_epochs=1, progress=False)
        >>> found = sandwiched_log_prob(fit, 3, num_steps=20, num_chains=8)
        >>> found.mean.kind, found.low.shape
        ('interval', torch.Size([3]))
    """
    whole_number("num_data", num_data, suggested=50)
    whole_number("num_steps", num_steps, suggested=1000)
    test = batch_for_chains(fit, "sandwiched_log_prob", None)
    drawn, batch = _simulate(fit, test, num_data, seed)
    batch_for_chains(fit, "sandwiched_log_prob", batch)

    def both(density: LocalDensity, rows: slice) -> tuple[AnnealedWeights, AnnealedWeights]:
        path = find_path(density, num_steps)
        exact = repeat_rows({name: value[rows] for name, value in drawn.items()}, num_chains)
        apart = forget(density, path, density.coordinates(exact), _FORGETTING)
        return anneal(density, path, density.draw()), anneal(density, path, apart, is_reverse=True)

    pieces = run_chains(fit, batch, num_chains, both, seed)
    low, high = (torch.cat([piece[end].log_prob for piece in pieces]).cpu() for end in (0, 1))
    low_error, high_error = (torch.cat([piece[end].standard_error for piece in pieces]).cpu() for end in (0, 1))
    wide = [2.0 * float(error.square().sum().sqrt()) / len(error) for error in (low_error, high_error)]
    ends = sorted([float(low.mean()) - wide[0], float(high.mean()) + wide[1]])
    name = f"BDMC-{num_steps}x{num_chains} on draws of the model"
    mean = fit._estimate(low, "lower bound", name, batch)
    mean = dataclasses.replace(
        mean, value=sum(ends) / 2, kind="interval", low=ends[0], high=ends[1], standard_error=None
    )
    return Sandwich(batch, low, high, low_error, high_error, mean)


def _simulate(
    fit: Fit, test: Mapping[str, Tensor], num_data: int, seed: int
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Latents and the data that the model draws from them, with the covariates of test rows."""
    if not fit.model.is_declared:
        raise Unanswerable(
            f"sandwiched_log_prob: {label_of(fit.model)} does not hand out what it draws",
            expected="a declared model",
            got=type(fit.model).__name__,
            fix="class Mine(ppgen.Model) with a method for each site",
            code="U054",
        )
    given = {name: test[name][:num_data] for name in fit.covariates}
    with seeded(seed, fit.device), evaluating(fit.model):
        values = fit.model(given, num_data)
    latents = {name: values[name] for name in fit._latents}
    return latents, given | {fit.model.column_of(name): values[name] for name in fit.observed}


@metric(prepare=itself, question="density", title="log p by AIS", unit="nats/datum", better="higher")
def ais(evaluation: Evaluation) -> Measured:
    """The mean log-density of the test split by annealed importance sampling.

    Kind: lower bound.
    Source: Neal, 2001, Annealed importance sampling; Wu et al., 2017 (arXiv 1611.04273).
    """
    found = annealed_log_prob(evaluation.fit, seed=evaluation.seed)
    worst = float(found.standard_error.max())
    if not math.isfinite(worst) or worst > 0.5:
        evaluation.facts["ais"] = f"the chains of some data disagree: standard error up to {worst:.2g} nats"
    return Measured(found.mean, per_datum=found.values.numpy())


@metric(prepare=itself, question="density", title="log p of own draws", unit="nats/datum")
def bdmc(evaluation: Evaluation) -> Measured:
    """Between two bounds, the mean log-density of data that the model drew: how far AIS can be off.

    Kind: interval.
    Source: Grosse, Ghahramani and Adams, 2015 (arXiv 1511.02543).
    """
    return Measured(sandwiched_log_prob(evaluation.fit, seed=evaluation.seed).mean)
