"""The gold posterior of many data: batched HMC against Pyro's No-U-Turn sampler, datum by datum and jointly.

``python benchmarks/hmc_against_nuts.py [--out benchmarks/results/hmc_against_nuts.md]`` fits a VAE of digits with two
latents, and draws the posteriors of 64 held-out data: by ``run_hmc`` of all data and four chains at once, as
``fit.gold_posterior`` does; by NUTS with its defaults, one chain for each of the first few data, whose time is
extrapolated to 64 one after the other; and by NUTS of all 64 in one chain. Counted is the smallest effective sample
size of any datum and coordinate for each second of processor time, adaptation included. The means of the data that both
drew are compared in their Monte-Carlo standard errors. Bars: 50 times NUTS datum by datum; agreement within 4 errors.
"""

from __future__ import annotations

__all__ = ["Drawn", "by_hmc", "by_nuts", "disagreement", "main"]

import argparse
import dataclasses
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pyro.infer import MCMC, NUTS
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import ppgen
from ppgen.context import evaluating, frozen, seeded, validation
from ppgen.evaluation.convergence import convergence_of

NUM_DATA = 64


@dataclasses.dataclass(frozen=True)
class Drawn:
    """Draws with what they cost.

    Args:
        draws: [chain, draw, N, D].
        seconds: of processor time.
    """

    draws: np.ndarray
    seconds: float

    @property
    def ess(self) -> np.ndarray:
        """The smallest of each datum's coordinates, [N]."""
        return convergence_of({"z": self.draws}).ess

    @property
    def rate(self) -> float:
        """The smallest effective sample size of any datum, for each second."""
        return float(self.ess.min()) / self.seconds


def by_hmc(fit: Any, x: Tensor, num_draws: int) -> Drawn:
    """All data and chains at once."""
    began = time.process_time()
    found = fit.gold_posterior(x, num_draws, max_r_hat=2.0, min_ess=1.0)
    return Drawn(found.posterior["z"].values, time.process_time() - began)


def by_nuts(fit: Any, x: Tensor, num_draws: int, num_warmup: int) -> Drawn:
    """One chain for all the data that are given."""
    began = time.process_time()
    with seeded(0, fit.device), evaluating(fit.model), frozen(fit.model), torch.enable_grad(), validation(False):
        kernel = NUTS(lambda: fit.model({"x": x}, len(x)))
        chain = MCMC(kernel, num_samples=num_draws, warmup_steps=num_warmup, disable_progbar=True)
        chain.run()
        draws = chain.get_samples()["z"]
    return Drawn(draws.numpy()[None], time.process_time() - began)


def disagreement(ours: Drawn, theirs: Drawn) -> float:
    """The largest difference of posterior means in its Monte-Carlo standard errors, over data and coordinates."""

    def moments(found: Drawn) -> tuple[np.ndarray, np.ndarray]:
        flat = found.draws.reshape(-1, *found.draws.shape[2:])
        return flat.mean(0), flat.var(0) / found.ess[:, None]

    (mean, error), (other, its) = moments(ours), moments(theirs)
    return float((np.abs(mean - other) / np.sqrt(error + its)).max())


def main() -> None:
    """Print the table, and write it down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--few", type=int, default=5, help="data that NUTS draws one by one")
    parser.add_argument("--draws", type=int, default=500, help="of each chain")
    parser.add_argument("--out", type=Path, help="keep the table here")
    args = parser.parse_args()
    torch.manual_seed(0)
    model = ppgen.models.VAE((1, 8, 8), latent_dim=2, hidden=(64,))
    fit = ppgen.fit(model, "digits", max_epochs=10, progress=False)
    x = fit._batch(None)["x"][:NUM_DATA]
    ours = by_hmc(fit, x, args.draws)
    single = [by_nuts(fit, x[row : row + 1], args.draws, 300) for row in range(args.few)]
    each = Drawn(np.concatenate([one.draws for one in single], 2), sum(one.seconds for one in single))
    each_rate = float(each.ess.min()) / (each.seconds * NUM_DATA / args.few)
    jointly = by_nuts(fit, x, args.draws // 5, 100)
    apart = disagreement(Drawn(ours.draws[:, :, : args.few], ours.seconds), each)
    lines = [
        "| sampler | chains x draws | seconds | smallest ESS | ESS a second | times |",
        "|---|---|---|---|---|---|",
        f"| batched HMC, {NUM_DATA} data | 4 x {args.draws} | {ours.seconds:.1f} | {ours.ess.min():.0f} | "
        f"{ours.rate:.2f} | {ours.rate / each_rate:.0f} |",
        f"| NUTS datum by datum ({args.few} of {NUM_DATA}, time extrapolated) | 1 x {args.draws} | "
        f"{each.seconds * NUM_DATA / args.few:.1f} | {each.ess.min():.0f} | {each_rate:.4f} | 1 |",
        f"| NUTS of {NUM_DATA} jointly | 1 x {args.draws // 5} | {jointly.seconds:.1f} | {jointly.ess.min():.0f} | "
        f"{jointly.rate:.3f} | {jointly.rate / each_rate:.1f} |",
        "",
        f"Means of {args.few} data by HMC and by NUTS are at most {apart:.1f} Monte-Carlo standard errors apart.",
    ]
    print("\n".join(lines))
    if args.out:
        head = [
            "# Batched HMC against NUTS",
            "",
            f"`python benchmarks/hmc_against_nuts.py --out {args.out.as_posix()}`",
        ]
        args.out.write_text("\n".join([*head, "", *lines, ""]))
    sys.exit(ours.rate < 50 * each_rate or apart > 4)


if __name__ == "__main__":
    main()
