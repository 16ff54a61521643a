"""Fashion-MNIST against MNIST, both directions: scores of outliers by an autoregressive model, and by a VAE.

    python benchmarks/outliers.py [--minutes 8] [--levels 256] [--data-root DIR] [--out benchmarks/results/outliers.md]

Four fits, each within so many minutes of processor time on one thread: a gated PixelCNN over the grey levels of each
data set, which are rounded to ``--levels``, and its background, the same model trained on mutated images (Ren et al.,
2019). Then, for a quarter of those minutes each, a VAE of each data set in static bits, for the scores that need a
guide. The last weights are evaluated. The mutation rate was fixed beforehand, and nothing was chosen by looking at
outliers: neither a threshold, nor a setting, nor when to stop.
"""

from __future__ import annotations

import argparse
import math
from typing import Any

import torch
from budget import Budget
from row import options
from torch import Tensor
from trend import processor

import ppgen
from ppgen import Model, models, nets
from ppgen.data import Dataset

__all__ = ["main"]

X_SHAPE = (1, 28, 28)
NAMES = ("fashion", "mnist")
EXACT = ("log_prob", "typicality", "ratio", "complexity")
GUIDED = ("log_prob", "typicality", "regret", "reconstruction", "pareto_k")
PUBLISHED = (
    "Published, Fashion-MNIST to MNIST, 256 levels: PixelCNN++ 0.089 by likelihood, 0.973 by likelihood ratio with the "
    "mutation rate alone tuned (0.994 with weight decay too, both on NotMNIST images) (Ren et al., 2019, table 1); "
    "0.967 by input complexity (Serra et al., 2020)."
)


def rounded(name: str, levels: int, args: argparse.Namespace) -> Dataset:
    """Images whose 256 greys are rounded down to so many, ``k / (levels - 1)``, without a validation split.

    Args:
        name: of the data set.
        levels: a divisor of 256.
        args: of the command line.
    """
    data = ppgen.data.load(name, binarize=None, root=args.data_root)
    splits = {
        split: {"x": (columns["x"] // (256 // levels)).float() / (levels - 1)} for split, columns in data.splits.items()
    }
    splits["valid"] = {"x": splits["valid"]["x"][:0]}
    return Dataset(name, "unit interval", splits, protocol=f"{levels} grey levels")


def train(data: Dataset, model: Model, minutes: float, args: argparse.Namespace) -> tuple[ppgen.Fit, int]:
    """The last weights, and the steps that the budget paid for."""
    budget = Budget(minutes)
    fit = ppgen.fit(
        model,
        data,
        max_epochs=Budget.EPOCHS,
        batch_size=args.batch_size,
        learning_rate=args.learning_rate,
        schedule=budget.factor,
        average=0.99,
        patience=None,
        seed=args.seed,
        device="cpu",
        callbacks=[budget],
        progress=False,
    )
    return fit, budget.steps


def main(argv: list[str] | None = None) -> None:
    """Train, score, print the tables; write them to ``--out``."""
    parser = options(__doc__, minutes=8.0, levels=256, rate=0.2, batch_size=16, learning_rate=3e-3, num_data=1000)
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    fits, backgrounds, steps = [], [], []
    for name in NAMES:
        data = rounded(name, args.levels, args)
        for one, found in ((data, fits), (ppgen.data.mutated(data, args.rate, seed=args.seed), backgrounds)):
            torch.manual_seed(args.seed)
            likelihood = nets.CategoricalLikelihood((1,), args.levels, 1.0)
            fit, count = train(one, models.GatedPixelCNN(X_SHAPE, 16, 4, likelihood), args.minutes, args)
            found.append(fit)
            steps.append(count)
            print(f"{one.name}, {one.protocol}: {count} steps, {float(fit.log_prob(some(fit))):.1f} nats", flush=True)
    settings: dict[str, Any] = {"num_data": args.num_data, "seed": args.seed, "progress": False}
    exact = ppgen.detect_outliers(fits[0], None, fits[1], EXACT, background=backgrounds, **settings)
    print(exact.to_text(), flush=True)
    guided = []
    for name in NAMES:
        torch.manual_seed(args.seed)
        bits = ppgen.data.load(name, root=args.data_root)
        guided.append(train(bits, models.VAE(X_SHAPE, latent_dim=16), args.minutes / 4, args)[0])
    few: dict[str, Any] = settings | {"num_data": min(200, args.num_data)}  # a guide of its own for each is slow
    vae = ppgen.detect_outliers(guided[0], None, guided[1], GUIDED, num_particles=50, **few)
    print(vae.to_text(), flush=True)
    text = "\n".join(
        [
            "# Outliers: Fashion-MNIST against MNIST\n",
            f"`python benchmarks/outliers.py --minutes {args.minutes:g} --levels {args.levels} "
            f"--num-data {args.num_data}`\n",
            f"{processor()}, {args.threads} thread, {60 * args.minutes:g} s of processor time each fit "
            f"({', '.join(map(str, steps))} steps of {args.batch_size} images), the last weights. "
            f"Backgrounds: {100 * args.rate:g} % of pixels redrawn, a rate that was fixed beforehand. Nothing "
            "was chosen by outliers.\n",
            PUBLISHED + "\n",
            f"## Gated PixelCNN, {args.levels} grey levels\n",
            exact.to_markdown(),
            f"## VAE, static bits, {15 * args.minutes:g} s each\n",
            vae.to_markdown(),
        ]
    )
    if args.out:
        args.out.write_text(text)


def some(fit: ppgen.Fit) -> Tensor:
    """A few test images."""
    return fit.data.split("test")["x"][: math.isqrt(fit.data.size("test"))]


if __name__ == "__main__":
    main()
