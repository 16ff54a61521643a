"""Random damage to the files of a run, one at a time, and whether it is seen; many at once by

python -m tests.runs.damaged 640
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import ppgen
from ppgen.errors import CheckpointError
from ppgen.evaluation.scorecard import Scorecard
from ppgen.runs import checkpoint

__all__ = ["make_run", "trials"]


def make_run(folder: Path) -> Path:
    """A finished run with everything that it may hold."""
    model = ppgen.models.VAE((1, 8, 8), latent_dim=2, hidden=(4,))
    fit = ppgen.fit(model, "digits", max_epochs=1, batch_size=512, progress=False, device="cpu", out=folder)
    ppgen.evaluate(fit, ["log_prob"], num_particles=2, progress=False).save(folder)
    fit.posterior({name: rows[:3] for name, rows in fit.data.split("test").items()}, 2)
    return folder


def read_all(run: Path) -> None:
    """Every file, by whatever reads it."""
    ppgen.load(run, device="cpu")
    Scorecard.load(run)
    checkpoint.read(run / "checkpoint")


def trials(run: Path, number: int) -> Iterator[str]:
    """Faults: damage that was accepted, or that ended in another error than ppgen's, or whose file was not named."""
    chance = random.Random(0)
    files = sorted(path for path in run.rglob("*") if path.is_file())
    read_all(run)
    for trial in range(number):
        path = files[trial % len(files)]
        whole = path.read_bytes()
        kind, damaged = damage(whole, chance)
        path.write_bytes(damaged)
        try:
            read_all(run)
            yield f"{path.name}: {kind} was accepted"
        except CheckpointError as error:
            if path.name not in str(error):
                yield f"{path.name}: {kind} was refused without its name: {error}"
        except Exception as error:
            yield f"{path.name}: {kind}: {type(error).__name__}: {error}"
        path.write_bytes(whole)


def damage(whole: bytes, chance: random.Random) -> tuple[str, bytes]:
    """A flipped bit, another digit, or less of it than there was."""
    digits = [place for place, byte in enumerate(whole) if chr(byte).isdigit()]
    kind = chance.choice(["bit", "digit", "cut"] if digits else ["bit", "cut"])
    if kind == "cut":
        place = chance.randrange(len(whole))
        return f"cut to {place} of {len(whole)} bytes", whole[:place]
    place = chance.choice(digits) if kind == "digit" else chance.randrange(len(whole))
    byte = whole[place]
    changed = 48 + (byte - 47) % 10 if kind == "digit" else byte ^ 1 << chance.randrange(8)
    return f"byte {place}: {byte} -> {changed}", whole[:place] + bytes([changed]) + whole[place + 1 :]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        faults = list(trials(make_run(Path(place) / "run"), int(sys.argv[1])))
    print(*faults, f"{len(faults)} faults in {sys.argv[1]} trials", sep="\n")
    sys.exit(bool(faults))
