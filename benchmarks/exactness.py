"""The exactness ledger: every autoregressive network with every conditional family that fits, by enumeration.

``python benchmarks/exactness.py [--out benchmarks/results/exactness.md]`` prints two tables. Of networks:

- **sum**: of the probabilities of all events, less 1: 65,536 binary images of 4x4, 531,441 colour images of 2x2 with 3
  levels, 4,096 sequences of 6 tokens, or grids of 2x3 codes, of 4 kinds;
- **ahead**: pairs of a conditional i and a value j >= i in the order of which i's parameters depend on j: entries of
  their Jacobian that are not zero, or, of a network that reads whole numbers, which has no derivative by them,
  parameters that move when a value is replaced by another;
- **p**: of a chi-square test of 100,000 draws against the enumerated probabilities, cells pooled to 10 expected draws
  or more.

Weights are random and float64. Draws are made by the network's own steps, the densities by whole passes. A context is a
latent vector or a label, one-hot. And of families: the sum over all values of one position, less 1, for parameters from
the ordinary to the extreme, in both floating point types; that is the mixture of logistics over 256 levels, the edges
included, and over the levels of three channels that lean on each other.
"""

from __future__ import annotations

__all__ = ["CONTEXTS", "Case", "Line", "cases", "check", "family_error", "leaks", "leaks_by_changes", "main"]

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

from benchmarks.causal_networks import BLOCKS, CODES, IMAGES, TOKENS, Row, randomised
from ppgen.distributions import Autoregressive, Conditional, Order, conditionals, orders
from tests.oracles.chi_square import p_value

PIECE = 4096
FAMILY_BARS = {torch.float64: 1e-6, torch.float32: 1e-5}  # the latter is for 256 roundings of float32
CONTEXTS: dict[str, tuple[float, ...]] = {"none": (), "latent": (-1.0, 1.0), "label": (0.0, 1.0, 0.0)}


