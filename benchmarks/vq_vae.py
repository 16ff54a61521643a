"""The VQ-VAE beside the VAE of two letters, at equal processor time: the length of the code, and what it leaves.

    python benchmarks/vq_vae.py [--data binarized_mnist glyphs] [--seconds 40] [--data-root DIR] [--seed 0]

Each row is a recipe of ``ppgen.zoo``, trained for so many seconds of processor time on one thread with Adam at 2e-3,
which falls along a cosine, and nothing selected: the last weights are evaluated, on the first 1000 images of a seeded
order of the test split. All totals are bounds on ``-log p(x)``, in nats: ``code`` is the sampled rate, ``distortion``
what is left of x given the code. ``--out`` writes the table, and beside it pictures: images, their reconstructions by
the VQ-VAE, its samples.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.image
import torch
from budget import Budget
from row import options
from torch import Tensor
from trend import processor

import ppgen
from ppgen.inference import elbo_parts

__all__ = ["main"]

ROWS: dict[str, tuple[str, dict[str, Any]]] = {
    "vq-vae": ("vq-vae", {}),
    "vq-vae, Gumbel-softmax": ("vq-vae", {"gumbel": True}),
    "discrete": ("discrete", {}),
}
TITLES = "| data | recipe | epochs | code | distortion | total | perplexity | codes used |"
NUM_TEST, NUM_SHOWN, BATCH = 1000, 16, 64


class Trained(NamedTuple):
    """A fit that took the budget.

    Args:
        fit: with the last weights.
        epochs: passes over the training data that it made.
    """

    fit: ppgen.Fit
    epochs: float


def train(data: ppgen.Dataset, recipe: str, settings: dict[str, Any], args: argparse.Namespace) -> Trained:
    """A recipe within the budget."""
    torch.manual_seed(args.seed)
    model, guide, objective = ppgen.zoo.build(recipe, data, **settings)
    budget = Budget(args.seconds / 60.0)
    fit = ppgen.fit(
        model,
        data,
        guide=guide,
        objective=objective,
        max_epochs=Budget.EPOCHS,
        batch_size=BATCH,
        learning_rate=2e-3,
        schedule=budget.factor,
        patience=None,
        seed=args.seed,
        device="cpu",
        callbacks=[budget],
        progress=False,
    )
    return Trained(fit, budget.steps * BATCH / data.size("train"))


def parts(fit: ppgen.Fit, x: Tensor) -> dict[str, float]:
    """Nats of the code and of what it leaves, and how many codes are used how evenly."""
    with torch.no_grad():
        found = elbo_parts(fit.model, fit.guide, {"x": x}, len(x))
        row = {"code": found.rate.item(), "distortion": found.distortion.item(), "total": -found.elbo.item()}
        if "z" in fit.model.sites:
            book = fit.model.codebook
            codes = book.codes(fit.guide({"x": x}, len(x))["z"])
            row |= {"perplexity": book.perplexity(codes).item(), "used": int((book.shares(codes) > 0).sum())}
    return row


def picture(fit: ppgen.Fit, x: Tensor, path: Path, seed: int) -> None:
    """Three lines: images, reconstructions, samples, [height, width] in grey."""
    shown = x[:NUM_SHOWN]
    samples = fit.sample(NUM_SHOWN, mean=True, seed=seed)["x"]
    lines = [shown, fit.reconstruct({"x": shown})["x"], samples]
    tiled = torch.cat([torch.nn.functional.pad(line[:, 0], (1, 1, 1, 1)).transpose(0, 1).flatten(1) for line in lines])
    large = tiled.repeat_interleave(2, 0).repeat_interleave(2, 1)
    matplotlib.image.imsave(path, 1.0 - large.numpy(), cmap="gray", vmin=0.0, vmax=1.0)


def main(argv: list[str] | None = None) -> None:
    """Train, evaluate and print each row; write table and pictures to the folder of ``--out``."""
    parser = options(__doc__, seconds=40.0)
    parser.add_argument("--data", nargs="+", default=["binarized_mnist", "glyphs"])
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    lines = [
        "# Codes from a codebook, and what they leave\n",
        f"`python benchmarks/vq_vae.py --data {' '.join(args.data)} --seconds {args.seconds:g} --seed {args.seed}`\n",
        f"{processor()}, {args.threads} thread, {args.seconds:g} s of processor time each, batches of {BATCH}; nats of "
        f"{NUM_TEST} test images, the last weights: code + distortion = total, a bound on -log p(x).\n",
        TITLES,
        "|---" * (TITLES.count("|") - 1) + "|",
    ]
    print("\n".join(lines), flush=True)
    for name in args.data:
        data = ppgen.data.load(name, root=args.data_root)
        x = data.split("test")["x"]
        x = x[torch.randperm(len(x), generator=torch.Generator().manual_seed(args.seed))[:NUM_TEST]]
        for title, (recipe, settings) in ROWS.items():
            fit, epochs = train(data, recipe, settings, args)
            row = parts(fit, x)
            use = f"{row['perplexity']:.1f} | {row['used']} of 32" if "used" in row else "|"
            numbers = f"{row['code']:.2f} | {row['distortion']:.2f} | {row['total']:.2f}"
            lines.append(f"| {name} | {title} | {epochs:.1f} | {numbers} | {use} |")
            print(lines[-1], flush=True)
            if args.out:
                args.out.write_text("\n".join(lines) + "\n")
                if recipe == "vq-vae":
                    kind = "gumbel" if settings else "nearest"
                    picture(fit, x, args.out.with_name(f"{args.out.stem}_{name}_{kind}.png"), args.seed)


if __name__ == "__main__":
    main()
