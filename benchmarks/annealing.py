"""How far annealed importance sampling and bidirectional Monte Carlo are off at their default settings.

``python benchmarks/annealing.py [--out benchmarks/results/annealing.md] [--only WORDS] [--epochs 30]`` fits a guide to
each model whose log p(x) is known, and prints of 50 held-out data and of 50 that the model drew:

- **ELBO**: its mean error, which says how good the guide is;
- **AIS**: mean and largest error of ``annealed_log_prob``;
- **holds**: the share of data whose exact log p lies in the interval of ``sandwiched_log_prob``, and the mean **width**
  of that;
- **seconds** of processor time for the 50 data of AIS.

The VAE's log p(x) is an integral over two latents, on a grid of 400 x 400 points. Bars: mean error at most 0.05 nats,
largest at most 0.5, 95 % held, width below 0.2.
"""

from __future__ import annotations

__all__ = ["CASES", "Case", "grid_log_prob", "main", "measure"]

import argparse
import dataclasses
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import ppgen
from ppgen.evaluation import annealed_log_prob, sandwiched_log_prob
from ppgen.guides import FullRank, MeanField
from tests.oracles.conjugate import BetaBernoulli, GammaPoisson, TwoLevels
from tests.oracles.known_answers import Classes
from tests.oracles.linear_gaussian import PPCA, log_evidence

NUM_DATA = 50


@dataclasses.dataclass(frozen=True)
class Case:
    """A model with known evidence.

    Args:
        title: in the table.
        model: makes it.
        exact: log p(x), [N], of model and data.
        guide: its family.
        data: what it is fitted to; default: 400 draws of the model, which is then as it is.
    """

    title: str
    model: Callable[[], Any]
    exact: Callable[[Any, Tensor], Tensor]
    guide: Any = MeanField
    data: str | None = None

    def fit(self, epochs: int) -> Any:
        """The guide's fit."""
        torch.manual_seed(0)
        model = self.model()
        if self.data:
            return ppgen.fit(model, self.data, guide=self.guide(model), max_epochs=epochs, progress=False)
        model.requires_grad_(False)
        with torch.no_grad():
            x = model(size=400)["x"]
        return ppgen.fit(model, x, guide=self.guide(model), max_epochs=epochs, learning_rate=0.01, progress=False)


def grid_log_prob(model: Any, x: Tensor, points: int = 400, side: float = 6.0) -> Tensor:
    """log p(x) of a VAE of bits with two latents, [N], by a sum over a grid."""
    line = torch.linspace(-side, side, points)
    z = torch.cartesian_prod(line, line)
    area = 2.0 * math.log(2.0 * side / (points - 1))
    total = torch.full((len(x),), -math.inf, dtype=torch.float64)
    with torch.no_grad():
        for piece in z.split(4000):
            logits = model.x(piece).base_dist.logits.flatten(1).double()
            log_prior = torch.distributions.Normal(0.0, 1.0).log_prob(piece.double()).sum(-1)
            log_joint = x.flatten(1).double() @ logits.T - torch.nn.functional.softplus(logits).sum(1) + log_prior
            total = torch.logaddexp(total, log_joint.logsumexp(1))
    return total + area


def _known(model: Any, x: Tensor) -> Tensor:
    return model.evidence(x) if hasattr(model, "evidence") else model.log_prob({"x": x})


CASES = (
    Case("linear-Gaussian, 2 latents, 6 dims, noise 0.5", lambda: PPCA(2, 6), log_evidence),
    Case("linear-Gaussian, 4 of 20, noise 0.5", lambda: PPCA(4, 20), log_evidence),
    Case("linear-Gaussian, 4 of 20, noise 0.2", lambda: PPCA(4, 20, noise=0.2), log_evidence),
    Case("linear-Gaussian, 10 of 30, noise 0.5", lambda: PPCA(10, 30), log_evidence),
    Case("linear-Gaussian, 10 of 30, noise 1", lambda: PPCA(10, 30, noise=1.0), log_evidence),
    Case("linear-Gaussian, 10 of 30, full rank", lambda: PPCA(10, 30), log_evidence, FullRank),
    Case("rates of counts", GammaPoisson, _known),
    Case("probability of bits", BetaBernoulli, _known),
    Case("a chain of two Gaussian latents", TwoLevels, _known),
    Case("mixture, its classes summed out", Classes, _known),
    Case("VAE of digits, 2 latents", lambda: ppgen.models.VAE((1, 8, 8), latent_dim=2), grid_log_prob, data="digits"),
)


def measure(case: Case, epochs: int) -> list[float]:
    """The row of a table.

    Args:
        case: which.
        epochs: of the guide.
    """
    fit = case.fit(epochs)
    x = fit._batch(None)["x"][:NUM_DATA]
    truth = case.exact(fit.model, x).double()
    began = time.process_time()
    found = annealed_log_prob(fit, x)
    seconds = time.process_time() - began
    error = found.values - truth
    elbo = fit.log_prob_per_datum(x, 1) - truth
    sandwich = sandwiched_log_prob(fit, NUM_DATA)
    low, high = sandwich.interval
    drawn = case.exact(fit.model, sandwich.data["x"]).double()
    held = ((low <= drawn) & (drawn <= high)).double().mean()
    return [float(n) for n in (elbo.mean(), error.mean(), error.abs().max(), held, (high - low).mean(), seconds)]


def main() -> None:
    """Print the table, and write it down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--only", default="", help="cases whose titles have this in them")
    parser.add_argument("--out", type=Path, help="keep the table here")
    args = parser.parse_args()
    lines = ["| model | ELBO | AIS, mean | AIS, largest | holds | width | seconds | verdict |", "|---|" + "---|" * 7]
    print("\n".join(lines))
    failed = 0
    for case in [each for each in CASES if args.only in each.title]:
        elbo, mean, worst, held, width, seconds = measure(case, args.epochs)
        passes = abs(mean) <= 0.05 and worst <= 0.5 and held >= 0.95 and width < 0.2
        failed += not passes
        numbers = f"{elbo:.2f} | {mean:+.4f} | {worst:.3f} | {held:.2f} | {width:.3f} | {seconds:.1f}"
        lines.append(f"| {case.title} | {numbers} | {'holds' if passes else '**fails**'} |")
        print(lines[-1], flush=True)
    if args.out:
        note = (
            f"`python benchmarks/annealing.py --epochs {args.epochs} --out {args.out.as_posix()}`: see its docstring."
        )
        args.out.write_text(
            "\n".join(["# Annealed importance sampling against exact answers", "", note, "", *lines, ""])
        )
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
