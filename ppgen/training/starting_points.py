"""Where a fit begins with global latents: a mode and its curvature, or a point of the prior; the best of several."""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Callable, Mapping
from math import prod

import torch
from torch import Tensor

from ppgen.context import evaluating, seeded
from ppgen.data import Dataset
from ppgen.errors import DivergenceError
from ppgen.guides import DerivedGuide
from ppgen.inference import GlobalDensity, discrete_sites, elbo_parts, enumerate_discrete, find_mode
from ppgen.objectives import TrainingPosition
from ppgen.runs import weights
from ppgen.training.modes import begin_training
from ppgen.training.prepare import Minibatches, Problem, to_device
from ppgen.training.prior_points import PriorPoints
from ppgen.training.step import TrainingStep

__all__ = ["find_start"]

_MOST_COORDINATES = 256  # of a Hessian that is computed unasked
_MOST_ROWS = 2**17
_CLIMBS = 8
_TRIAL_STEPS = 200
_DRAWS = 16


def find_start(
    problem: Problem,
    dataset: Dataset,
    rows: Mapping[str, Tensor],
    make_step: Callable[[], TrainingStep],
    make_batches: Callable[[], Minibatches],
    seed: int,
) -> str:
    """Put the global latents of a derived guide where training should begin, as its ``init`` says.

    A guide that has been trained before is left as it is, as is one of the user's own, and one without global latents.

    Args:
        problem: rehearsed.
        dataset: whose training split is looked at.
        rows: a few rows of it on the device, [N, ...] each.
        make_step: a fresh training step, for trials.
        make_batches: the minibatches of the training split from the first on, for trials.
        seed: of all that is drawn here.

    Returns:
        What was done, in one line; ``""`` if nothing.
    """
    guide = problem.state.guide
    if not isinstance(guide, DerivedGuide) or not guide.is_untouched:
        return ""
    device = guide.free[guide.shared[0].name].device
    with seeded(seed, device):
        prior = PriorPoints.of(guide.model, guide, rows)
        if guide.init == "laplace" or (guide.init is None and _is_cheap(guide, dataset)):
            told, reason = _from_a_mode(guide, prior, dataset, device)
            if told:
                return told if guide.init else _or_elsewhere(problem, guide, prior, make_batches(), told)
            warnings.warn(
                f"no Laplace start for {type(guide.model).__name__}: {reason}; training begins at the prior's median",
                stacklevel=3,
            )
        return _from_the_prior(problem, guide, prior, make_step, make_batches)


def _is_cheap(guide: DerivedGuide, dataset: Dataset) -> bool:
    """Whether a mode is looked for unasked: where it exists, and costs little beside the training."""
    coordinates = sum(latent.num_free for latent in guide.shared)
    combinations = prod(latent.num_free for latent in guide.latents if latent.is_discrete)
    is_small = coordinates <= _MOST_COORDINATES and dataset.size("train") * combinations <= _MOST_ROWS
    return is_small and not _obstacle(guide, dataset)


def _obstacle(guide: DerivedGuide, dataset: Dataset) -> str:
    """Why the log joint of the global latents cannot be computed, ``""`` if it can."""
    for latent in guide.latents:
        if latent.site.local and not latent.is_discrete:
            return f"the latent {latent.name!r} has a value for each datum, and is continuous"
    return "the data are unpaired domains" if dataset.domains else ""


def _from_a_mode(guide: DerivedGuide, prior: PriorPoints, dataset: Dataset, device: torch.device) -> tuple[str, str]:
    """Begin at the Laplace approximation: what was done, and why not."""
    if reason := _obstacle(guide, dataset):
        return "", reason
    batch = to_device(dataset.split("train"), device)
    names = discrete_sites(guide, batch)
    if len(names) < sum(latent.is_discrete for latent in guide.latents):
        return "", "the discrete latents have too many values together"
    latents = {latent.name: (latent.unconstrained_shape, latent.to_support) for latent in guide.shared}
    density = GlobalDensity(guide.model, latents, batch, enumerate_discrete(guide, batch, names) if names else None)
    center = torch.cat([prior.median[name] for name in latents])
    unit = torch.cat([prior.unit[name] for name in latents])
    climbs = guide.restarts or _CLIMBS
    starts = [torch.zeros_like(center)]
    for number in range(1, climbs):  # some near the median: far out, a density may have overflowed
        far = (torch.cat(list(prior.sample(number).values())) - center) / unit
        starts.append(far if number % 2 else 0.1 * far)
    try:
        mode = find_mode(lambda v: density(center + unit * v), starts, density.dtype)
    except (RuntimeError, ValueError) as error:
        return "", f"its log joint has no Hessian ({(str(error).splitlines() or ['no reason'])[0]})"
    if mode is None:
        return "", f"none of {climbs} climbs ended at a mode with a finite Hessian that is negative definite"
    guide.settle(center + unit * mode.at, mode.precision / torch.outer(unit, unit))
    return f"laplace: the best mode of {climbs} climbs, in {len(center)} coordinates", ""


