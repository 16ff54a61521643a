"""Fit a model and its guide: one call, one loop, every objective."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ppgen.context import reseed, resolve_device, seeded
from ppgen.data import as_dataset
from ppgen.errors import CheckpointError, DivergenceError
from ppgen.fitting.choices import check_patience, check_settings, choose_guide, choose_objective, unwrap
from ppgen.fitting.engine import Engine
from ppgen.fitting.loop import Loop
from ppgen.fitting.preparation import rehearse, set_up, verify_fit, verify_weights
from ppgen.fitting.record import all_modules, describe_run, finish, verify_same_run
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
            finish(folder, record, result)
    return result


def _on(device: torch.device, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {key: value.to(device) for key, value in batch.items()}
