"""Fit a model and its guide: one call, one loop, every objective."""

from __future__ import annotations

import os
from typing import Any

import torch

from ppgen.data import as_dataset
from ppgen.declare import ProgramPart
from ppgen.errors import DivergenceError, SettingError
from ppgen.fitting import checkpoint, weights
from ppgen.fitting.devices import resolve
from ppgen.fitting.engine import Engine
from ppgen.fitting.loop import Loop
from ppgen.fitting.preparation import (
    check_settings,
    choose_guide,
    choose_objective,
    prepare,
    representative_rows,
    unwrap,
)
from ppgen.fitting.record import all_modules, describe_run, verify_same_run
from ppgen.fitting.resident import Resident
from ppgen.fitting.result import Fit
from ppgen.fitting.run_folder import RunFolder
from ppgen.objectives import Objective

__all__ = ["fit"]


def fit(
    model: Any,
    guide: Any = None,
    data: Any = "digits",
    objective: Objective | None = None,
    *,
    max_epochs: int = 20,
    batch_size: int = 128,
    learning_rate: float = 1e-3,
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
        learning_rate: Adam's.
        seed: of data order, noise and dropout. The same seed, thread count and versions give the same weights on the
            same machine; initial weights are the model's own (``torch.manual_seed`` before making it).
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
        "seed": seed,
        "patience": patience,
        "clip_norm": clip_norm,
    }
    check_settings(out=out, resume=resume, **settings)
    chosen_device = resolve(device)
    model, guide = unwrap(model, guide)
    dataset = as_dataset(data)
    folder = None if out is None else RunFolder(out)
    if isinstance(model, ProgramPart):
        if isinstance(guide, ProgramPart):
            guide.setup(representative_rows(dataset))
        model.setup(representative_rows(dataset))
    guide = choose_guide(model, guide)
    objective = choose_objective(model, guide, objective)
    objective.check(model, guide)
    facts = prepare(model, guide, dataset, chosen_device)
    if folder is not None and folder.exists:
        if not resume:
            raise SettingError(
                f"{folder.path}: there is a run in this folder already",
                expected="a new folder, or resume=True",
                fix=f'out="{folder.path}-2", resume=True (--resume) to take it up, or delete it',
            )
        verify_same_run(folder, describe_run(model, guide, objective, dataset, settings, facts))

    devices = [chosen_device] if chosen_device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        objective.turns(model, guide)  # an objective may make its networks here, which then belong to the modules
        modules = all_modules(model, guide, objective, chosen_device)
        engine = Engine(
            model,
            guide,
            objective,
            size=dataset.size("train"),
            learning_rate=learning_rate,
            clip_norm=clip_norm,
            device=chosen_device,
        )
        valid = dataset.split("valid") if dataset.size("valid") else None
        loop = Loop(
            modules,
            objective,
            engine,
            Resident(dataset, "train", batch_size, chosen_device, seed),
            None if valid is None else {key: value.to(chosen_device) for key, value in valid.items()},
            max_epochs=max_epochs,
            patience=patience,
            seed=seed,
            folder=folder,
            show_progress=progress,
        )
        record = describe_run(model, guide, objective, dataset, settings, facts)
        if folder is not None:
            if resume and folder.exists and checkpoint.latest(folder.checkpoint) is not None:
                loop.restore()
            else:
                folder.write({**record, "finished": False})
                folder.rewrite_history([])
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
        except DivergenceError as error:
            _close(result, loop)
            error.fit = result  # type: ignore[attr-defined]  # so that nothing is lost
            raise
        _close(result, loop)
        if folder is not None and loop.progress.stopped != "interrupted":
            weights.write(modules, folder.weights)
            folder.write({**record, "finished": True, "seconds": result.seconds, "stopped": result.stopped})
    return result


def _close(result: Fit, loop: Loop) -> None:
    result.history = loop.history
    result.seconds = loop.progress.seconds
    result.stopped = loop.progress.stopped
