"""How good samples are at equal budgets: a GAN beside a VAE and an autoregressive network.

    python benchmarks/sample_quality.py [--data mnist] [--recipes gan vae gated-pixelcnn] [--minutes 5] [--seeds 3]
        [--num-samples 1000] [--out benchmarks/results/sample_quality.md]

Each recipe is trained on one thread for the same processor time, along which its learning rates fall by a cosine, on
the same images. Judged against as many test images in the features of the data's own network: KID with its standard
error, precision and recall; beside them what as many training images score in the place of samples, which is as good
as a model can be. A classifier, trained on the training split alone, counts the classes among the samples: the rarest
tells of modes that were left out. Samples are draws of x with all their noise.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import torch
from budget import Budget
from conditional_gan import classifier
from trend import processor

import ppgen
from ppgen import zoo
from ppgen.data import Dataset
from ppgen.estimate import Estimate

__all__ = ["main", "trained"]

SCORES = ("kid", "precision", "recall")
OPTIONS: dict[str, dict[str, Any]] = {"gan": {"r1": 1.0}}
SETTINGS: dict[str, dict[str, Any]] = {
    "gan": {
        "batch_size": 64,
        "learning_rate": {"critic": 1e-3, "generator": 2e-3},
        "average": {"generator": 0.99},
    }
}
"""Of a recipe, what is not as it stands in ``ppgen.zoo``."""


def trained(name: str, data: Dataset, seed: int, minutes: float) -> tuple[ppgen.Fit, int]:
    """A fit that took the budget, and its steps.

    Args:
        name: of a recipe.
        data: to be trained on.
        seed: of weights, noise and order.
        minutes: of processor time.
    """
    budget = Budget(minutes)
    model, guide, objective = zoo.build(name, data, seed=seed, **OPTIONS.get(name, {}))
    chosen = zoo.recipe(name).settings() | SETTINGS.get(name, {})
    chosen |= {"max_epochs": Budget.EPOCHS, "schedule": budget.factor, "callbacks": [budget], "patience": None}
    fit = ppgen.fit(model, data, guide=guide, objective=objective, seed=seed, device="cpu", progress=False, **chosen)
    return fit, budget.steps


@torch.no_grad()
def rarest(network: torch.nn.Module, x: torch.Tensor, num_classes: int) -> float:
    """The share of the rarest class among images [N, ...]."""
    named = torch.cat([network(part).argmax(1) for part in x.split(1000)])
    return named.bincount(minlength=num_classes).min().item() / len(x)


def shown(estimate: Estimate | None) -> str:
    """A number and its standard error."""
    return "" if estimate is None else f"{estimate.value:.4f} ± {estimate.standard_error or 0.0:.4f}"


def main() -> None:
    """Every recipe and seed, under the floor."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--recipes", nargs="+", default=["gan", "vae", "gated-pixelcnn"], choices=zoo.names())
    parser.add_argument("--minutes", type=float, default=5.0, help="of processor time a fit")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--num-samples", type=int, default=1000)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    data = ppgen.data.load(args.data, binarize=None, root=os.environ.get("PPGEN_DATA"))
    train, test, num_classes = data.split("train"), data.split("test"), data.num_classes["y"]
    judge = classifier(train["x"], train["y"])
    lines = ["| samples | seed | steps | KID | precision | recall | rarest class |", "|" + "---|" * 7]
    rows: list[str] = []
    floor: list[str] = []
    for name in args.recipes:
        for seed in range(args.seeds):
            fit, steps = trained(name, data, seed, args.minutes)
            card = ppgen.evaluate(fit, SCORES, num_samples=args.num_samples, seed=seed, progress=False)
            drawn = rarest(judge, fit.sample(args.num_samples, seed=seed, site="x"), num_classes)
            scores = [shown(card.estimate(score)) for score in SCORES]
            rows.append(f"| {name} | {seed} | {steps} | {' | '.join(scores)} | {drawn:.3f} |")
            print(rows[-1], flush=True)
            floor = floor or [shown(card.baselines_of(score).get("real/real")) for score in SCORES]
    real = rarest(judge, test["x"], num_classes)
    lines += [f"| training images | | | {' | '.join(floor)} | {real:.3f} |", *rows]
    print("\n".join(lines))
    if args.out:
        words = f"--data {args.data} --recipes {' '.join(args.recipes)} --minutes {args.minutes:g} --seeds {args.seeds}"
        command = f"python benchmarks/sample_quality.py {words} --num-samples {args.num_samples}"
        told = (__doc__ or "").split("sample_quality.md]")[1].strip()
        where = f"{processor()}, one thread, torch {torch.__version__}."
        head = ["# Samples at equal budgets", "", f"`{command}`", "", told, ""]
        args.out.write_text("\n".join([*head, *lines, "", where, ""]))


if __name__ == "__main__":
    main()
