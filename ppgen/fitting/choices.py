"""What a user chose for a fit, and what is chosen where they did not."""

from __future__ import annotations

import math
from typing import Any

from torch import nn

from ppgen.data import Dataset
from ppgen.declare import Program, ProgramPart
from ppgen.errors import DeclarationError, SettingError
from ppgen.guides import DerivedGuide, MeanField
from ppgen.objectives import ELBO, Adversarial, MaximumLikelihood, Objective, Player
from ppgen.objectives.schedules import SCHEDULES

__all__ = ["check_patience", "check_settings", "choose_guide", "choose_objective", "unwrap"]


def check_settings(**settings: Any) -> None:
    """Refuse settings out of range.

    Raises:
        SettingError: naming the first.
    """
    for name in ("max_epochs", "batch_size", "patience"):
        value = settings[name]
        optional = name == "patience" and value is None
        if not optional and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
            raise SettingError(
                f"fit: {name} is out of range", expected="a whole number >= 1", got=repr(value), fix=f"{name}=20"
            )
    for name in ("learning_rate", "clip_norm"):
        value = settings[name]
        optional = name == "clip_norm" and value is None
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        valid = number and math.isfinite(value) and value > 0
        if not optional and not valid:
            raise SettingError(
                f"fit: {name} is out of range", expected="a finite number > 0", got=repr(value), fix=f"{name}=1e-3"
            )
    if settings["schedule"] not in SCHEDULES:
        raise SettingError(
            "fit: unknown schedule",
            expected=" or ".join(map(repr, SCHEDULES)),
            got=repr(settings["schedule"]),
            fix='schedule="cosine"',
        )
    if not isinstance(settings["seed"], int):
        raise SettingError(
            "fit: seed is out of range", expected="a whole number", got=repr(settings["seed"]), fix="seed=0"
        )
    if settings["resume"] and settings["out"] is None:
        raise SettingError(
            "fit: resume=True without a run folder",
            expected="the folder of the run to take up",
            got="out=None",
            fix='ppgen.fit(..., out="runs/name", resume=True)',
        )


def check_patience(patience: int | None, dataset: Dataset, players: list[Player]) -> None:
    """Refuse early stopping where there is no validation loss to wait for.

    Raises:
        SettingError: if the validation split is empty, or the objective's losses are no measure of the fit.
    """
    if patience is None or (dataset.size("valid") and len(players) == 1):
        return
    raise SettingError(
        "fit: patience needs a validation loss",
        expected="a validation split, and an objective of one player",
        got="an empty validation split"
        if not dataset.size("valid")
        else f"players {[player.name for player in players]}",
        fix="leave patience out, or ppgen.data.from_tensors(x, valid=0.1)"
        if not dataset.size("valid")
        else "leave patience out",
    )


def unwrap(model: Any, guide: Any) -> tuple[nn.Module, Any]:
    """Model and guide as modules; a :class:`Program` holds both."""
    if isinstance(model, Program):
        if guide is not None:
            raise SettingError(
                "fit: a Program brings its own guide",
                expected="guide=None",
                got=type(guide).__name__,
                fix="leave guide out, or ppgen.Program(model, guide)",
            )
        return model.model, model.guide
    if isinstance(model, type) or not isinstance(model, nn.Module) or not hasattr(model, "sites"):
        name = model.__name__ if isinstance(model, type) else type(model).__name__
        raise DeclarationError(
            "fit: this is no model",
            expected="an instance of a ppgen.Model subclass, or a ppgen.Program",
            got=f"the class {name} itself" if isinstance(model, type) else name,
            fix=f"ppgen.fit({name}(...), ...)" if isinstance(model, type) else "ppgen.Program(model, guide)",
        )
    return model, guide


def choose_guide(model: nn.Module, guide: Any) -> nn.Module | None:
    """The user's guide, else the mean-field guide of a declared model with latents and a likelihood."""
    if guide is not None:
        if isinstance(guide, type):
            guide = guide(model) if issubclass(guide, DerivedGuide) else guide()
        if not isinstance(guide, nn.Module):
            raise DeclarationError(
                "fit: this is no guide",
                expected="a ppgen.Guide, or one derived: ppgen.guides.MeanField(model)",
                got=type(guide).__name__,
                fix="for a Pyro function: ppgen.fit(ppgen.Program(model, guide), ...)",
            )
        return guide
    has_latents = any(site.role == "latent" for site in getattr(model, "sites", {}).values())
    if has_latents and not getattr(model, "is_implicit", False) and not isinstance(model, ProgramPart):
        return MeanField(model)
    return None


def choose_objective(model: nn.Module, guide: nn.Module | None, objective: Objective | None) -> Objective:
    """The user's objective, else what the sites call for: an ELBO, maximum likelihood, or adversarial training."""
    if objective is None:
        if getattr(model, "is_implicit", False):
            return Adversarial()
        has_latents = any(site.role == "latent" for site in getattr(model, "sites", {}).values())
        return ELBO() if has_latents or guide is not None else MaximumLikelihood()
    if not isinstance(objective, Objective):
        raise SettingError(
            "fit: this is no objective",
            expected="ppgen.ELBO(), ppgen.MaximumLikelihood(), ppgen.Adversarial() ...",
            got=repr(objective),
            fix="objective=ppgen.ELBO(beta=4.0)",
        )
    return objective
