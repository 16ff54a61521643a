"""Codes made by hand of independent factors, whose scores of disentanglement are known."""

from __future__ import annotations

import numpy as np

from ppgen.evaluation import FactorCodes

VALUES = (3, 4, 5)


def grid() -> np.ndarray:
    """Every combination of the values as often as any other, in a random order: [2400, 3]."""
    rows = np.stack(np.meshgrid(*map(np.arange, VALUES), indexing="ij"), -1).reshape(-1, 3)
    return np.random.default_rng(0).permutation(np.tile(rows, (40, 1)))


def of_codes(codes: np.ndarray, factors: np.ndarray | None = None) -> FactorCodes:
    """Two halves of rows, to train and to test on."""
    factors = grid() if factors is None else factors
    return FactorCodes(codes[::2], factors[::2], codes[1::2], factors[1::2])


def copies() -> FactorCodes:
    """Code d is factor d."""
    return of_codes(1.0 * grid())


def doubled() -> FactorCodes:
    """Every factor in two codes."""
    return of_codes(np.tile(1.0 * grid(), (1, 2)))


def rotated() -> FactorCodes:
    """Every code an equal mixture of all factors."""
    turn, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))
    return of_codes(((grid() - grid().mean(0)) / grid().std(0)) @ turn)


def noise() -> FactorCodes:
    """Codes that know nothing."""
    return of_codes(np.random.default_rng(2).normal(size=(len(grid()), 3)))


def mixed() -> FactorCodes:
    """Noisy codes of different purity: nothing is 0 or 1."""
    rng = np.random.default_rng(3)
    weights = np.array([[1.0, 0.2, 0.0], [0.1, 1.0, 0.4], [0.0, 0.3, 0.7], [0.5, 0.0, 0.0]])
    return of_codes(grid() @ weights.T + 0.3 * rng.normal(size=(len(grid()), 4)))
