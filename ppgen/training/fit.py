"""Fit a model and its guide: one call, one loop, every objective."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ppgen.context import reseed, resolve_device, seeded
from ppgen.data import Dataset, as_dataset
from ppgen.declare import Program, ProgramPart
from ppgen.errors import CheckpointError, DeclarationError, DivergenceError, SettingError
from ppgen.fitted import Fit
from ppgen.guides import DerivedGuide, MeanField
from ppgen.objectives import ELBO, Adversarial, MaximumLikelihood, Objective, Player
from ppgen.objectives.schedules import SCHEDULES
from ppgen.runs.record import all_modules, describe_run, finish, verify_same_run
from ppgen.runs.run_folder import RunFolder
from ppgen.training.loop import Loop
from ppgen.training.prepare import Resident, rehearse, set_up, verify_fit, verify_weights
from ppgen.training.step import Engine

__all__ = ["check_patience", "check_settings", "choose_guide", "choose_objective", "fit", "unwrap"]


def fit(
    model: Any,
    guide: Any = None,
    data: Any = "digits",
    objective: Objective | None = None,
    *,
    max_epochs: int = 20,
    batch_size: int = 128,
    learning_rate: float = 1e-3,
    schedule: str = "constant",
    seed: int = 0,
    device: str | torch.device = "auto",
    out: str | os.PathLike[str] | None = None,
    resume: bool = False,
    progress: bool = True,
    patience: int | None = None,
    clip_norm: float | None = None,
) -> Fit:
    """Fit a model to data.

    Args:
        model: a :class:`ppgen.Model`, or a :class:`ppgen.Program` (hand-written Pyro model and guide).
        guide: a :class:`ppgen.Guide`, or one derived from the model; default: ``ppgen.guides.MeanField(model)`` where
            there are latents and a likelihood, else none.
        data: a name (``"digits"``), a :class:`ppgen.data.Dataset`, a dictionary of tensors or arrays by site and
            covariate, or one tensor, which stands for ``{"x": tensor}``.
        objective: default: ``ELBO()`` with latents, ``MaximumLikelihood()`` without, ``Adversarial()`` for an
            implicit model.
        max_epochs: passes over the training split.
        batch_size: rows of a minibatch.
        learning_rate: Adam's, at the start.
        schedule: its course: ``"constant"``, or ``"cosine"``, which ends at 0 and so averages the noise out of the
            last weights.
        seed: of data order, noise, dropout and the initial weights of what ``fit`` makes itself. The same seed, thread
            count and versions give the same weights on the same machine; initial weights of the model are its own
            (``torch.manual_seed`` before making it).
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` ...
        out: run folder; ``None`` keeps the fit in memory.
        resume: take up the run in ``out`` exactly where its newest checkpoint stands; starts anew if it has none.
        progress: show a bar.
        patience: stop after so many epochs without a better validation loss, and keep the best weights.
        clip_norm: largest norm of the gradient.

    Returns:
        The fit, also after Ctrl-C (``fit.stopped == "interrupted"``).

    Raises:
        SettingError, DataError, DeclarationError: before the first step.
        DivergenceError: on a loss or gradient that is not finite. ``error.fit`` holds the weights of the last good
            step.
        CheckpointError: if the run folder can no longer be written. ``error.fit`` holds what was reached.

    Example:
        >>> import ppgen
        >>> fit = ppgen.fit(ppgen.models.VAE(x_shape=(1, 8, 8)), data="digits", max_epochs=1, progress=False)
        >>> fit.elbo().kind
        'lower bound'
    """
    settings: dict[str, Any] = {
        "max_epochs": max_epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "schedule": schedule,
        "seed": seed,
        "patience": patience,
        "clip_norm": clip_norm,
    }
    check_settings(out=out, resume=resume, **settings)
    chosen_device = resolve_device(device)
    model, guide = unwrap(model, guide)
    dataset = as_dataset(data)
    folder = None if out is None else RunFolder.at(out)

    with seeded(seed, chosen_device):
        verify_weights(model)
        guide = choose_guide(model, guide)
        set_up(model, guide, dataset, chosen_device)
        objective = choose_objective(model, guide, objective)
        objective.check(model, guide)
        facts = verify_fit(model, guide, dataset, chosen_device)
        modules = all_modules(model, guide, objective, chosen_device)
        check_patience(patience, dataset, objective.players(model, guide))
        rehearse(model, guide, objective, dataset, chosen_device)
        record = {} if folder is None else describe_run(model, guide, objective, dataset, settings, facts)
        if folder is not None and folder.exists:
            if resume:
                verify_same_run(folder, record)
            elif not folder.overwrite:
                raise folder.taken()

        reseed(seed, chosen_device)
        loop = Loop(
            modules,
            objective,
            Engine(
                model,
                guide,
                objective,
                size=dataset.size("train"),
                learning_rate=learning_rate,
                clip_norm=clip_norm,
                device=chosen_device,
            ),
            Resident(dataset, "train", batch_size, chosen_device, seed),
            _on(chosen_device, dataset.split("valid")) if dataset.size("valid") else None,
            max_epochs=max_epochs,
            learning_rate=learning_rate,
            schedule=schedule,
            patience=patience,
            seed=seed,
            folder=folder,
            show_progress=progress,
        )
        if folder is not None and not (resume and loop.restore()):
            folder.begin(record)
        result = Fit(
            model,
            guide,
            objective,
            dataset,
            history=loop.history,
            settings={**settings, **facts},
            seconds=0.0,
            folder=None if folder is None else folder.path,
        )
        try:
            loop.run()
        except (DivergenceError, CheckpointError) as error:
            error.fit = result  # type: ignore[union-attr]  # so that nothing is lost
            raise
        finally:
            result.history, result.seconds, result.stopped = loop.history, loop.progress.seconds, loop.progress.stopped
            for module in modules.values():
                module.eval()
        if folder is not None and result.stopped != "interrupted":
            finish(folder, record, modules, seconds=result.seconds, stopped=result.stopped)
    return result


def _on(device: torch.device, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {key: value.to(device) for key, value in batch.items()}


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
