"""What a fit is made of where the user leaves it open: model and guide as modules, a guide, an objective."""

from __future__ import annotations

import inspect
from typing import Any

from torch import nn

from ppgen.declare import Guide, Program, ProgramModule, ProgramPart, as_guide, verify_guide, verify_model
from ppgen.errors import SettingError
from ppgen.guides import DerivedGuide, Flow, FullRank, MeanField
from ppgen.objectives import (
    ELBO,
    Adversarial,
    CycleTranslation,
    MaximumLikelihood,
    Objective,
    PairedTranslation,
    Simulation,
)
from ppgen.training.pyro_objective import pyro_objective

__all__ = ["choose_guide", "choose_objective", "jointly", "unwrap"]

_MOST_COORDINATES = 256  # whose covariance is learned unasked


def unwrap(model: Any, guide: Any) -> tuple[ProgramModule, Any]:
    """Model and guide as modules; a :class:`Program` holds both.

    Args:
        model: as given to :func:`fit`.
        guide: likewise.

    Raises:
        SettingError: for a Program with a second guide.
        DeclarationError: for what is no model.
    """
    if isinstance(model, Program):
        if guide is not None:
            raise SettingError(
                "fit: a Program brings its own guide",
                expected="guide=None",
                got=type(guide).__name__,
                fix="leave guide out, or ppgen.Program(model, guide)",
                code="S111",
            )
        return model.model, model.guide
    verify_model("fit", model)
    return model, guide


def choose_guide(model: Any, guide: Any, objective: Any) -> ProgramModule | None:
    """The user's guide, else the mean-field guide of a declared model with latents and a likelihood: see `jointly`.

    A simulation learns whole posteriors, and asks for no likelihood: it gets a flow.

    Args:
        model: unwrapped.
        guide: a guide, the class of one, or ``None``.
        objective: as given to :func:`fit`.

    Raises:
        DeclarationError: for what is no guide.
    """
    if guide is None:
        if isinstance(model, ProgramPart) or not _has_latents(model):
            return None
        if isinstance(objective, Simulation):
            return Flow(model, flow="NSF")
        if model.is_implicit:
            return None
        return MeanField(model)
    if isinstance(guide, type) and issubclass(guide, DerivedGuide) and not inspect.isabstract(guide):
        guide = guide(model)
    elif isinstance(guide, type) and issubclass(guide, Guide) and not _required(guide):
        guide = guide()
    guide = as_guide(guide, model)
    verify_guide("fit", guide, model)
    return guide


def jointly(guide: ProgramModule | None) -> ProgramModule | None:
    """A full-rank guide in the place of the default one, where that costs little: over few latents, all global.

    Global latents that all data speak of are correlated, a scale and what it scales most of all, and a mean-field
    guide tells their spread too small. With latents for each datum it stays: their heads would have to learn it.

    Args:
        guide: that nobody chose, set up.
    """
    if type(guide) is not MeanField or not guide.shared:
        return guide
    are_global = all(latent.is_discrete or not latent.site.local for latent in guide.latents)
    coordinates = sum(latent.num_free for latent in guide.shared)
    return FullRank(guide.model) if are_global and coordinates <= _MOST_COORDINATES else guide


def choose_objective(model: ProgramModule, guide: ProgramModule | None, objective: Objective | None) -> Objective:
    """The user's objective, else what the sites call for: an ELBO, maximum likelihood, or adversarial training.

    Args:
        model: unwrapped.
        guide: of the fit, or ``None``.
        objective: the user's, or ``None``.

    Raises:
        SettingError: for what is no objective.
    """
    if (by_pyro := pyro_objective(model, guide, objective)) is not None:
        return by_pyro
    if objective is None:
        if model.is_implicit:
            return _adversarial(model)
        return ELBO() if guide is not None or _has_latents(model) else MaximumLikelihood()
    if not isinstance(objective, Objective):
        raise SettingError(
            "fit: this is no objective",
            expected="ppgen.ELBO(), ppgen.MaximumLikelihood(), ppgen.Adversarial() ...",
            got=repr(objective),
            fix="objective=ppgen.ELBO(beta=4.0)",
            code="S112",
        )
    return objective


def _required(kind: type[nn.Module]) -> list[str]:
    """Arguments without which no instance can be made."""
    parameters = list(inspect.signature(kind.__init__).parameters.values())[1:]
    named = (p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD))
    return [p.name for p in named if p.default is p.empty]


def _adversarial(model: ProgramModule) -> Objective:
    """By how many sites answer to what is given, where that is all they are made of; by noise, there is no partner."""
    if _has_latents(model) or not model.covariates:
        return Adversarial()
    return PairedTranslation() if len(model.sites) == 1 else CycleTranslation()


def _has_latents(model: Any) -> bool:
    return any(site.role == "latent" for site in model.sites.values())
