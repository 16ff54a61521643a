"""Runs on disk: the run folder, its record, checkpoints, weights and blueprints. Data only, never code."""

__all__: list[str] = []
