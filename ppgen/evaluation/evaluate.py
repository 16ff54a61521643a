"""Evaluation of a fit: metrics by question, each answered or refused with the reason."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

from torch import nn
from tqdm import tqdm

from ppgen.arguments import whole_number
from ppgen.checked import checked
from ppgen.declare import label_of
from ppgen.errors import SettingError
from ppgen.evaluation.answer import ask
from ppgen.evaluation.data_split import DataSplit
from ppgen.evaluation.metric import Evaluation, Metric
from ppgen.evaluation.metrics import chosen
from ppgen.evaluation.scorecard import Scorecard
from ppgen.fitted import Fit

__all__ = ["evaluate"]


@checked
def evaluate(
    fit: Fit,
    metrics: Iterable[str | Metric | Callable[[Fit], Any]] | None = None,
    *,
    num_particles: int = 1000,
    num_samples: int | None = None,
    features: nn.Module | None = None,
    seed: int = 0,
    progress: bool = True,
) -> Scorecard:
    """Judge a fit on its test split.

    Each metric gives a number, or is refused with the reason and the way to get an answer. Which questions a model can
    answer is read from its sites, never from its class.

    Args:
        fit: what ``ppgen.fit`` returned.
        metrics: keys of ours (``"log_prob"``, ``"kid"``), whole questions (``"density"``, ``"sampling"``,
            ``"representation"``), :class:`~ppgen.evaluation.Metric` objects, and functions of a fit, whose name is
            then their key; default: all of ours.
        num_particles: of the importance-weighted bound on log p(x), for models with latent variables.
        num_samples: of the model, for the sampling metrics; default: as many as there are test data, at most 10,000.
        features: a network of your own, from data [N, ...] to features [N, F], in which samples are judged; default:
            a small one that is trained on the data set. Numbers in the features of different networks do not compare.
        seed: of all draws; the same seed gives the same card.
        progress: show a bar.

    Returns:
        The scorecard, with every number beside its baseline.

    Raises:
        SettingError: if this is no fit, a number of particles or samples is no whole number above 0, a metric is
            unknown, two metrics have one key, or one returns what no metric returns.

    Example:
        >>> import ppgen, torch
        >>> fit = ppgen.fit(ppgen.models.GatedPixelCNN((1, 4, 4)), data=torch.zeros(20, 1, 4, 4), max_epochs=1,
        ...                 progress=False)
        >>> def size(fit):
        ...     return fit.num_parameters
        >>> card = evaluate(fit, ["log_prob", size], progress=False)
        >>> card["density"]["log_prob"].kind, card["own"]["size"].value == fit.num_parameters
        ('exact', True)
    """
    if not isinstance(fit, Fit):
        is_path = isinstance(fit, (str, os.PathLike))
        raise SettingError(
            f"evaluate: {'a path' if is_path else type(fit).__name__} is no fit",
            expected="a Fit: what ppgen.fit or ppgen.load returned",
            got=repr(fit) if is_path else type(fit).__name__,
            fix=f'ppgen.evaluate(ppgen.load("{fit if is_path else "runs/x"}"))',
            code="S137",
        )
    whole_number("evaluate: seed", seed, at_least=0)
    whole_number("evaluate: num_particles", num_particles, suggested=1000)
    if num_samples is not None:
        whole_number("evaluate: num_samples", num_samples, suggested=1000)
    evaluation = Evaluation(fit, num_particles, num_samples, seed, features)
    answers, per_datum = [], None
    with tqdm(chosen(metrics), disable=not progress, leave=False, unit="metric") as bar:
        for metric in bar:
            bar.set_description(metric.key)
            answer, values = ask(metric, evaluation)
            answers.append(answer)
            per_datum = values if metric.key == "log_prob" else per_datum
    return Scorecard(
        name=label_of(fit.model),
        data=DataSplit(fit.data.name, fit.data.size("test")),
        fingerprint=fit.data.fingerprint("test"),
        answers=tuple(answers),
        per_datum=per_datum,
        facts=_facts(fit, seed) | evaluation.facts,
        weights=fit.weights_digest,
    )


def _facts(fit: Fit, seed: int) -> dict[str, Any]:
    return {
        "model": label_of(fit.model),
        "guide": None if fit.guide is None else label_of(fit.guide),
        "objective": fit.objective.name,
        "num_parameters": fit.num_parameters,
        "epochs": len(fit.history),
        "seconds": fit.seconds,
        "seed": fit.settings.get("seed"),
        "evaluation_seed": seed,
    }
