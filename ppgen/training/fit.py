"""Fit a model and its guide: one call, one loop, every objective."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from ppgen.arguments import plain
from ppgen.checked import checked
from ppgen.context import reseed, seeded
from ppgen.declare import explained
from ppgen.device import resolve_device
from ppgen.errors import SettingError
from ppgen.fitted import Fit
from ppgen.guides import DerivedGuide
from ppgen.objectives import Objective
from ppgen.runs import RunFolder, checkpoint, describe_run, locked, succeed
from ppgen.surroundings import verify_gradients, verify_no_handlers
from ppgen.training.callbacks import Callback, ChoiceNote, ProgressBar, Training, check_callbacks
from ppgen.training.choices import choose_guide, choose_objective, jointly, unwrap
from ppgen.training.full_batch import chosen_data, take_whole, undivided, whole_rows
from ppgen.training.loop import Loop
from ppgen.training.misplaced import explain_misplaced
from ppgen.training.model_types import in_types, types_for
from ppgen.training.optimizers import Choice, described
from ppgen.training.prepare import Minibatches, Problem, set_up, to_device, verify_fit, verify_weights
from ppgen.training.rates import choose_rate, global_rate
from ppgen.training.rehearsal import rehearse, verify_state
from ppgen.training.settings import Course, check_patience, check_settings, choose_players
from ppgen.training.starting_points import find_start
from ppgen.training.step import TrainingStep
from ppgen.training.stopping import choose_stopping

__all__ = ["fit"]


@explain_misplaced
@checked(max_epochs=20, patience=20)
def fit(
    model: Any,
    data: Any,
    *,
    guide: Any = None,
    objective: Objective | None = None,
    max_epochs: int | None = None,
    batch_size: int | None = 128,
    learning_rate: float | Mapping[str, float] | None = None,
    optimizer: Choice | Mapping[str, Choice] = "adam",
    schedule: str | Callable[[float], float] | None = None,
    average: float | Mapping[str, float] | None = None,
    seed: int = 0,
    device: str | torch.device = "auto",
    out: str | os.PathLike[str] | None = None,
    resume: bool = False,
    progress: bool = True,
    patience: int | None = None,
    clip_norm: float | None = None,
    callbacks: Callback | Sequence[Callback] = (),
) -> Fit:
    """Fit a model to data.

    Args:
        model: a :class:`ppgen.Model`, or a :class:`ppgen.Program` (hand-written Pyro model and guide).
        data: a name (``"digits"``), a folder or file, a :class:`ppgen.data.Dataset`, a dictionary of tensors or arrays
            by site and covariate, one tensor or array [N, ...], which stands for ``{"x": tensor}``, a list of
            sequences, a pandas DataFrame, a map-style ``torch.utils.data.Dataset``, or ``ppgen.data.unpaired(...)``.
        guide: a :class:`ppgen.Guide`, or one derived from the model; default: ``ppgen.guides.MeanField(model)`` where
            there are latents and a likelihood (``FullRank(model)`` where all continuous ones are global, and these
            have no more than 256 numbers), else none.
        objective: default: ``ELBO()`` with latents, ``MaximumLikelihood()`` without, ``Adversarial()`` for an
            implicit model.
        max_epochs: passes over the training split. By default a fit goes on until validation stalls: for 5 epochs, or
            400 steps where that is longer; then the learning rate is lowered to a fifth, and when it stalls again, the
            fit ends with its best weights, after 200 epochs, or 2000 steps where that is longer, at the latest. Without
            a validation loss to wait for (no such split, several players), or with a schedule, it takes 3000 steps.
        batch_size: rows of a minibatch; ``None`` for all rows in one batch, in their order (arrays that a
            :class:`ppgen.Program` is fitted to are then not split). A Program that runs on all rows only, as most of
            Pyro's examples do, needs this, or at least as many as there are: it is taken whole, in the order of the
            rows, and its numbers are of the data set.
        learning_rate: at the start; or one for each player, ``{"critic": 4e-4, "generator": 1e-4}``. By default 0.001.
            Where Adam learns nothing but the posterior of global continuous latents, and all rows are in one batch, it
            is 0.02 (0.005 for a derived guide with networks over them, such as a flow), and the schedule ``"cosine"``:
            noise that stays at a constant rate is averaged out there. For ``Simulation()`` it is 0.002, and the
            schedule likewise.
        optimizer: ``"adam"``, or any of ``torch.optim`` by its name in small letters, or what makes one:
            ``functools.partial(torch.optim.SGD, momentum=0.9)``; or one for each player.
        schedule: how the learning rate changes: ``"constant"``, or ``"cosine"``, which ends at 0 and so averages the
            noise out of the last weights; or a function from the share of training done, 0 to 1, to a factor. By
            default it is constant, but where ``learning_rate`` says otherwise.
        average: decay of an exponential moving average of the weights over steps, such as 0.999, which validation sees
            and the fit ends with; smaller in the first steps, so that it forgets where training began; or one for each
            player, ``{"generator": 0.999}``.
        seed: of data order, noise, dropout and the initial weights of what ``fit`` makes itself. The same seed, thread
            count and versions give the same weights on the same machine; initial weights of the model are its own
            (``torch.manual_seed`` before making it).
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` ...
        out: run folder; ``None`` keeps the fit in memory.
        resume: take up the run in ``out`` exactly where its newest checkpoint stands; starts anew if it has none.
        progress: show a bar.
        patience: stop after so many epochs without a better validation loss, and keep the best weights; they are
            counted from the end of what the objective schedules, such as a warm-up.
        clip_norm: largest norm of a player's gradient.
        callbacks: a :class:`ppgen.Callback`, or several, called after steps and epochs.

    Returns:
        The fit, also after Ctrl-C (``fit.stopped == "interrupted"``).

    Raises:
        SettingError, DataError, DeclarationError: before the first step; with the call rewritten, if data are missing
            or a guide or an objective stands where they belong.
        DivergenceError: on a loss or gradient that is not finite. ``error.fit`` holds the weights of the last good
            step.
        CheckpointError: if the run folder can no longer be written. ``error.fit`` holds what was reached.

    Example:
        >>> import ppgen
        >>> fit = ppgen.fit(ppgen.models.VAE(x_shape=(1, 8, 8)), "digits", max_epochs=1, progress=False)
        >>> fit.elbo().kind
        'lower bound'
    """
    verify_gradients("fit")
    verify_no_handlers("fit")
    max_epochs, batch_size, learning_rate, average, seed, patience, clip_norm = map(
        plain, (max_epochs, batch_size, learning_rate, average, seed, patience, clip_norm)
    )
    settings: dict[str, Any] = {
        "max_epochs": max_epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "optimizer": optimizer,
        "schedule": schedule,
        "average": average,
        "seed": seed,
        "patience": patience,
        "clip_norm": clip_norm,
    }
    check_settings(learning_rate, optimizer, schedule, average, clip_norm)
    told = check_callbacks(callbacks)
    if resume and out is None:
        raise SettingError(
            "fit: resume=True without a run folder",
            expected="the folder of the run to take up",
            got="out=None",
            fix='ppgen.fit(..., out="runs/name", resume=True)',
            code="S110",
        )
    chosen_device = resolve_device(device)
    model, guide = unwrap(model, guide)
    dataset = chosen_data(data, model, batch_size, objective)
    types = types_for(model, guide, dataset)
    dataset = in_types(types, dataset)
    place = folder = None if out is None else RunFolder.at(out)

    with seeded(seed, chosen_device), contextlib.ExitStack() as held:
        verify_weights(model)
        is_open, guide = guide is None, choose_guide(model, guide, objective)
        whole = take_whole(model, guide, dataset, batch_size, chosen_device)
        dataset = in_types(types, undivided(data)) if whole else dataset
        rows = whole_rows(dataset, chosen_device) if whole else to_device(dataset.representative_rows(), chosen_device)
        set_up(model, guide, rows, chosen_device)
        if is_open and (joint := jointly(guide)) is not guide:
            guide = joint
            set_up(model, guide, rows, chosen_device)
        objective = choose_objective(model, guide, objective)
        objective.check(model, guide)
        objective.check_data(model, dataset)
        with explained(model, None, rows):
            taught = objective.training_data(model, dataset, chosen_device, seed)
        seen = rows if taught is dataset else to_device(taught.representative_rows(), chosen_device)
        if taught is not dataset:  # which may hold labels that the data have not
            set_up(model, guide, seen, chosen_device)
        if isinstance(guide, DerivedGuide):
            guide.standardise(taught, draws=taught is not dataset)
        facts = verify_fit(model, guide, dataset, rows)
        state = objective.setup(model, guide, rows)
        verify_state(objective, state)
        nn.ModuleList(state.modules.values()).to(chosen_device)
        players = choose_players(objective, state, average)
        check_patience(patience, taught, players, whole=whole)
        problem = Problem(objective, state, players, taught.size("train"))
        minibatches = functools.partial(
            Minibatches, taught, "train", None if whole else batch_size, chosen_device, seed
        )
        batches = minibatches()
        begun = None if place is None or not resume else place.for_a_fit(resume=True)
        rate = choose_rate(
            learning_rate,
            schedule,
            shared=global_rate(model, guide, state, players, optimizer) if batches.num_batches == 1 else None,
            is_drawn=taught is not dataset,
            begun=begun.read()["settings"] if begun is not None and begun.exists else None,
        )
        course = Course(rate.schedule)
        make_step = functools.partial(
            TrainingStep,
            problem,
            optimizer=optimizer,
            learning_rate=rate.learning_rate,
            clip_norm=clip_norm,
            device=chosen_device,
        )
        step = make_step()
        with explained(model, guide, rows):
            rehearse(problem, seen)
        stopping = choose_stopping(
            max_epochs,
            patience,
            num_batches=batches.num_batches,
            has_validation=bool(taught.size("valid")) and len(players) == 1 and not whole,
            is_constant=rate.schedule == "constant",
            keeps_best=taught is not dataset,
        )
        settings |= {**stopping.settings(), "learning_rate": rate.learning_rate, "schedule": course.text}
        settings |= {"optimizer": described(optimizer, step.optimizers)}
        record = {} if folder is None else describe_run(model, guide, objective, dataset, settings, facts)
        if place is not None:
            held.enter_context(locked(place.path))
            succeed(place.path)
            folder = place.for_a_fit(resume=resume)
        if folder is not None and folder.exists:
            folder.verify_same(record)

        begins = not (resume and folder is not None and checkpoint.latest(folder.checkpoint))
        chosen = "; ".join(filter(None, (stopping.said, rate.said)))
        start = find_start(problem, dataset, rows, make_step, minibatches, seed) if begins else ""
        told = (
            *told,
            *(ChoiceNote(what, text) for what, text in (("start", start), ("learning_rate", rate.said)) if text),
        )
        reseed(seed, chosen_device)
        loop = Loop(
            problem,
            step,
            batches,
            to_device(taught.split("valid"), chosen_device) if taught.size("valid") and not whole else None,
            stopping=stopping,
            schedule=course,
            seed=seed,
            folder=folder,
            callbacks=(*([ProgressBar(objective.name, chosen)] if progress else []), *told),
        )
        if folder is not None and resume and loop.restore():
            folder.extend()
        elif folder is not None:
            folder.begin(record)
        result = Fit(
            state,
            objective,
            dataset,
            history=loop.history,
            settings={**settings, **facts},
            seconds=0.0,
            folder=None if folder is None else folder.path,
        )
        try:
            loop.run(Training(result, stopping.max_epochs, loop.train.num_batches))
        except Exception as error:
            error.fit = result  # type: ignore[attr-defined]  # so that nothing is lost
            raise
        finally:
            result.history, result.seconds, result.stopped = loop.history, loop.progress.seconds, loop.progress.stopped
            nn.ModuleList(state.modules.values()).eval()
        if folder is not None and result.stopped != "interrupted":
            folder.finish(record, state.modules, seconds=result.seconds, stopped=result.stopped)
        if place is not None:
            succeed(place.path)
            result.folder = place.path
    return result
