"""Guides of one model against its gold posterior: how far each is, what its bound loses, and what to do about it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from ppgen.arguments import one_of, whole_number
from ppgen.checked import checked
from ppgen.context import frozen
from ppgen.declare import Model, label_of
from ppgen.errors import SettingError, Unanswerable
from ppgen.estimate import Estimate
from ppgen.evaluation.answer import Answer
from ppgen.evaluation.data_split import DataSplit
from ppgen.evaluation.gap_ledger import gap_ledger
from ppgen.evaluation.gold_posterior import gold_posterior
from ppgen.evaluation.guide_tail import share_of_heavy_tails
from ppgen.evaluation.mean_over_data import mean_over_data
from ppgen.evaluation.posterior_advice import advise
from ppgen.evaluation.posterior_comparison import COLUMNS, PosteriorComparison
from ppgen.evaluation.posterior_distance import PosteriorDistance, posterior_distance
from ppgen.evaluation.scorecard import Scorecard
from ppgen.fitted import Fit
from ppgen.guides import DerivedGuide, MeanField
from ppgen.inference import draw_posterior
from ppgen.training.fit import fit as fit_model

__all__ = ["compare_posteriors"]

_GOLD = "gold, half against half"
_DISTANCES = tuple(field.name for field in dataclasses.fields(PosteriorDistance))
_NUM_DRAWS, _PARTICLES = 4000, 100


@checked
def compare_posteriors(
    model: Model | Fit,
    data: Any = None,
    guides: Sequence[Callable[[Any], Any]] | Mapping[str, Callable[[Any], Any]] = (),
    *,
    gold: Any = "hmc",
    num_data: int = 32,
    num_draws: int = 1000,
    num_chains: int = 4,
    num_warmup: int = 300,
    num_steps: int = 1000,
    seed: int = 0,
    progress: bool = True,
    **settings: Any,
) -> PosteriorComparison:
    """Hold the posteriors of several guides against Hamiltonian Monte Carlo, all of one and the same model.

    A model that has not been fitted is fitted with the first guide. From then on its parameters are fixed: every
    further guide is fitted to that model, so that all approximate the same posterior.

    Of each guide are told: its ELBO; the shift of its means in posterior standard deviations; the ratio of its spread
    to the posterior's; the error of its covariance and the sliced Wasserstein distance, all beside what two halves of
    the gold draws give; the share of data whose importance weights have a Pareto k above 0.7; and, for derived guides
    with an encoder, where ``log p - ELBO`` is lost: :func:`ppgen.evaluation.gap_ledger`. With global latents the
    posterior is that given the training data, and there is neither a Pareto k nor a ledger.

    Args:
        model: a declared model, or a fit, whose own guide is then the first.
        data: with a model, what it is fitted to, as ``ppgen.fit`` takes it; with a fit, what the posteriors are of
            (default: its test split).
        guides: families (``ppgen.guides.FullRank``), or functions from a model to a guide
            (``lambda m: ppgen.guides.Flow(m, transforms=4)``), by name if a mapping; default with a model:
            ``MeanField``.
        gold: ``"hmc"``: :meth:`ppgen.Fit.gold_posterior`; or draws that you have, [chain, draw, N, *event] by latent
            ([chain, draw, *event] if it is global), as arrays or as ArviZ data.
        num_data: of the first rows, where latents belong to single data.
        num_draws: of each chain.
        num_chains: of each datum.
        num_warmup: transitions of each chain before its first draw.
        num_steps: temperatures of the estimate of log p in the ledger.
        seed: of fits and draws.
        progress: show a bar of what is fitted, drawn and compared.
        **settings: of ``ppgen.fit``: ``max_epochs=20``, ``learning_rate=3e-3``.

    Returns:
        The comparison; ``print`` shows table and advice.

    Raises:
        SettingError: without a guide, or with two of one name, or draws of other latents than the model's.
        Unanswerable: where the chains do not meet.

    Reference: Cremer, Li & Duvenaud, "Inference suboptimality in variational autoencoders", 2018; Yao, Vehtari, Simpson
    & Gelman, "Yes, but did it work?", 2018.

    Example:
        >>> import ppgen
        >>> model = ppgen.models.VAE(x_shape=(1, 8, 8), latent_dim=2)
        >>> fit = ppgen.fit(model, "digits", max_epochs=1, progress=False)
        >>> gold = {"z": torch.randn(2, 50, 4, 2)}  # as draws from elsewhere would stand here
        >>> found = compare_posteriors(fit, gold=gold, num_data=4, num_steps=4)
        >>> sorted(found["MeanField"])[:3]
        ['amortization', 'approximation', 'covariance_error']
    """
    whole_number("num_data", num_data, suggested=32)
    if isinstance(guides, str) or not isinstance(guides, Mapping | Sequence):
        raise SettingError(
            "compare_posteriors: guides is neither a list nor a mapping",
            expected="families of guides, or functions from a model to a guide",
            got=repr(guides),
            fix="guides=[ppgen.guides.FullRank]",
            code="S204",
        )
    with tqdm(disable=not progress, leave=False, bar_format="{desc} {elapsed}") as stages:
        fits = _fits(model, data, guides, {"seed": seed, "progress": False} | settings, stages)
        first = next(iter(fits.values()))
        rows: Any = None
        if not first.has_global_latent:
            batch = first._batch(data if isinstance(model, Fit) else None)
            rows = {name: value[:num_data] for name, value in batch.items()}
        if isinstance(gold, str):
            one_of("compare_posteriors: gold", gold, ("hmc",))
            stages.set_description_str("drawing the gold posterior")
            gold = gold_posterior(first, rows, num_draws, num_chains=num_chains, num_warmup=num_warmup, seed=seed)
        theirs = _gold_draws(gold, first)
        generator = torch.Generator().manual_seed(seed)
        halves = [{name: value[part::2] for name, value in theirs.items()} for part in (0, 1)]
        floor = _distances(
            posterior_distance(*halves, generator=generator), f"{len(next(iter(halves[0].values())))} draws"
        )
        split = (
            DataSplit(first.data.name, first.data.size("train"), "training")
            if rows is None
            else DataSplit(first.data.name, len(next(iter(rows.values()))))
        )
        fingerprint = first.data.fingerprint("test")
        cards, advice = {}, {}
        for name, one in fits.items():
            stages.set_description_str(f"comparing {name}")
            ours = _guide_draws(one, rows, theirs, seed)
            numbers = _distances(posterior_distance(ours, theirs, generator=generator), f"{_NUM_DRAWS} draws")
            numbers |= _bounds(one, rows, num_steps, seed)
            answers = tuple(
                Answer(column, numbers[key], {_GOLD: floor[key]} if key in floor else {})
                for key, column in COLUMNS.items()
                if key in numbers
            )
            cards[name] = Scorecard(name, split, fingerprint, answers, weights=one.weights_digest)
            advice[name] = advise(one.guide, numbers, floor)
    return PosteriorComparison(cards, fits, gold, advice)


def _fits(model: Model | Fit, data: Any, guides: Any, settings: Mapping[str, Any], stages: Any) -> dict[str, Fit]:
    """A fit for each guide, by name, all of one model, which is trained by the first alone."""
    chosen = guides.items() if isinstance(guides, Mapping) else ((None, family) for family in guides)
    wanted: list[tuple[str | None, Any]] = list(chosen)
    fits: dict[str, Fit] = {}
    if isinstance(model, Fit):
        first = model
        settings = {"batch_size": model.settings.get("batch_size")} | dict(settings)
        name = None
    else:
        if data is None:
            raise SettingError(
                "compare_posteriors: a model without data",
                expected="data, or a fit",
                got="data=None",
                fix='ppgen.compare_posteriors(model, "digits", [ppgen.guides.MeanField, ppgen.guides.FullRank])',
                code="S205",
            )
        (name, family), *wanted = wanted or [(None, MeanField)]
        stages.set_description_str("fitting the first guide")
        first = fit_model(model, data, guide=family(model), **settings)
    if first.guide is None:
        raise Unanswerable(
            f"compare_posteriors: {label_of(first.model)} has no guide whose posterior could be compared",
            expected="a model with latents and a likelihood",
            got=f"sites {', '.join(first.model.sites)}",
            fix="ppgen.compare(...), which lays densities and samples side by side",
            code="U062",
        )
    fits[name or type(first.guide).__name__] = first
    for number, (name, family) in enumerate(wanted, 2):
        stages.set_description_str(f"fitting guide {number}")
        with frozen(first.model):
            found = fit_model(first.model, first.data, guide=family(first.model), **settings)
        key = name or type(found.guide).__name__
        if key in fits:
            raise SettingError(
                f"compare_posteriors: two guides are called {key!r}",
                expected="a name for each",
                got=", ".join([*fits, key]),
                fix=f'guides={{"{key} a": ..., "{key} b": ...}}',
                code="S206",
            )
        fits[key] = found
    return fits


def _gold_draws(gold: Any, fit: Fit) -> dict[str, Tensor]:
    """Gold draws by latent, [S, N, *event]; with a global latent all data are one: [S, 1, *shape]."""
    group = getattr(gold, "posterior", gold)
    names = [name for name in fit.guide.sites if name in group] if fit.guide is not None else []
    if not names:
        raise SettingError(
            f"compare_posteriors: the gold draws are of no latent of {label_of(fit.model)}",
            expected=f"draws of {', '.join(fit._latents)}",
            got=", ".join(map(str, group)),
            fix='gold="hmc"',
            code="S207",
        )
    flat = {name: torch.as_tensor(np.asarray(group[name])).flatten(0, 1) for name in names}
    return {name: value.unsqueeze(1) for name, value in flat.items()} if fit.has_global_latent else flat


def _guide_draws(fit: Fit, rows: Any, gold: Mapping[str, Tensor], seed: int) -> dict[str, Tensor]:
    """Draws of the guide of the latents that the gold draws are of, shaped as these are."""
    batch = fit._batch(fit.data.split("train") if rows is None else rows)
    drawn = draw_posterior(fit.model, fit.guide, batch, _NUM_DRAWS, seed=seed)
    drawn = {name: drawn[name].cpu() for name in gold}
    return {name: value.unsqueeze(1) for name, value in drawn.items()} if rows is None else drawn


def _distances(found: PosteriorDistance, estimator: str) -> dict[str, Estimate]:
    said = {"kind": "biased", "estimator": estimator}  # two finite sets of draws of one distribution are some way apart
    return {
        name: mean_over_data(getattr(found, name), unit=COLUMNS[name].unit, better=COLUMNS[name].better, **said)
        for name in _DISTANCES
    }


def _bounds(fit: Fit, rows: Any, num_steps: int, seed: int) -> dict[str, Estimate]:
    """The ELBO, and what importance weights and the ledger say of it, where there are such."""
    if rows is None:
        return {"elbo": fit.elbo(fit.data.split("train"), _PARTICLES, seed=seed)}
    found = {"pareto_k": share_of_heavy_tails(fit, rows, seed=seed)}
    if not (isinstance(fit.guide, DerivedGuide) and fit.guide.heads):
        return {"elbo": fit.elbo(rows, _PARTICLES, seed=seed)} | found
    ledger = gap_ledger(fit, rows, num_particles=_PARTICLES, num_steps=num_steps, seed=seed)
    parts = ("approximation", "amortization", "slack")
    return {"elbo": ledger.elbo, "gap": ledger.total} | found | {part: getattr(ledger, part) for part in parts}