@dataclasses.dataclass(frozen=True)
class Case:
    """A network on all events of a small space.

    Args:
        row: the network.
        shape: of an event.
        family: of a position.
        space: what a table calls the events.
        levels: of a value: 0, 1 .. levels - 1.
        order: of the positions; None for the network's own.
        order_name: what a table calls it.
        context: a name of ``CONTEXTS``.
    """

    row: Row
    shape: tuple[int, ...]
    family: Conditional
    space: str
    levels: int = 2
    order: Order | None = None
    order_name: str = "its own"
    context: str = "none"

    @property
    def title(self) -> str:
        """What it is, in the words of the table."""
        return " | ".join([self.row.title, self.space, type(self.family).__name__, self.order_name, self.context])

    @property
    def seed(self) -> int:
        """Of weights and draws: another for each case, so that its chi-square is a test of its own."""
        return zlib.crc32(self.title.encode())

    def distribution(self) -> Autoregressive:
        """With random weights, float64."""
        context = torch.tensor(CONTEXTS[self.context]).double()
        channels, positions = (self.shape[0], self.shape[1:]) if len(self.shape) == 3 else (1, self.shape)
        order = self.order or self.row.order(positions)
        torch.manual_seed(self.seed)
        network = self.row.make(
            self.shape,
            order,
            small=True,
            context_dim=len(context),
            num_parameters=self.family.num_parameters(channels),
            highest=float(self.levels - 1),
        )
        network, told = randomised(network, self.row.spread, self.seed), context if len(context) else None
        return Autoregressive(network, self.shape, told, self.family, order, validate_args=False)

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
        everything: colour images, latent contexts and all symmetries as well, and sequences of 6 tokens instead of 4.
    """
    told = list(CONTEXTS) if everything else ["none", "label"]
    made, binary = [], (conditionals.Bernoulli(), f"binary {bits[0]}x{bits[1]}")
    flips = list(itertools.product([(), (0,), (1,), (0, 1)], [False, True]))
    for row in (*IMAGES, *BLOCKS):
        made += [Case(row, (1, *bits), *binary, context=context) for context in told]
    for row in IMAGES:
        for flip, transpose in flips[1:] if everything else flips[3:4]:
            order = orders.raster((2, 3), flip=flip, transpose=transpose)
            name = f"flip={flip}{', transpose' * transpose}"
            made.append(Case(row, (1, 2, 3), conditionals.Bernoulli(), "binary 2x3", 2, order, name))
        mixed = orders.permutation([4, 0, 5, 2, 1, 3], (2, 3))
        made.append(Case(row, (1, 2, 3), conditionals.Categorical(3), "3 levels, 2x3", 3, mixed, "permutation"))
        if everything:
            for family in (conditionals.Categorical(3), conditionals.LogisticMixture(2, levels=3, white=2.0)):
                made.append(Case(row, (3, 2, 2), family, "3 levels, colour 2x2", 3))
    length = 6 if everything else 4
    for rows, shape, space in ((CODES, (1, 2, length // 2), "codes"), (TOKENS, (length,), "tokens")):
        four = conditionals.Categorical(4), f"{length} {space} of 4 kinds", 4
        made += [Case(row, shape, *four, context=context) for row in rows for context in told]
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
    began, fn = time.process_time(), case.distribution()
    with torch.no_grad():
        probabilities = torch.cat([fn.log_prob(piece).exp() for piece in case.events()])
    torch.manual_seed(case.seed + 1)
    base = case.levels ** torch.arange(prod(case.shape))
    counts = torch.zeros(len(probabilities), dtype=torch.long)
    for _ in range(draws // 10_000):
        index = (fn.sample((10_000,)).flatten(1).round().long() * base).sum(-1)
        counts += index.bincount(minlength=len(probabilities))
    error = abs(float(probabilities.sum()) - 1.0)
    ahead = leaks(fn) if case.row.has_derivative else leaks_by_changes(fn, case.levels)
    return Line(error, ahead, p_value(counts, probabilities), time.process_time() - began)


def leaks(fn: Autoregressive) -> int:
    """Entries of the Jacobian, of the parameters of conditional i at values j >= i in the order, that are not zero."""
    scanned = (*fn.event_shape[: len(fn.event_shape) - len(fn.order.positions)], *fn.order.scanned)
    torch.manual_seed(2)
    x, length = torch.rand(scanned, dtype=torch.float64), len(fn.order)
    context: Any = () if fn.context is None else (fn.context,)
    jacobian = torch.autograd.functional.jacobian(lambda x: fn.network(x, *context), x)
    jacobian = jacobian.reshape(-1, length, x.numel() // length, length).abs().sum((0, 2))
    return int((jacobian[torch.ones(length, length).triu().bool()] != 0).sum())


def leaks_by_changes(fn: Autoregressive, levels: int) -> int:
    """Pairs of a conditional i and a value j >= i in the order whose change, to any level, moves i's parameters.

    Args:
        fn: with one channel.
        levels: of a value.
    """
    torch.manual_seed(2)
    scanned, length = (*fn.channels, *fn.order.scanned), len(fn.order)
    x = torch.randint(levels, (length,)).double()
    changed = x.repeat(length, levels, 1)  # value j, by each level
    changed.diagonal(dim1=0, dim2=2).copy_(torch.arange(levels).unsqueeze(1).expand(levels, length))
    context: Any = () if fn.context is None else (fn.context,)
    with torch.no_grad():
        before = fn.network(x.reshape(scanned), *context)
        after = fn.network(changed.reshape(length, levels, *scanned), *context)
    moved = (after - before).flatten(3).abs().amax((1, 2)) > 1e-12  # [length, length]: by value j, of conditional i
    return int(moved[torch.ones(length, length).tril().bool()].sum())


def family_error(family: Conditional, channels: int, dtype: torch.dtype, spread: float) -> float:
    """How far the probabilities of all values of a position are from summing to 1, at the worst of 1000 parameters.

    Args:
        family: on levels from 0 to ``white``.
        channels: of a position.
        dtype: in which it is computed.
        spread: of the parameters, standard deviations of a normal.
    """
    levels, white = family.support.levels, family.support.white
    each = torch.arange(levels, dtype=dtype) * white / (levels - 1)
    values = torch.cartesian_prod(*[each] * channels).reshape(-1, channels)
    torch.manual_seed(0)
    parameters = spread * torch.randn(1000, 1, family.num_parameters(channels), dtype=dtype)
    return float((family.log_prob(parameters, values).exp().double().sum(-1) - 1.0).abs().max())


def families() -> list[str]:
    """The table of families, and whether each line of it passes."""
    lines = ["| family | values | type | spread of parameters | abs(sum - 1) | exact |", "|---|---|---|---|---|---|"]
    for family, channels in (
        (conditionals.LogisticMixture(10, levels=256), 1),
        (conditionals.LogisticMixture(5, levels=6), 3),
    ):
        for dtype, spread in itertools.product((torch.float32, torch.float64), (0.3, 3.0, 30.0)):
            error = family_error(family, channels, dtype, spread)
            verdict = "yes" if error < FAMILY_BARS[dtype] else "**no**"
            parts = [
                f"{type(family).__name__}({family.num_mixtures})",
                f"{family.levels}^{channels}",
                str(dtype)[6:],
                str(spread),
                f"{error:.0e}",
                verdict,
            ]
            lines.append(f"| {' | '.join(parts)} |")
    return lines


def main() -> None:
    """Print the tables, and write them down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="cases whose words have this in them")
    parser.add_argument("--out", type=Path, help="keep the tables here")
    args = parser.parse_args()
    began, failed = time.process_time(), 0
    lines = ["| network | events | family | order | context | abs(sum - 1) | ahead | p | exact |"]
    lines.append("|---|---|---|---|---|---|---|---|---|")
    print("\n".join(lines))
    for case in [each for each in cases() if args.only in each.title]:
        line = check(case)
        parts = [f"{line.error:.0e}", str(line.leaks), f"{line.p:.3f}", "yes" if line.passes else "**no**"]
        lines.append(f"| {case.title} | {' | '.join(parts)} |")
        print(lines[-1], f"{line.seconds:.0f} s" if line.seconds > 5 else "", flush=True)
        failed += not line.passes
    values = families()
    print("\n".join(["", *values]))
    if args.out:
        minutes = f"{(time.process_time() - began) / 60:.0f} minutes of processor time"
        said = f"{len(lines) - 2} cases, {failed} of them not exact, in {minutes}"
        note = (
            f"`python benchmarks/exactness.py --out {args.out.as_posix()}`: {said}. Columns as its docstring says.\n\n"
        )
        args.out.write_text("\n".join([f"# Exactness ledger\n\n{note}" + lines[0], *lines[1:], "", *values]) + "\n")
    sys.exit(bool(failed) or any("**no**" in line for line in values))


if __name__ == "__main__":
    main()
