"""Runs on disk: the run folder, its record, checkpoints, weights and blueprints. Data only, never code."""

from ppgen.runs.allowance import Allowance
from ppgen.runs.allowed_classes import DTYPES, KINDS, known_class
from ppgen.runs.blueprint import build, example, example_batch
from ppgen.runs.description import FACTS, describe_run, fingerprint, versions
from ppgen.runs.lock import locked
from ppgen.runs.run_folder import RunFolder
from ppgen.runs.succession import succeed
from ppgen.runs.understood import understood

__all__ = [
    "DTYPES",
    "FACTS",
    "KINDS",
    "Allowance",
    "RunFolder",
    "build",
    "describe_run",
    "example",
    "example_batch",
    "fingerprint",
    "known_class",
    "locked",
    "succeed",
    "understood",
    "versions",
]
