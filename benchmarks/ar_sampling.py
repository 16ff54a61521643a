"""How fast autoregressive networks draw: 64 images of 28x28, one thread, beside naive resampling and one forward pass.

``python benchmarks/ar_sampling.py`` prints for every network

- the seconds of a draw by its own steps, which compute nothing twice;
- the seconds of a naive draw, a whole pass for each pixel: of three, multiplied, since a pass takes as long at each;
- their ratio, and the draw in units of one forward pass over all pixels, below which no network can be walked through;
- whether both draw the same images for one seed in float64 (8 images of 9x9, all positions).

``--only NAME`` for one network; ``--write`` keeps the table in benchmarks/results/ar_sampling.md.
"""

from __future__ import annotations

__all__ = ["main"]

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.causal_networks import IMAGES, Row, found, randomised
from ppgen.distributions import Autoregressive

SHAPE, SMALL, SIZE = (1, 28, 28), (1, 9, 9), 64
POSITIONS = 3  # of the naive draw that are timed
TARGET = Path(__file__).resolve().parent / "results" / "ar_sampling.md"


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
    """The shortest of several runs: what else the machine does only adds."""
    measured = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        measured.append(time.perf_counter() - began)
    return min(measured)


def same_images(row: Row) -> bool:
    """Whether steps and whole passes draw the same images in float64."""
    network, draws = randomised(row.make(SMALL, small=True)), []
    for each in (network, Naive(network)):
        torch.manual_seed(0)
        draws.append(Autoregressive(each, SMALL).expand([8]).sample())
    return bool(torch.equal(*draws))


def line_of(row: Row) -> str:
    """The line of one network."""
    torch.manual_seed(0)
    network = row.make(SHAPE, small=False).eval()
    fn, x = Autoregressive(network, SHAPE).expand([SIZE]), torch.rand(SIZE, *SHAPE).round()
    with torch.no_grad():
        network(x)
        one_pass = seconds(lambda: network(x), 3)
        draw = seconds(fn.sample, 2)
        naive = seconds(lambda: [network(x) for _ in range(POSITIONS)], 2) / POSITIONS * len(fn.order)
    weights = sum(parameter.numel() for parameter in network.parameters())
    same = "yes" if same_images(row) else "**no**"
    parts = [row.title, f"{weights:,}", f"{one_pass:.3f} s", f"{draw:.2f} s", f"{naive:.0f} s"]
    return f"| {' | '.join([*parts, f'{naive / draw:.0f}', f'{draw / one_pass:.1f}', same])} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="networks whose name has this in it")
    parser.add_argument("--write", action="store_true", help="keep the table")
    options = parser.parse_args()
    torch.set_num_threads(1)
    lines = ["| network | parameters | one pass | draw | naive draw | ratio | draw / pass | same images |"]
    lines.append("|---|---|---|---|---|---|---|---|")
    print("\n".join(lines))
    for row in [each for each in found(IMAGES) if options.only in each.name]:
        lines.append(line_of(row))
        print(lines[-1], flush=True)
    if options.write:
        said = f"{SIZE} images of 28x28, one thread; naive draws are extrapolated from {POSITIONS} of 784 passes."
        note = f"`python benchmarks/ar_sampling.py --write`: {said}\n\n"
        TARGET.write_text(
            f"# Sampling of autoregressive networks\n\n{note}" + "\n".join(lines) + "\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main()
