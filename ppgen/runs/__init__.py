"""Runs on disk: the run folder, its record, checkpoints, weights and blueprints. Data only, never code."""

from ppgen.runs.allowed_classes import DTYPES, KINDS, known_class
from ppgen.runs.blueprint import build, example_batch
from ppgen.runs.run_folder import FACTS, RunFolder, describe_run, versions

__all__ = [
    "DTYPES",
    "FACTS",
    "KINDS",
    "RunFolder",
    "build",
    "describe_run",
    "example_batch",
    "known_class",
    "versions",
]
