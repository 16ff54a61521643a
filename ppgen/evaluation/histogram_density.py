"""Trivial densities of data on levels and of counts: each dimension by itself, a histogram or no knowledge at all."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["count_log_prob", "histogram_log_prob", "uniform_log_prob"]

_ROWS = 2048  # of test data at a time: the table of log-probabilities is looked up for each of their pixels


def histogram_log_prob(train: Tensor, test: Tensor, levels: int, white: float, counted: Tensor | None = None) -> Tensor:
    """The exact log-density of each test point under one histogram a dimension, with add-one smoothing.

    ``p_d(v) = (n_dv + 1) / (N + K)`` for each of K levels v, of which n_dv of the N training values are.

    Args:
        train: [N, ...], values k * white / (K - 1).
        test: [M, ...] of the same event shape.
        levels: K.
        white: the highest of them.
        counted: the dimensions of each test point whose densities are summed, [M, ...] of bools; default: all.

    Returns:
        Log-densities [M] in nats, float64.

    Example:
        >>> x = torch.tensor([[0.0], [1.0], [1.0]])
        >>> histogram_log_prob(x, torch.tensor([[0.0], [0.5], [1.0]]), levels=3, white=1.0).exp()
        tensor([0.3333, 0.1667, 0.5000], dtype=torch.float64)
    """
    dims = math.prod(train.shape[1:])
    counts = torch.zeros(dims * levels, dtype=torch.float64)
    for part in train.split(_ROWS):
        counts += torch.bincount(_cells(part, levels, white).flatten(), minlength=dims * levels)
    table = (counts + 1.0).log() - math.log(len(train) + levels)
    parts = [table[_cells(part, levels, white)] for part in test.split(_ROWS)]
    return _summed(torch.cat(parts), counted)


def _cells(x: Tensor, levels: int, white: float) -> Tensor:
    """Where each value stands in the table of all dimensions and levels, [N, D]."""
    flat = x.detach().cpu().reshape(len(x), -1).double()
    level = (flat * ((levels - 1) / white)).round().long().clamp(0, levels - 1)
    return level + levels * torch.arange(flat.shape[1])


def uniform_log_prob(test: Tensor, levels: int, counted: Tensor | None = None) -> Tensor:
    """The log-density of each test point where all levels are equally probable: ``-log K`` a dimension.

    Args:
        test: [M, ...].
        levels: K.
        counted: as in :func:`histogram_log_prob`.

    Example:
        >>> uniform_log_prob(torch.zeros(1, 3), levels=256) / math.log(2)
        tensor([-24.], dtype=torch.float64)
    """
    flat = torch.full((len(test), math.prod(test.shape[1:])), -math.log(levels), dtype=torch.float64)
    return _summed(flat, counted)


def count_log_prob(train: Tensor, test: Tensor, counted: Tensor | None = None) -> Tensor:
    """The exact log-density of counts, which have no highest one, under one smoothed histogram a dimension.

    ``p_d(k) = (n_dk + g_d(k)) / (N + 1)``, where g_d is the geometric distribution with the mean of the training
    counts and one imagined count of 1: a single imagined data point, spread over all counts.

    Args:
        train: [N, ...] of 0, 1, 2, ...
        test: [M, ...] of the same event shape.
        counted: as in :func:`histogram_log_prob`.

    Example:
        >>> counts = torch.tensor([[0.0], [2.0]])
        >>> round(count_log_prob(counts, torch.arange(200.0).unsqueeze(-1)).exp().sum().item(), 6)
        1.0
    """
    seen, asked = (x.detach().cpu().reshape(len(x), -1).double() for x in (train, test))
    mean = (seen.sum(0) + 1.0) / (len(seen) + 1.0)
    spread = (1.0 / (1.0 + mean)).log() + asked * (mean / (1.0 + mean)).log()
    columns = []
    for known, wanted in zip(seen.T.contiguous(), asked.T.contiguous(), strict=True):
        values, times = known.unique(return_counts=True)
        place = torch.searchsorted(values, wanted).clamp(max=len(values) - 1)
        columns.append(torch.where(values[place] == wanted, times[place], 0).double())
    return _summed((torch.stack(columns, 1) + spread.exp()).log() - math.log(len(seen) + 1.0), counted)


def _summed(log_probs: Tensor, counted: Tensor | None) -> Tensor:
    """Over the dimensions that count, [M]."""
    return (log_probs if counted is None else log_probs * counted.detach().cpu().reshape(log_probs.shape)).sum(1)
