"""Chains of a fit: the densities of its data at free coordinates, some data at once, and nothing of the fit changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from torch import Tensor

from ppgen.arguments import whole_number
from ppgen.context import evaluating, frozen, seeded
from ppgen.declare import chunks, label_of
from ppgen.errors import Unanswerable
from ppgen.fitted import Fit
from ppgen.inference import LocalDensity

__all__ = ["batch_for_chains", "run_chains"]

T = TypeVar("T")
_ROWS_A_PASS = 2048  # chains times data points


def batch_for_chains(fit: Fit, question: str, data: Any) -> Mapping[str, Tensor]:
    """The data of a question that chains answer, verified.

    Args:
        fit: a fit.
        question: named in refusals.
        data: as :meth:`ppgen.Fit.log_prob` takes it.

    Raises:
        Unanswerable: without a density, or latents with one value per datum, or a guide to begin at.
    """
    guide = fit._must_answer("density")
    fit._must_be_local(question)
    if guide is None:
        raise Unanswerable(
            f"{question}: there is no latent to move",
            expected="latents and a guide",
            got=label_of(fit.model),
            fix="fit.log_prob(data), which is exact",
            code="U055",
        )
    return fit._batch(data)


def run_chains(
    fit: Fit, batch: Mapping[str, Tensor], num_chains: int, run: Callable[[LocalDensity, slice], T], seed: int
) -> list[T]:
    """What a function makes of the densities of some data at once, until all have had their turn.

    Args:
        fit: a fit.
        batch: verified, [N, ...] each.
        num_chains: of each datum.
        run: is given densities, and which rows of the batch they are of.
        seed: of all that is drawn.
    """
    whole_number("num_chains", num_chains, at_least=2, suggested=16)
    size, first = max(1, _ROWS_A_PASS // num_chains), next(iter(batch.values()))
    found = []
    with seeded(seed, fit.device), evaluating(fit.model, fit.guide), frozen(fit.model, fit.guide):
        for start, chunk in zip(range(0, len(first), size), chunks(batch, size), strict=True):
            density = LocalDensity(fit.model, fit.guide, chunk, num_chains)
            found.append(run(density, slice(start, start + density.num_data)))
    return found
