"""How fast autoregressive networks draw: 64 images of 28x28, one thread, beside naive resampling and one forward pass.

``python benchmarks/ar_sampling.py [--only NAME] [--out benchmarks/results/ar_sampling.md]`` prints for every network

- the processor time of a draw by its own steps, which compute nothing twice;
- that of a naive draw, a whole pass for each pixel: the shortest of three, multiplied, since each takes as long;
- their ratio, and the draw in units of one forward pass over all pixels, the least that a walk through them can cost;
- whether both draw the same images for one seed, all positions of 8 images of 8x9: in float64, and in float32, where a
  first difference is allowed at a position whose probabilities differ by rounding alone, by less than 1e-5.
"""

from __future__ import annotations

__all__ = ["first_difference", "main"]

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.causal_networks import BLOCKS, IMAGES, TOKENS, Row, randomised
from benchmarks.trend import processor
from ppgen.distributions import Autoregressive, Conditional, conditionals

SHAPE, SMALL, SIZE = (28, 28), (8, 9), 64


class Naive:
    """A causal network without its steps.

    Args:
        network: whose whole passes are made.
    """

    def __init__(self, network: Any) -> None:
        self.network, self.parameters = network, network.parameters

    def __call__(self, x: torch.Tensor, *context: torch.Tensor) -> torch.Tensor:
        """The parameters of all positions."""
        return self.network(x, *context)


def seconds(call: Callable[[], object], times: int) -> float:
    """The shortest processor time of several runs: what else the machine does only adds."""
    measured = []
    for _ in range(times):
        began = time.process_time()
        call()
        measured.append(time.process_time() - began)
    return min(measured)


def built(row: Row, positions: tuple[int, int], *, small: bool) -> Autoregressive:
    """The network's distribution over grey images, or over sequences of as many tokens of 4 kinds."""
    tokens = row in TOKENS
    shape = (positions[0] * positions[1],) if tokens else (1, *positions)
    family: Conditional = conditionals.Categorical(4) if tokens else row.family
    order = row.order(shape[-1:] if tokens else positions)
    network = row.make(shape, order, small=small, num_parameters=family.num_parameters(1))
    return Autoregressive(network.eval(), shape, None, family, order, validate_args=False)


def first_difference(fn: Autoregressive, size: int = 8) -> str:
    """Whether steps and whole passes draw the same for one seed: ``"yes"``, or how far apart probabilities were.

    Args:
        fn: the distribution.
        size: how many events.
    """
    drawn = []
    for network in (fn.network, Naive(fn.network)):
        torch.manual_seed(0)
        each = Autoregressive(network, fn.event_shape, None, fn.conditional, fn.order, validate_args=False)
        drawn.append(fn.order.arrange(each.expand([size]).sample()).reshape(size, -1))
    differ = (drawn[0] != drawn[1]).any(0).nonzero()
    if not len(differ):
        return "yes"
    position, (found, wanted) = int(differ[0]), drawn
    with torch.no_grad():
        whole = fn.network(wanted.reshape(size, *fn.channels, *fn.order.scanned)).flatten(2)[..., position]
        state, parameters = fn.network.start(size, None), whole
        for k in range(position + 1):
            parameters, state = fn.network.step(state, wanted[:, max(k - 1, 0)].unsqueeze(1), k)
        values = torch.stack([found[:, position], wanted[:, position]]).unsqueeze(-1)
        here, there = (fn.conditional.log_prob(each, values).exp() for each in (parameters, whole))
    apart = float((here - there).abs().max())
    return f"but at {position}: {apart:.0e}" if apart < 1e-5 else "**no**"


def line_of(row: Row) -> str:
    """The line of one network."""
    torch.manual_seed(0)
    one = built(row, SHAPE, small=False)
    fn, network = one.expand([SIZE]), one.network
    x = fn.order.arrange(torch.rand(SIZE, *fn.event_shape).round())
    with torch.no_grad():
        network(x)
        one_pass = seconds(lambda: network(x), 3)
        draw = seconds(fn.sample, 2)
    naive = one_pass * len(fn.order)
    weights = sum(parameter.numel() for parameter in network.parameters())
    small, same = built(row, SMALL, small=True), []
    randomised(small.network, row.spread)
    for dtype in (torch.float64, torch.float32):
        small.network.to(dtype)
        same.append(first_difference(small))
    parts = [row.title, f"{weights:,}", f"{one_pass:.3f} s", f"{draw:.2f} s", f"{naive:.0f} s"]
    return f"| {' | '.join([*parts, f'{naive / draw:.0f}', f'{draw / one_pass:.1f}', *same])} |"


def main() -> None:
    """Print the table, and write it down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="networks whose name has this in it")
    parser.add_argument("--out", type=Path, help="keep the table here")
    args = parser.parse_args()
    torch.set_num_threads(1)
    lines = ["| network | parameters | one pass | draw | naive draw | ratio | draw / pass | same draws | in float32 |"]
    lines.append("|---|---|---|---|---|---|---|---|---|")
    print("\n".join(lines))
    for row in [each for each in (*IMAGES, *BLOCKS, *TOKENS) if args.only in each.title]:
        lines.append(line_of(row))
        print(lines[-1], flush=True)
    if args.out:
        said = (
            f"{SIZE} images of 28x28, or sequences of 784 tokens; {processor()}, processor time of one thread; naive "
            f"draws are not made but multiplied: 784 times the shortest of three passes. Columns as its docstring says."
        )
        note = f"`python benchmarks/ar_sampling.py --out {args.out.as_posix()}`: {said}\n\n"
        args.out.write_text(f"# Sampling of autoregressive networks\n\n{note}" + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