def _or_elsewhere(problem: Problem, guide: DerivedGuide, prior: PriorPoints, train: Minibatches, told: str) -> str:
    """Begin elsewhere after all, where the bound is higher: the mode of a funnel is where little of its mass is."""
    starts = {told: {name: one.clone() for name, one in guide.state_dict().items()}}
    elbos = {told: _elbo(problem, train)}
    for kind in ("median", "feasible"):
        for latent in guide.shared:
            center, unit = prior.median[latent.name], prior.unit[latent.name]
            is_median = kind == "median"
            guide.begin(latent, center if is_median else 0 * center, unit if is_median else torch.ones_like(unit))
        starts[kind] = {name: one.clone() for name, one in guide.state_dict().items()}
        elbos[kind] = _elbo(problem, train)
    best = max(elbos, key=elbos.__getitem__)
    guide.load_state_dict(starts[best])
    if best == told:
        return told
    return f"{best}: {elbos[best]:.2f} nats per datum, where the best mode gives {elbos[told]:.2f}"


def _from_the_prior(
    problem: Problem,
    guide: DerivedGuide,
    prior: PriorPoints,
    make_step: Callable[[], TrainingStep],
    make_batches: Callable[[], Minibatches],
) -> str:
    """Begin at a point of the prior, or train a little from each of several and go on from the best."""
    kind = "function" if callable(guide.init) else "median" if guide.init in (None, "laplace") else str(guide.init)
    restarts = 1 if guide.init in (None, "laplace") else guide.restarts or 1
    if kind != "feasible":
        for latent in guide.latents:
            if latent.site.local and latent.name in guide.frames:
                guide.begin(latent, prior.median[latent.name], prior.unit[latent.name])
    _place(guide, prior, kind, 0)
    if restarts == 1:
        return f"{kind} of the prior" if kind in ("median", "sample") else kind
    modules, best, highest = problem.state.modules, None, -torch.inf
    before = {name: tensor.clone() for name, tensor in weights.collect(modules).items()}
    for number in range(restarts):
        weights.apply(modules, before, "the weights before the first step")
        _place(guide, prior, kind, number)
        try:
            elbo = _trial(problem, make_step(), make_batches())
        except DivergenceError:
            continue
        if elbo > highest:
            best, highest = {name: tensor.clone() for name, tensor in weights.collect(modules).items()}, elbo
    if best is None:
        warnings.warn(f"all of {restarts} starts diverged; training begins at the first", stacklevel=4)
    weights.apply(modules, best or before, "the best start")
    return f"{kind}: the best of {restarts} after {_TRIAL_STEPS} steps, at {highest:.2f} nats per datum"


def _place(guide: DerivedGuide, prior: PriorPoints, kind: str, number: int) -> None:
    """Put the global latents at the start of that number: the first as named, further ones scattered like the prior."""
    if callable(guide.init):
        points = prior.of_user(guide.init)
    elif kind == "sample" or number:
        points = prior.sample(number)
    elif kind == "median":
        points = dict(prior.median)
    else:
        return
    for latent in guide.shared:
        guide.begin(latent, points[latent.name], prior.unit[latent.name])


def _trial(problem: Problem, step: TrainingStep, train: Minibatches) -> float:
    """The ELBO on the training split after a few steps, nats per datum."""
    begin_training(problem.state.modules)
    batches = itertools.chain.from_iterable(train.epoch() for _ in itertools.count())
    for number, batch in enumerate(itertools.islice(batches, _TRIAL_STEPS)):
        step(batch, TrainingPosition(number, number / train.num_batches))
    return _elbo(problem, train)


def _elbo(problem: Problem, train: Minibatches) -> float:
    """The ELBO on the training split, nats per datum; minus infinity where it is not finite."""
    model, guide = problem.state.model, problem.state.guide
    total = 0.0
    with evaluating(model, guide):
        for batch in train.epoch():
            drawn = [elbo_parts(model, guide, batch, train.size).elbo for _ in range(_DRAWS)]
            total += float(torch.stack(drawn).mean()) * len(next(iter(batch.values())))
    return total / train.size if math.isfinite(total) else -math.inf
