"""Kill -9 in the middle of fitting, evaluating, extending and replacing a run, and whether what is left is one run;
many at once by

python -m tests.runs.killed 20
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch

import ppgen
from ppgen.errors import CheckpointError
from ppgen.evaluation.scorecard import Scorecard
from ppgen.runs import RunFolder

__all__ = ["life", "trials"]

X = (torch.rand(200, 6, generator=torch.Generator().manual_seed(0)) < 0.3).float()


def fitted(folder: Path | RunFolder, latent_dim: int, max_epochs: int, *, resume: bool = False) -> ppgen.Fit:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = ppgen.models.VAE((6,), latent_dim, hidden=(4,))
        return ppgen.fit(
            model, X, max_epochs=max_epochs, batch_size=20, progress=False, device="cpu", out=folder, resume=resume
        )


def judged(fit: ppgen.Fit, folder: Path) -> None:
    ppgen.evaluate(fit, ["log_prob"], num_particles=2, progress=False).save(folder)
    fit.posterior({"x": X[:3]}, 2)


def life(folder: Path) -> None:
    """Of a run: fitted, judged, extended, judged, and another one in its place."""
    judged(fitted(folder, 2, 3), folder)
    judged(fitted(folder, 2, 6, resume=True), folder)
    judged(fitted(RunFolder(folder, overwrite=True), 3, 3), folder)


def left_behind(folder: Path, whole: dict[tuple[int, int], bytes]) -> str:
    """What is wrong with a folder, or nothing; taken up where it says that this can be done.

    Args:
        folder: of the run.
        whole: the weights of the runs that were not killed, by latent dimensions and epochs.
    """
    if not (folder / "run.json").exists():
        return "" if not (folder / "model.safetensors").exists() else "weights without a record"
    try:
        fit = ppgen.load(folder, data=X, device="cpu")
    except CheckpointError as error:
        if "not finished" not in str(error):
            return f"{error}"
        fit = fitted(folder, 2, 6, resume=True)
    asked = (fit.model.latent_dim, len(fit.history))
    if (folder / "model.safetensors").read_bytes() != whole.get(asked):
        return f"other weights than those of {asked}"
    if (folder / "scores.json").exists():
        try:
            Scorecard.load(folder)
        except CheckpointError as error:
            if "stale" not in str(error):
                return f"{error}"
    return ""


def trials(place: Path, number: int) -> Iterator[str]:
    """Faults after so many kills, at moments that are spread over the life of a run.

    Args:
        place: an empty folder.
        number: of kills.
    """
    whole: dict[tuple[int, int], bytes] = {}
    for latent_dim, epochs in ((2, 3), (2, 6), (3, 3)):
        name = place / f"whole-{latent_dim}-{epochs}"
        fitted(name, latent_dim, epochs)
        whole[latent_dim, epochs] = (name / "model.safetensors").read_bytes()
    fork, began = multiprocessing.get_context("fork"), time.monotonic()
    unharmed = fork.Process(target=life, args=(place / "unharmed",))
    unharmed.start()
    unharmed.join()
    took, chance = time.monotonic() - began, random.Random(0)
    for trial in range(number):
        folder = place / str(trial)
        process = fork.Process(target=life, args=(folder,))
        process.start()
        time.sleep(took * (trial + chance.random()) / number)
        if process.pid is not None and process.is_alive():
            os.kill(process.pid, signal.SIGKILL)
        process.join()
        if fault := left_behind(folder, whole):
            yield f"kill {trial} of {number}: {fault}"


if __name__ == "__main__":
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as place:
        faults = list(trials(Path(place), int(sys.argv[1])))
    print(*faults, f"{len(faults)} faults after {sys.argv[1]} kills", sep="\n")
    sys.exit(bool(faults))
