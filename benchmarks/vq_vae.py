"""The VQ-VAE beside the VAE of two letters, at equal processor time: the length of the code, and what it leaves.

    python benchmarks/vq_vae.py [--data binarized_mnist glyphs] [--seconds 40] [--data-root DIR] [--seed 0]

Each row is a recipe of ``ppgen.zoo``, trained for so many seconds of processor time on one thread with Adam at 2e-3 and
nothing selected: the last weights are evaluated, on the first 1000 images of a seeded order of the test split. All
totals are bounds on ``-log p(x)``, in nats: ``code`` is the sampled rate, ``distortion`` what is left of x given the
code. ``--out`` writes the table, and beside it a picture: images, their reconstructions by the VQ-VAE, its samples.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import matplotlib.image
import torch
from row import options
from torch import Tensor

import ppgen
from ppgen.inference import elbo_parts

__all__ = ["main"]

ROWS: dict[str, tuple[str, dict[str, Any]]] = {
    "vq-vae": ("vq-vae", {}),
    "vq-vae, Gumbel-softmax": ("vq-vae", {"gumbel": True}),
    "discrete": ("discrete", {}),
}
TITLES = "| data | recipe | epochs | code | distortion | total | perplexity | codes used |"
NUM_TEST, NUM_SHOWN = 1000, 16


class Budget(ppgen.Callback):
    """Ends a fit after so many seconds of processor time."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.began = time.process_time()

    def step(self, training: Any) -> None:
        if time.process_time() - self.began > self.seconds:
            training.stop("budget")


def train(data: ppgen.Dataset, recipe: str, settings: dict[str, Any], args: Any) -> tuple[ppgen.Fit, float]:
    """The fit of a recipe within the budget, and how many epochs it went through."""
    torch.manual_seed(args.seed)
    model, guide, objective = ppgen.zoo.build(recipe, data, **settings)
    counted: list[int] = []
    budget = Budget(args.seconds)

    class Counter(ppgen.Callback):
        def step(self, training: Any) -> None:
            counted.append(training.step)

    fit = ppgen.fit(
        model,
        data,
        guide=guide,
        objective=objective,
        max_epochs=1000,
        batch_size=64,
        learning_rate=2e-3,
        patience=None,
        seed=args.seed,
        device="cpu",
        callbacks=[budget, Counter()],
        progress=False,
    )
    return fit, counted[-1] * 64 / data.size("train")


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
    lines = [TITLES, "|---" * TITLES.count(" | ") + "|---|"]
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
