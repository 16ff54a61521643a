"""Posterior means and deviations of Pyro's hierarchical examples by Pyro's NUTS: gold numbers for the guides.

    OMP_NUM_THREADS=1 python -m benchmarks.programs_nuts [NAME ...]

prints a table as in ``benchmarks/results/programs_nuts.md``; ``tests/programs/test_against_nuts.py`` holds fits against
that file. Run it from the root of the repository: the programs are the tests' own.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyro
import torch
from pyro.infer import MCMC, NUTS
from pyro.ops.stats import effective_sample_size, split_gelman_rubin
from torch import Tensor

from tests.programs import test_baseball as baseball
from tests.programs import test_eight_schools as schools
from tests.programs import test_regression as regression

__all__ = ["CASES", "Case", "Moments", "gold", "quantities"]

RESULTS = Path(__file__).parent / "results" / "programs_nuts.md"
WARMUP, DRAWS, CHAINS = 500, 1500, 2


@dataclass(frozen=True)
class Case:
    """A program of Pyro's and the data that it is fitted to."""

    model: Callable[[], Callable[..., Any]]
    data: Callable[[], dict[str, Tensor]]
    by_log: tuple[str, ...] = ()  # compared by their logarithm: the posterior has no second moment


@dataclass(frozen=True)
class Moments:
    """What NUTS found of one scalar."""

    mean: float
    sd: float


def houses() -> dict[str, Tensor]:
    """Thirty rows of three columns, and a linear outcome with noise."""
    source = torch.Generator().manual_seed(0)
    x = torch.randn(30, 3, generator=source, dtype=torch.float64)
    noise = torch.randn(30, generator=source, dtype=torch.float64)
    return {"x": x, "y": x @ torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64) + 1.0 + 0.5 * noise}


def correlated() -> dict[str, Tensor]:
    """Sixty rows of three columns that go together."""
    source = torch.Generator().manual_seed(0)
    tril = torch.tensor([[1.0, 0.0, 0.0], [0.6, 0.8, 0.0], [-0.3, 0.2, 0.5]], dtype=torch.float64)
    return {"y": torch.randn(60, 3, generator=source, dtype=torch.float64) @ tril.T}


def players() -> dict[str, Tensor]:
    """The eighteen batters of Efron and Morris (1975), each after 45 times at bat."""
    hits = [18, 17, 16, 15, 14, 14, 13, 12, 11, 11, 10, 10, 10, 10, 10, 9, 8, 7]
    return {"at_bats": torch.full((18,), 45), "hits": torch.tensor(hits)}


CASES = {
    "eight schools": Case(lambda: schools.model, schools.schools),
    "baseball, fully pooled": Case(lambda: baseball.fully_pooled, players),
    "baseball, not pooled": Case(lambda: baseball.not_pooled, players),
    "baseball, partially pooled": Case(lambda: baseball.partially_pooled, players, by_log=("kappa",)),
    "baseball, partially pooled with logit": Case(lambda: baseball.partially_pooled_with_logit, players),
    "regression": Case(regression.BayesianRegression, houses),
    "LKJ": Case(lambda: regression.lkj, correlated),
}


def quantities(case: Case, draws: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Every scalar of the latents by its name, ``theta[0]``: chains [C, D] out of sites [C, D, ...].

    Entries of a Cholesky factor that never move, its upper triangle and the one in its corner, are left out.
    """
    found = {}
    for name, value in sorted(draws.items()):
        flat = value.flatten(2) if value.dim() > 2 else value.unsqueeze(-1)
        moving = [i for i in range(flat.shape[-1]) if flat[..., i].std() > 0]
        for i in moving:
            label = f"log {name}" if name in case.by_log else name if flat.shape[-1] == 1 else f"{name}[{i}]"
            found[label] = flat[..., i].log() if name in case.by_log else flat[..., i]
    return found


def gold(path: Path = RESULTS) -> dict[str, dict[str, Moments]]:
    """The committed numbers, by program and scalar."""
    found: dict[str, dict[str, Moments]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split("|")]
        if cells[0] in CASES:
            found.setdefault(cells[0], {})[cells[1]] = Moments(float(cells[2]), float(cells[3]))
    return found


def by_nuts(case: Case) -> dict[str, Tensor]:
    """Draws of every scalar, [CHAINS, DRAWS]."""
    chains: list[dict[str, Tensor]] = []
    for seed in range(CHAINS):
        pyro.clear_param_store()
        pyro.set_rng_seed(seed)
        kernel = NUTS(case.model(), target_accept_prob=0.9, jit_compile=True, ignore_jit_warnings=True)
        mcmc = MCMC(kernel, num_samples=DRAWS, warmup_steps=WARMUP, disable_progbar=True)
        mcmc.run(**case.data())
        chains.append(mcmc.get_samples())
    return quantities(case, {name: torch.stack([chain[name] for chain in chains]) for name in chains[0]})


def main() -> None:
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    pyro.enable_validation(False)
    for name in sys.argv[1:] or CASES:
        start = time.process_time()
        for scalar, draws in by_nuts(CASES[name]).items():
            effective = effective_sample_size(draws, chain_dim=0, sample_dim=1).item()
            hat = split_gelman_rubin(draws, chain_dim=0, sample_dim=1).item()
            cells = f"{draws.mean():.4f} | {draws.std():.4f} | {effective:.0f} | {hat:.3f}"
            print(f"| {name} | {scalar} | {cells} |", flush=True)
        print(f"{name}: {time.process_time() - start:.0f} s of processor time", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
