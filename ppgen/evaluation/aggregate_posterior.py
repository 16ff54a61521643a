"""The rate of a latent in three terms, mutual information, total correlation and KL by dimension, on a fixed set."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from ppgen.arguments import whole_number
from ppgen.context import evaluating, seeded
from ppgen.declare import ProgramModule, chunks
from ppgen.errors import DataError
from ppgen.estimate import Estimate
from ppgen.inference import trace_batch
from ppgen.objectives.total_correlation import factorised_latent, log_aggregate

__all__ = ["rate_decomposition", "total_correlation"]

_ROWS = 512
_ELEMENTS = 4_000_000  # of the table draws x posteriors x dimensions that is held at once


def total_correlation(
    model: ProgramModule, guide: ProgramModule, data: Mapping[str, Tensor], *, num_draws: int = 10, seed: int = 0
) -> Estimate:
    """``TC(z) = KL(q(z) || prod_d q(z_d))`` of the aggregate ``q(z) = 1/N sum_n q(z | x_n)`` over a fixed set.

    0 where latent dimensions are independent of each other. The densities are those of the whole mixture of N
    posteriors, never of a minibatch, so that draws of z are the only noise; the cost grows with N^2. A smaller set has
    another aggregate, so that only values for the same number of data points compare.

    Reference:
        Chen, Li, Grosse and Duvenaud, 2018, Isolating Sources of Disentanglement in Variational Autoencoders,
        equation 2.

    Args:
        model: with one local latent variable, whose prior factorises over dimensions.
        guide: likewise.
        data: [N, ...] each, N >= 2, as the model reads it: ``fit.data.split("test")``.
        num_draws: of z for each datum, at least 2.
        seed: of the draws.

    Returns:
        Nats, with the standard error over draws; lower is more disentangled, but not better as such.

    Raises:
        DataError: on fewer than two rows.
        SettingError: on fewer than two draws.
        DeclarationError: naming what does not factorise.

    Example:
        >>> import ppgen
        >>> model = ppgen.models.VAE(x_shape=(1, 8, 8), latent_dim=2)
        >>> found = total_correlation(model, ppgen.guides.MeanField(model), {"x": torch.zeros(5, 1, 8, 8)})
        >>> abs(found.value) < 1e-4  # all posteriors are the same, and factorise
        True
    """
    return rate_decomposition(model, guide, data, num_draws=num_draws, seed=seed)["total_correlation"]


def rate_decomposition(
    model: ProgramModule, guide: ProgramModule, data: Mapping[str, Tensor], *, num_draws: int = 10, seed: int = 0
) -> dict[str, Estimate]:
    """The terms that add up to the rate, ``E_x KL(q(z | x) || p(z))``, over a fixed set, in two ways and in three.

    ``mutual_information`` is ``I(x; z)``, at most log N; ``marginal_kl`` is the rest, ``KL(q(z) || p(z))``, and so how
    far codes are from what samples are decoded from (Hoffman & Johnson, 2016, ELBO surgery). Of the rest,
    ``total_correlation`` is as in :func:`total_correlation`, and ``dimension_kl`` is ``sum_d KL(q(z_d) || p(z_d))``.

    Args:
        model: with one local latent variable, whose prior factorises over dimensions.
        guide: likewise.
        data: [N, ...] each, N >= 2, as the model reads it.
        num_draws: of z for each datum, at least 2.
        seed: of the draws.

    Returns:
        Estimates by name, in nats.

    Raises:
        DataError: on fewer than two rows.
        SettingError: on fewer than two draws.
        DeclarationError: naming what does not factorise.

    Example:
        >>> import ppgen
        >>> model = ppgen.models.VAE(x_shape=(1, 8, 8), latent_dim=2)
        >>> terms = rate_decomposition(model, ppgen.guides.MeanField(model), {"x": torch.zeros(5, 1, 8, 8)})
        >>> list(terms)
        ['mutual_information', 'total_correlation', 'dimension_kl', 'marginal_kl']
    """
    whole_number("total correlation: num_draws", num_draws, at_least=2, suggested=10)
    size = len(next(iter(data.values()))) if data else 0
    if size < 2:
        raise DataError(
            "total correlation: the aggregate of a single posterior is no aggregate",
            expected="data of at least 2 rows",
            got=f"{size} rows",
            fix='fit.data.split("test")',
            code="D059",
        )
    reference = next(model.parameters(), next(iter(data.values())))
    data = {key: value.to(reference.device) for key, value in data.items()}
    pieces = []
    with seeded(seed, reference.device), evaluating(model, guide):
        for chunk in chunks(data, _ROWS):
            latent = factorised_latent(trace_batch(model, guide, chunk, len(next(iter(chunk.values())))))
            z = latent.draws(num_draws)
            pieces.append((latent.guide_fn, z, latent.guide_fn.log_prob(z), latent.model_fn.log_prob(z)))
        posteriors, draws, log_q, log_p = zip(*pieces, strict=True)
        every = torch.cat(draws, 1)
        log_share = every.new_full((size,), -math.log(size))
        at_once = max(1, _ELEMENTS // (size * every[0, 0].numel()))
        densities = [log_aggregate(z, posteriors, log_share) for z in every.flatten(0, 1).split(at_once)]
    joint, product = (torch.cat(halves).reshape(num_draws, size) for halves in zip(*densities, strict=True))
    prior = torch.cat(log_p, 1)
    terms = {
        "mutual_information": torch.cat(log_q, 1) - joint,
        "total_correlation": joint - product,
        "dimension_kl": product - prior,
        "marginal_kl": joint - prior,
    }
    return {name: _estimate(values.double()) for name, values in terms.items()}


def _estimate(values: Tensor) -> Estimate:
    """The mean of draws [S, N], of which S belong to each datum of a fixed set."""
    num_draws, size = values.shape
    return Estimate(
        values.mean().item(),
        math.sqrt(values.var(0).sum().item() / num_draws) / size,
        kind="unbiased",
        unit="nats",
        per="",
        estimator=f"mixture of all {size} posteriors, {num_draws} draws each",
        num_data=size,
    )
