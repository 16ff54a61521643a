"""The posterior by Hamiltonian Monte Carlo: what a guide is compared with; ``fit.gold_posterior``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ppgen.arguments import finite_number, whole_number
from ppgen.checked import checked
from ppgen.context import evaluating, frozen, seeded
from ppgen.declare import label_of
from ppgen.errors import SettingError, Unanswerable
from ppgen.evaluation.chains import batch_for_chains, run_chains
from ppgen.evaluation.convergence import convergence_of
from ppgen.fitted import Fit
from ppgen.inference import LocalDensity, arviz_data, draw_posterior, run_hmc, run_nuts

__all__ = ["gold_posterior"]


@checked
def gold_posterior(
    self: Fit,
    data: Any = None,
    num_draws: int = 1000,
    *,
    num_chains: int = 4,
    num_warmup: int = 300,
    max_r_hat: float = 1.01,
    min_ess: float = 400.0,
    seed: int = 0,
) -> Any:
    """Draws from the posterior by Hamiltonian Monte Carlo, as ArviZ data.

    Where every datum has latents of its own, p(z | x) of all data and chains at once: each datum has its own step size
    and scales, which are tuned while warming up. Where data share a global latent, p(z, theta | training data) by
    Pyro's No-U-Turn sampler, one chain after the other. Chains start at draws of the guide. Discrete latents are summed
    out. Chains that start in one mode of several may all stay there: agreement among them is no proof that there is no
    other.

    Args:
        data: to which they are posterior, as :meth:`ppgen.Fit.log_prob` takes it; default: the test split. With a
            global latent it is the training split, and no other.
        num_draws: of each chain.
        num_chains: of each datum.
        num_warmup: transitions before the first draw.
        max_r_hat: refused above it.
        min_ess: effective sample size over all chains, refused below it.
        seed: of all that is drawn.

    Returns:
        ArviZ data: ``posterior`` [chain, draw, N, *event] by latent ([chain, draw, *event] if it is global),
        ``observed_data``, and in ``constant_data`` by datum ``r_hat``, ``ess`` and ``acceptance`` [N] (of all data
        together ``r_hat`` and ``ess`` [1]).

    Raises:
        Unanswerable: if the chains of some data have not met; without latents, or with one that has no free
            coordinates.
        SettingError: for data, where a latent is global.

    Reference: R. Neal, "MCMC using Hamiltonian dynamics", 2011; M. Hoffman and A. Gelman, "The No-U-Turn sampler",
    2014, for the step sizes.

    Example:
        >>> import ppgen
        >>> model = ppgen.models.VAE(x_shape=(1, 8, 8), latent_dim=2)
        >>> fit = ppgen.fit(model, "digits", max_epochs=1, progress=False)
        >>> few = fit.data.split("test")["x"][:2]
        >>> found = fit.gold_posterior(few, 100, num_warmup=100, max_r_hat=1.2, min_ess=50)
        >>> found.posterior["z"].shape
        (4, 100, 2, 2)
    """
    whole_number("num_draws", num_draws, at_least=4, suggested=1000)
    whole_number("num_warmup", num_warmup, at_least=20, suggested=300)
    finite_number("max_r_hat", max_r_hat, above=1.0, suggested=1.01)
    finite_number("min_ess", min_ess, at_least=0.0, suggested=400.0)
    if self.has_global_latent:
        draws, batch, facts = _of_all_data(self, data, num_draws, num_chains, num_warmup, seed)
        met = convergence_of({name: value[:, :, None] for name, value in draws.items()})
    else:
        draws, batch, facts = _of_each_datum(self, data, num_draws, num_chains, num_warmup, seed)
        met = convergence_of(draws)
    if len(failed := met.failed(max_r_hat, min_ess)):
        apart = f"{len(failed)} of {len(met.ess)} data have not met, datum {failed[0]} first"
        raise Unanswerable(
            f"gold_posterior: the chains {'have not met' if self.has_global_latent else f'of {apart}'}",
            expected=f"R-hat at most {max_r_hat:g} and an effective sample size of at least {min_ess:g}",
            got=f"R-hat up to {np.max(met.r_hat):.3f}, effective sample size down to {np.min(met.ess):.0f}",
            fix=f"num_draws={4 * num_draws}, num_warmup={2 * num_warmup}; or leave those data out",
            code="U056",
        )
    given = {name: value.cpu().numpy() for name, value in batch.items()}
    facts = {"r_hat": met.r_hat, "ess": met.ess} | facts
    return arviz_data({"posterior": draws, "observed_data": given, "constant_data": facts})


_Draws = dict[str, np.ndarray]


def _of_each_datum(
    fit: Fit, data: Any, num_draws: int, num_chains: int, num_warmup: int, seed: int
) -> tuple[_Draws, Mapping[str, Tensor], _Draws]:
    """Draws by latent [C, S, N, *event], the data that they are of, and their acceptance [N]."""
    batch = batch_for_chains(fit, "gold_posterior", data)

    def draw(density: LocalDensity, _: slice) -> tuple[dict[str, Tensor], Tensor]:
        start = density.draw()
        found = run_hmc(density.log_joint, start, start.std(0).clamp(min=1e-6), num_warmup, num_draws)
        latents = [density.latents(one) for one in found.draws]
        stacked = {name: torch.stack([one[name] for one in latents], 1) for name in latents[0]}
        return {name: value.cpu() for name, value in stacked.items()}, found.acceptance.cpu()

    pieces = run_chains(fit, batch, num_chains, draw, seed)
    draws = {name: torch.cat([piece[name] for piece, _ in pieces], 2).numpy() for name in pieces[0][0]}
    return draws, batch, {"acceptance": torch.cat([rate for _, rate in pieces]).numpy()}


def _of_all_data(
    fit: Fit, data: Any, num_draws: int, num_chains: int, num_warmup: int, seed: int
) -> tuple[_Draws, Mapping[str, Tensor], _Draws]:
    """Draws by latent [C, S, *shape], and the training data that they are of."""
    if data is not None:
        raise SettingError(
            f"gold_posterior: {label_of(fit.model)} has a global latent, whose posterior is that of the training data",
            expected="no data",
            got=type(data).__name__,
            fix="fit.gold_posterior(), or a fit to those data",
            code="S208",
        )
    fit._must_answer("density")
    whole_number("num_chains", num_chains, at_least=2, suggested=4)
    batch = fit._batch(fit.data.split("train"))
    starts = draw_posterior(fit.model, fit.guide, batch, num_chains, seed=seed)
    with seeded(seed, fit.device), evaluating(fit.model), frozen(fit.model):
        draws = run_nuts(fit.model, batch, starts, num_warmup, num_draws)
    return {name: value.cpu().numpy() for name, value in draws.items()}, batch, {}
