"""Representation: how many units of a code move with the data, and how much of the data it can restore."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ppgen.declare import without_latents
from ppgen.errors import DataError
from ppgen.estimate import Estimate
from ppgen.evaluation.density import explained_site
from ppgen.evaluation.encodings import codes_of, encodings
from ppgen.evaluation.metric import Evaluation, Measured, itself, metric

__all__ = ["active_units", "count_active_units", "error_of_reconstructions", "reconstruction_error"]


def count_active_units(
    codes: Tensor, again: Tensor | None = None, *, threshold: float = 0.01, seed: int = 0
) -> Estimate:
    """The number of units whose posterior mean moves: ``sum_d [Var_x(E[z_d | x]) > threshold]``.

    Means that are averages of draws vary by their noise alone, also where the unit is dead. Of two independent
    averages, the covariance over x is ``Var_x(E[z_d | x])`` in the mean, whatever their noise.

    The threshold is meant for codes with a standard normal prior; where units have another scale, the count depends
    on it. The standard error is by a bootstrap of the data points.

    Reference:
        Burda, Grosse and Salakhutdinov, 2016, Importance Weighted Autoencoders, section 5.2.

    Args:
        codes: posterior means [N, D], N >= 2.
        again: the same means [N, D], averaged over other draws; default: ``codes`` are exact.
        threshold: in squared units of the codes.
        seed: of the bootstrap.

    Returns:
        The count; neither more nor fewer is better.

    Raises:
        DataError: unless ``codes`` are [N, D] with N >= 2, and ``again`` likewise.

    Example:
        >>> count_active_units(torch.tensor([[0.0, 5.0], [1.0, 5.0], [2.0, 5.0]])).value
        1.0
    """
    again = codes if again is None else again
    if codes.dim() != 2 or len(codes) < 2 or codes.shape != again.shape:
        raise DataError(
            "active units need codes [N, D] with N >= 2",
            got=str(list(codes.shape)),
            fix="pass the codes of at least two data points",
            code="D073",
        )
    # Centred, so that the covariance below, a difference of moments, loses no digits.
    codes, again = (part - part.mean(dim=0) for part in (codes.detach().cpu().double(), again.detach().cpu().double()))
    size = len(codes)
    generator = torch.Generator().manual_seed(seed)
    counts = []
    for _ in range(100):
        rows = torch.randint(size, (size,), generator=generator)
        weights = torch.bincount(rows, minlength=size).double() / size
        covariance = weights @ (codes * again) - (weights @ codes) * (weights @ again)
        counts.append((covariance > threshold).sum())
    return Estimate(
        ((codes * again).sum(dim=0) / (size - 1) > threshold).sum().item(),
        torch.stack(counts).double().std().item(),
        kind="biased",
        unit=f"of {codes.shape[1]}",
        estimator=f"variance of the posterior mean > {threshold:g}",
        num_data=size,
    )


def reconstruction_error(x: Tensor, reconstructed: Tensor) -> Estimate:
    """The squared error per dimension, ``mean_n mean_d (x_nd - x'_nd)^2``, in the squared units of the data.

    The same number for every kind of data, also for bits, whose reconstruction is a probability (it is then the Brier
    score): likelihoods of different families would not compare. The standard error is over data points.

    Args:
        x: [N, ...].
        reconstructed: of the same shape; the mean of p(x | z) at the code.

    Returns:
        The error; lower is better.

    Raises:
        DataError: if the shapes differ.

    Example:
        >>> import torch
        >>> reconstruction_error(torch.zeros(4, 2), torch.full((4, 2), 0.5)).value
        0.25
    """
    if x.shape != reconstructed.shape or not len(x):
        raise DataError(
            "a reconstruction has the shape of the data",
            expected=str(list(x.shape)),
            got=str(list(reconstructed.shape)),
            fix="reconstruct the data that it is compared with",
            code="D074",
        )
    errors = ((x - reconstructed.to(x.device)).double() ** 2).reshape(len(x), -1).mean(dim=1)
    return Estimate(
        errors.mean().item(),
        errors.std().item() / math.sqrt(len(errors)) if len(errors) > 1 else None,
        kind="unbiased",
        unit="squared",
        per="dimension",
        estimator="mean of p(x | z) at the code",
        num_data=len(errors),
        better="lower",
    )


@metric(
    key="reconstruction_error",
    prepare=itself,
    question="representation",
    title="reconstruction",
    unit="squared error",
    better="lower",
)
def error_of_reconstructions(evaluation: Evaluation) -> Measured:
    """The error of the fit's reconstructions of the test split, beside that of principal components.

    Kind: unbiased.
    Source: Hinton and Salakhutdinov, 2006, Reducing the dimensionality of data with neural networks.
    """
    found, fit = evaluation.prepared(encodings), evaluation.fit
    x = found.test[found.main]
    made = fit.reconstruct(without_latents(fit.model, found.test), site=explained_site(fit, found.test))
    return Measured(reconstruction_error(x, made), {found.pca_name: reconstruction_error(x, found.pca.reconstruct(x))})


@metric(prepare=itself, question="representation", title="active units", unit="units", is_count=True)
def active_units(evaluation: Evaluation) -> Measured:
    """The units of the code that move over the test split, if it has more than one data point.

    Kind: biased.
    Source: Burda, Grosse and Salakhutdinov, 2016 (arXiv 1509.00519).
    """
    found = evaluation.prepared(encodings)
    if len(found.codes) < 2:
        return Measured(None)
    again = codes_of(evaluation.fit, found.test, seed=1)  # other draws than those of the codes, where any are drawn
    count = count_active_units(found.codes, again, seed=evaluation.seed)
    if not count.value:
        evaluation.facts["collapse"] = (
            f"posterior collapse: none of the {found.codes.shape[1]} units of the code moves with the data, so that "
            "the decoder does without it; try ppgen.ELBO(warmup=10), ppgen.ELBO(free_bits=0.5), or a weaker decoder"
        )
    return Measured(count)
