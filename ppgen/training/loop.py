"""The one training loop: epochs, history, early stopping, checkpoints, exact resume."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ppgen.context import signed_stream
from ppgen.errors import DivergenceError
from ppgen.objectives import TrainingPosition
from ppgen.runs import RunFolder, checkpoint, understood, weights
from ppgen.training.callbacks import RESERVED, Callback, ProgressBar, Training
from ppgen.training.diagnosis import must_be_finite
from ppgen.training.modes import begin_training
from ppgen.training.monitor import monitor
from ppgen.training.prepare import Minibatches, Problem, to_device
from ppgen.training.progress import Progress
from ppgen.training.step import REPEATED, TrainingStep
from ppgen.training.stopping import LOWERED, Stopping, settled_after

__all__ = ["Loop"]

_SECONDS_BETWEEN_CHECKPOINTS = 30.0
_SECONDS_BETWEEN_EPOCH_CHECKPOINTS = 1.0


class Loop:
    """Steps over epochs, for every objective alike.

    Args:
        problem: what is trained.
        step: makes one step of that problem.
        train: the training split on the device.
        valid: the validation split as a model sees it, [N, ...] each, or ``None``.
        stopping: when to stop.
        schedule: what the learning rate is multiplied by, given the share of training that is done.
        seed: of all noise.
        folder: where the run is kept, or ``None``.
        callbacks: called before and after training, and after steps and epochs.
    """

    def __init__(
        self,
        problem: Problem,
        step: TrainingStep,
        train: Minibatches,
        valid: Mapping[str, Tensor] | None,
        *,
        stopping: Stopping,
        schedule: Callable[[float], float],
        seed: int,
        folder: RunFolder | None,
        callbacks: Sequence[Callback] = (),
    ) -> None:
        self.problem, self.modules, self.step = problem, problem.state.modules, step
        self.train, self.valid = train, valid
        self.stopping, self.seed = stopping, seed
        self.schedule, self.folder, self.callbacks = schedule, folder, callbacks
        self.progress = Progress()
        self.history: list[dict[str, Any]] = []
        self._best: dict[str, Tensor] | None = None
        self._records: dict[str, list[Tensor]] = defaultdict(list)
        self._rows: dict[str, list[int]] = defaultdict(list)  # of the minibatch that each of them is a mean over
        self._order_at_epoch_start = train.order.get_state()
        self._interrupted = False
        self._settled = settled_after(problem.objective, stopping.max_epochs, train.num_batches)
        self._saved_at = self._began = time.monotonic()

    def run(self, training: Training) -> None:
        """Train to the end, or to an interrupt or divergence; the folder is always left whole.

        Args:
            training: what callbacks see.
        """
        progress, self._training = self.progress, training
        self._began = time.monotonic() - progress.seconds
        self._verify_stream = signed_stream()
        self._tell("start")
        try:
            with self._interruptible():
                while progress.epoch < self.stopping.max_epochs and not progress.stopped:
                    self._run_epoch()
                    if progress.position == self.train.num_batches and progress.stopped != "interrupted":
                        self._close_epoch()
        except DivergenceError:
            progress.stopped = "diverged"
            self._save_checkpoint()
            raise
        finally:
            self._tell("end")
        if self._best is not None and progress.stopped != "interrupted":
            weights.apply(self.modules, self._best, "best weights")
        else:
            self.step.keep_averages()
        must_be_finite({f"tensor {name!r}": value for name, value in weights.collect(self.modules).items()})

    def _tell(self, moment: str) -> None:
        """Let every callback know; what a user's draws, it draws from a random state of its own."""
        progress, training, device = self.progress, self._training, self.train.device
        training.epoch, training.step, training.stopped = progress.epoch, progress.step, progress.stopped
        training.is_between_epochs = moment == "epoch"
        for callback in self.callbacks:
            if isinstance(callback, ProgressBar):
                getattr(callback, moment)(training)
            else:
                with torch.random.fork_rng([device] if device.type == "cuda" else []):
                    getattr(callback, moment)(training)
        if moment != "end":  # what is over cannot be stopped
            progress.stopped = training.stopped

    def _run_epoch(self) -> None:
        """Take the rest of an epoch's steps, up to an interrupt or a callback's stop."""
        progress, num_batches = self.progress, self.train.num_batches
        if progress.position == 0:
            self._order_at_epoch_start = self.train.order.get_state()
            self._records.clear()
            self._rows.clear()
        begin_training(self.modules)
        for batch in self.train.epoch(progress.position):
            at = TrainingPosition(progress.step, progress.epoch + progress.position / num_batches)
            self.step.scale_learning_rate(self.schedule(at.epoch / self.stopping.max_epochs) * progress.lowered)
            record = self._training.record = self.step(batch, at)
            self._verify_stream()
            first, last = self.train.bounds[progress.position]
            for key, value in record.items():
                self._records[key].append(value)
                self._rows[key].append(last - first)
            progress.step += 1
            progress.position += 1
            self._tell("step")
            if progress.position == num_batches:
                self.step.settle(batch, at)
            if self._interrupted:
                progress.stopped = "interrupted"
            if progress.stopped:
                self._save_checkpoint()
                return
            self._save_checkpoint(after=_SECONDS_BETWEEN_CHECKPOINTS)

    def _close_epoch(self) -> None:
        """Validate, write the epoch's row of history, and decide about stopping early."""
        progress = self.progress
        progress.epoch += 1
        progress.position = 0
        row: dict[str, Any] = {"epoch": progress.epoch, "step": progress.step, "train": self._means()}
        with self.step.averaged():
            if self.valid is not None:
                # The schedule as it is at the end, so that the losses of all epochs mean the same.
                epochs = self.stopping.max_epochs
                end = TrainingPosition(epochs * self.train.num_batches, float(epochs))
                found = monitor(self.problem, self.valid, end, self.seed)
                row |= {"valid": found} if found else {}
                self._keep_best(found.get("loss"))
            self._training.row = row
            self._tell("epoch")
        row["seconds"] = round(self._seconds(), 4)
        self.history.append(row)
        if self.folder is not None:
            self.folder.append_history(row)
            is_last = progress.epoch == self.stopping.max_epochs or progress.stopped
            self._save_checkpoint(after=0.0 if is_last else _SECONDS_BETWEEN_EPOCH_CHECKPOINTS)

    def _seconds(self) -> float:
        """Seconds of training up to now."""
        self.progress.seconds = time.monotonic() - self._began
        return self.progress.seconds

    def _means(self) -> dict[str, float]:
        """Means over the epoch's data points of what is recorded, read from the device once; repetitions are summed."""
        means = {}
        for key, values in self._records.items():
            rows = torch.tensor(self._rows[key], dtype=torch.float64)
            share = torch.ones_like(rows) if key == REPEATED else rows / rows.sum()
            means[key] = float(share @ torch.stack(values).double().cpu())
        must_be_finite({f"record {key!r} of the objective": torch.tensor(mean) for key, mean in means.items()})
        return means

    def _keep_best(self, loss: float | None) -> None:
        progress = self.progress
        if self.stopping.patience is None or loss is None:
            return
        if math.isfinite(loss) and (progress.best_loss is None or loss < progress.best_loss):
            progress.best_loss, progress.best_epoch = loss, progress.epoch
            self._best = {name: tensor.clone() for name, tensor in weights.collect(self.modules).items()}
        elif self._is_out_of_patience() and self.stopping.lowers and progress.lowered == 1.0:
            progress.lowered, progress.lowered_at = LOWERED, progress.epoch
        elif self._is_out_of_patience():
            progress.stopped = "early"

    def _is_out_of_patience(self) -> bool:
        since = max(self.progress.best_epoch, self.progress.lowered_at, self._settled)
        return self.stopping.patience is not None and self.progress.epoch - since >= self.stopping.patience

    @contextlib.contextmanager
    def _interruptible(self) -> Iterator[None]:
        """The first Ctrl-C ends the loop after the step in hand; a second one ends it at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.getsignal(signal.SIGINT) or signal.SIG_DFL

        def ask_to_stop(number: int, frame: Any) -> None:
            self._interrupted = True
            signal.signal(signal.SIGINT, before)

        signal.signal(signal.SIGINT, ask_to_stop)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _still_stopped(self) -> str:
        """Why a run that is taken up has ended already: a larger patience, or more epochs, let it go on."""
        reason = self.progress.stopped
        if reason and reason not in RESERVED and self.folder is not None:
            return reason if self.folder.read()["settings"]["max_epochs"] >= self.stopping.max_epochs else ""
        return "early" if not self.progress.position and self._is_out_of_patience() else ""

    # Checkpoints -----------------------------------------------------------------------------------------------------

    def _save_checkpoint(self, *, after: float = 0.0) -> None:
        """Write a checkpoint, if the newest is at least ``after`` seconds old."""
        self._seconds()
        if self.folder is None or time.monotonic() - self._saved_at < after:
            return
        device = self.train.device
        state = {
            "progress": dataclasses.asdict(self.progress),
            "weights": weights.collect(self.modules),
            "best": self._best,
            "optimizers": self.step.state(),
            "averages": self.step.average_state(),
            "records": {key: torch.stack(values) for key, values in self._records.items()},
            "rows": dict(self._rows),
            "random": {
                "torch": torch.get_rng_state(),
                "cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
                "order": self._order_at_epoch_start if self.progress.position else self.train.order.get_state(),
                "noise": self.train.noise.get_state(),
            },
            "history": json.dumps(self.history),
        }
        checkpoint.write(self.folder.checkpoint, state, self.progress.step)
        self._saved_at = time.monotonic()

    def restore(self) -> bool:
        """Take up the newest checkpoint of the folder, exactly where it stood; ``False`` if there is none.

        Raises:
            CheckpointError: if it is damaged or of another fit.
        """
        if self.folder is None or checkpoint.latest(self.folder.checkpoint) is None:
            return False
        state = checkpoint.read(self.folder.checkpoint)
        with understood(self.folder.checkpoint):
            self._restore(state, self.folder)
        return True

    def _restore(self, state: Mapping[str, Any], folder: RunFolder) -> None:
        device = self.train.device
        weights.apply(self.modules, state["weights"], str(folder.checkpoint))
        self.step.restore(state["optimizers"], state.get("averages", {}))
        self.progress, self.history = Progress(**state["progress"]), json.loads(state["history"])
        self.progress.must_fit(len(self.history), self.train.num_batches)
        self._best = state["best"] and to_device(state["best"], device)
        self.progress.stopped = self._still_stopped()
        self._records.update({key: list(v.unbind()) for key, v in to_device(state["records"], device).items()})
        every = [last - first for first, last in self.train.bounds]
        saved = state.get("rows", {})  # the first checkpoints had a record of each minibatch, and did not say so
        self._rows.update({key: list(saved.get(key, every[: len(values)])) for key, values in self._records.items()})
        random = state["random"]
        torch.set_rng_state(random["torch"])
        if random["cuda"] is not None and device.type == "cuda":
            torch.cuda.set_rng_state(random["cuda"], device)
        self.train.order.set_state(random["order"])
        self.train.noise.set_state(random["noise"])
        self._order_at_epoch_start = random["order"]
        folder.rewrite_history(self.history)
