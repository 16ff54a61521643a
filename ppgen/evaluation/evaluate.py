"""Evaluation of a fit by three questions, each answered or refused with the reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tqdm import tqdm

from ppgen.arguments import whole_number
from ppgen.declare import label_of
from ppgen.errors import PpgenError
from ppgen.evaluation.density import answer_density
from ppgen.evaluation.representation import answer_representation
from ppgen.evaluation.sampling import answer_sampling
from ppgen.evaluation.scorecard import Answer, DataSplit, Question, Scorecard, reason_of
from ppgen.fitted import Fit

__all__ = ["evaluate"]


def evaluate(
    fit: Fit, *, num_particles: int = 1000, num_samples: int | None = None, seed: int = 0, progress: bool = True
) -> Scorecard:
    """Judge a fit on its test split.

    Each question is answered, or refused with the reason and the way to get an answer. Which questions a model can
    answer is read from its sites, never from its class.

    Args:
        fit: what ``ppgen.fit`` returned.
        num_particles: of the importance-weighted bound on log p(x), for models with latent variables.
        num_samples: of the model, for the sampling metrics; default: as many as there are test data, at most 10,000.
        seed: of all draws; the same seed gives the same card.
        progress: show a bar.

    Returns:
        The scorecard, with every number beside its baseline.

    Raises:
        SettingError: if a number of particles or samples is no whole number above 0.
    """
    whole_number("evaluate: num_particles", num_particles, suggested=1000)
    if num_samples is not None:
        whole_number("evaluate: num_samples", num_samples, suggested=1000)
    parts: dict[Question, Callable[[], Answer]] = {
        "density": lambda: answer_density(fit, num_particles, seed),
        "sampling": lambda: answer_sampling(fit, num_samples, seed),
        "representation": lambda: answer_representation(fit, seed),
    }
    answers = {}
    with tqdm(parts, disable=not progress, leave=False, unit="question") as bar:
        for question in bar:
            bar.set_description(question)
            answers[question] = _ask(fit, question, parts[question])
    return Scorecard(
        name=label_of(fit.model),
        data=DataSplit(fit.data.name, fit.data.size("test")),
        fingerprint=fit.data.fingerprint("test"),
        **{question: answer.estimates for question, answer in answers.items()},
        baselines={key: value for answer in answers.values() for key, value in answer.baselines.items()},
        refusals={key: reason for answer in answers.values() for key, reason in answer.refusals.items()},
        per_datum=answers["density"].per_datum,
        facts=_facts(fit, seed) | {key: value for answer in answers.values() for key, value in answer.facts.items()},
    )


def _ask(fit: Fit, question: Question, part: Callable[[], Answer]) -> Answer:
    if reason := fit.unanswerable(question):
        return Answer(refusals={question: reason})
    try:
        return part()
    except PpgenError as error:
        # Some reasons show only on the way: covariates that are missing, or samples that are not finite.
        return Answer(refusals={question: reason_of(error)})


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
