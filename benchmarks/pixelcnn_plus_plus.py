"""PixelCNN++ on a part of CIFAR-10 within minutes of processor time: bits/dim beside trivial densities.

    python benchmarks/pixelcnn_plus_plus.py --data-root DIR [--minutes 4] [--out FILE.md]

``DIR/CIFAR10-subset`` holds lossless strips of 500 images each: the first 4000 training and the first 1000 test images
of CIFAR-10. Baselines: all 256 levels equally probable, 8 bits, and a histogram of the training images with add-one
smoothing, one for each pixel and channel, and one for each channel over all pixels. With so few images and minutes the
number proves that colour is modelled, and nothing beyond: published ones (2.92) take the whole data set and days.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path

import numpy as np
import torch
from budget import Budget
from PIL import Image
from torch import Tensor
from trend import processor

import ppgen
from ppgen import models, nets
from ppgen.data import Dataset
from ppgen.evaluation.histogram_density import histogram_log_prob, uniform_log_prob

__all__ = ["main"]

SHAPE = (3, 32, 32)


def photographs(root: Path) -> Dataset:
    """3600 training, 400 validation and 1000 test images, levels k / 255."""
    train, test = (
        torch.cat([strip(path) for path in sorted((root / "CIFAR10-subset").glob(f"{split}_*.webp"))])
        for split in ("train", "test")
    )
    splits = {"train": {"x": train[:-400]}, "valid": {"x": train[-400:]}, "test": {"x": test}}
    return Dataset("cifar10-subset", "8-bit", splits, protocol="the first 4000 and 1000 images")


def strip(path: Path) -> Tensor:
    """The images of a file, ``[500, 3, 32, 32]``."""
    levels = np.array(Image.open(path).convert("RGB")).reshape(-1, 32, 32, 3)
    return torch.from_numpy(levels).permute(0, 3, 1, 2).contiguous() / 255


def bits(log_prob: Tensor) -> str:
    """Bits/dim of log-densities in nats, with twice their standard error."""
    each = -log_prob.double() / (math.prod(SHAPE) * math.log(2))
    return f"{each.mean():.3f} ± {1.96 * each.std() / len(each) ** 0.5:.3f}"


def by_channel(x: Tensor) -> Tensor:
    """``[N, 3, 32, 32] -> [N * 1024, 3]``: pixels as data."""
    return x.flatten(2).mT.flatten(0, 1)


def main() -> None:
    """Train, evaluate, print the table, write it to ``--out``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=4.0)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--learning-rate", type=float, default=4e-3)
    parser.add_argument("--num-data", type=int, default=1000, help="test images")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--run", type=Path, default=None, help="keep the fit in this run folder")
    parser.add_argument("--out", type=Path, default=None)
    args = parser.parse_args()
    torch.set_num_threads(1)

    data = photographs(args.data_root)
    torch.manual_seed(args.seed)
    model = models.PixelCNNPlusPlus(SHAPE, 24, 1, 3, likelihood=nets.LogisticMixtureLikelihood((3,), levels=256))
    budget = Budget(args.minutes, rise=0.05)
    fit = ppgen.fit(
        model,
        data,
        out=args.run,
        progress=False,
        max_epochs=Budget.EPOCHS,
        patience=None,
        batch_size=args.batch_size,
        learning_rate=args.learning_rate,
        schedule=budget.factor,
        callbacks=[budget],
        average=0.98,
        clip_norm=2e3,
        seed=args.seed,
        device="cpu",
    )
    train, test = data.split("train")["x"], data.split("test")["x"][: args.num_data]
    histogram = histogram_log_prob(by_channel(train), by_channel(test), 256, 1.0).unflatten(0, (len(test), -1)).sum(1)
    lines = [
        "| density | bits/dim |",
        "|---|---|",
        f"| uniform | {bits(uniform_log_prob(test, 256))} |",
        f"| histogram of each pixel and channel | {bits(histogram_log_prob(train, test, 256, 1.0))} |",
        f"| histogram of each channel | {bits(histogram)} |",
        f"| PixelCNN++ | {bits(fit.log_prob_per_datum({'x': test}))} |",
    ]
    text = (
        "# PixelCNN++ on a part of CIFAR-10\n\n"
        f"`python benchmarks/pixelcnn_plus_plus.py --data-root DIR --minutes {args.minutes:g}`\n\n"
        f"{processor()}, 1 thread, {60 * args.minutes:.0f} s of processor time: {budget.steps} steps of "
        f"{args.batch_size} images; {sum(p.numel() for p in model.parameters()):,} parameters (24 channels, a block "
        f"for each stream, way and of three resolutions, 10 logistics a pixel, R before G before B). Trained on "
        f"{len(train)} images; exact -log2 p(x) / 3072 of {len(test)} test images, with 95 % intervals.\n\n"
        + "\n".join(lines)
        + "\n"
    )
    print(text)
    if args.out is not None:
        args.out.write_text(text)


if __name__ == "__main__":
    main()
