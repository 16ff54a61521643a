"""The exactness ledger: every autoregressive network with every conditional family that fits, by enumeration.

``python benchmarks/exactness.py`` prints a table and writes benchmarks/results/exactness.md:

- **sum**: of the probabilities of all events, less 1: 65,536 binary images of 4x4, 531,441 colour images of 2x2 with 3
  levels, 4,096 sequences of 6 tokens of 4 kinds;
- **jacobian**: entries of the parameters of conditional i at values from i on, in the order, that are not zero;
- **p**: of a chi-square test of draws against the enumerated probabilities, cells pooled to 10 expected draws or more.

Weights are random and float64. Draws are made by the network's own steps, the densities by whole passes.
"""

from __future__ import annotations

__all__ = ["Case", "Line", "cases", "check", "leaks", "main"]

import argparse
import dataclasses
import itertools
import sys
import time
import zlib
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.causal_networks import IMAGES, TOKENS, Row, found, randomised
from ppgen.distributions import Autoregressive, Conditional, Order, conditionals, orders
from tests.oracles.chi_square import p_value

TARGET = Path(__file__).resolve().parent / "results" / "exactness.md"
PIECE = 4096


@dataclasses.dataclass(frozen=True)
class Case:
    """A network on all events of a small space.

    Args:
        row: the network.
        shape: of an event.
        levels: of a value.
        order: of the positions; None for raster.
        context_dim: 0 for none.
        space: what a table calls the events.
    """

    row: Row
    shape: tuple[int, ...]
    levels: int
    order: Order | None
    context_dim: int
    space: str
    order_name: str = "raster"

    @property
    def family(self) -> Conditional:
        """Bernoulli for bits, else Categorical."""
        return conditionals.Bernoulli() if self.levels == 2 else conditionals.Categorical(self.levels)

    @property
    def seed(self) -> int:
        """Of weights and draws: another for each case, so that its chi-square is a test of its own."""
        return zlib.crc32(f"{self.row.name} {self.space} {self.order_name} {self.context_dim}".encode())

    @property
    def channels(self) -> int:
        """Values of a position."""
        return self.shape[0] if len(self.shape) == 3 else 1

    def distribution(self) -> Autoregressive:
        """With random weights, float64."""
        scanned = self.order.scanned if self.order else self.shape[-2:] if len(self.shape) == 3 else self.shape
        seen = (*self.shape[:1], *scanned) if len(self.shape) == 3 else scanned
        count = self.family.num_parameters(self.channels)
        network = self.row.make(
            seen, small=True, context_dim=self.context_dim, num_parameters=count, highest=float(self.levels - 1)
        )
        context = torch.linspace(-1.0, 1.0, self.context_dim).double() if self.context_dim else None
        network = randomised(network, self.row.spread, self.seed)
        return Autoregressive(network, self.shape, context, self.family, self.order, validate_args=False)

    def events(self) -> Iterator[Tensor]:
        """All of them, a piece at a time; event k has the digits of k, the first value being the last digit."""
        size = prod(self.shape)
        for first in range(0, self.levels**size, PIECE):
            index = torch.arange(first, min(first + PIECE, self.levels**size))
            digits = index.unsqueeze(-1) // self.levels ** torch.arange(size) % self.levels
            yield digits.double().reshape(-1, *self.shape)


def cases(bits: tuple[int, int] = (4, 4), everything: bool = True) -> list[Case]:
    """What the ledger goes through.

    Args:
        bits: size of the binary images.
        everything: colour images, tokens and all symmetries as well.
    """
    shape, made = (1, *bits), []
    flips = list(itertools.product([(), (0,), (1,), (0, 1)], [False, True]))
    for row in found(IMAGES):
        for context_dim in (0, 2):
            made.append(Case(row, shape, 2, None, context_dim, f"binary {bits[0]}x{bits[1]}"))
        for flip, transpose in flips[1:] if everything else flips[3:4]:
            order = orders.raster((2, 3), flip=flip, transpose=transpose)
            name = f"flip={flip}{', transpose' * transpose}"
            made.append(Case(row, (1, 2, 3), 2, order, 0, "binary 2x3", name))
        mixed = orders.permutation([4, 0, 5, 2, 1, 3], (2, 3))
        made.append(Case(row, (1, 2, 3), 3, mixed, 0, "3 levels, 2x3", "permutation"))
        if everything:
            made.append(Case(row, (3, 2, 2), 3, None, 0, "3 levels, colour 2x2"))
    for row in found(TOKENS):
        made.append(Case(row, (6,) if everything else (4,), 4, None, 0, "4 tokens, length 6"))
    return made


@dataclasses.dataclass(frozen=True)
class Line:
    """What was measured of a case."""

    error: float
    leaks: int
    p: float
    seconds: float

    @property
    def passes(self) -> bool:
        """Whether it is exact, causal and sampled rightly."""
        return self.error < 1e-5 and self.leaks == 0 and self.p > 0.001


def check(case: Case, draws: int = 100_000) -> Line:
    """All three measurements.

    Args:
        case: which.
        draws: of the chi-square test.
    """
    began, fn = time.perf_counter(), case.distribution()
    with torch.no_grad():
        probabilities = torch.cat([fn.log_prob(piece).exp() for piece in case.events()])
    torch.manual_seed(case.seed + 1)
    base = case.levels ** torch.arange(prod(case.shape))
    counts = torch.zeros(len(probabilities), dtype=torch.long)
    for _ in range(draws // 10_000):
        index = (fn.sample((10_000,)).flatten(1).long() * base).sum(-1)
        counts += index.bincount(minlength=len(probabilities))
    error = abs(float(probabilities.sum()) - 1.0)
    return Line(error, leaks(fn), p_value(counts, probabilities), time.perf_counter() - began)


def leaks(fn: Autoregressive) -> int:
    """Entries of the Jacobian, of the parameters of conditional i at values j >= i in the order, that are not zero."""
    scanned = (*fn.event_shape[: len(fn.event_shape) - len(fn.order.positions)], *fn.order.scanned)
    torch.manual_seed(2)
    x, length = torch.rand(scanned, dtype=torch.float64), len(fn.order)
    context: Any = () if fn.context is None else (fn.context,)
    jacobian = torch.autograd.functional.jacobian(lambda x: fn.network(x, *context), x)
    jacobian = jacobian.reshape(-1, length, x.numel() // length, length).abs().sum((0, 2))
    return int((jacobian[torch.ones(length, length).triu().bool()] != 0).sum())


def main() -> None:
    """Print the table, and write it down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="networks whose name has this in it")
    chosen = parser.parse_args().only
    lines = ["| network | events | order | context | abs(sum - 1) | jacobian | p | exact |"]
    lines.append("|---|---|---|---|---|---|---|---|")
    print("\n".join(lines))
    failed = []
    for case in [each for each in cases() if chosen in each.row.name]:
        line = check(case)
        verdict = "yes" if line.passes else "**no**"
        parts = [case.row.title, case.space, case.order_name, str(case.context_dim or "none"), f"{line.error:.0e}"]
        lines.append(f"| {' | '.join([*parts, str(line.leaks), f'{line.p:.3f}', verdict])} |")
        print(lines[-1], f"{line.seconds:.0f} s" if line.seconds > 5 else "", flush=True)
        failed += [] if line.passes else [case]
    if not chosen:
        note = "Written by `python benchmarks/exactness.py`; columns as its docstring says.\n\n"
        TARGET.write_text(f"# Exactness ledger\n\n{note}" + "\n".join(lines) + "\n", encoding="utf-8")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
