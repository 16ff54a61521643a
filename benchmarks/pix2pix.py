"""Pairs of Fashion-MNIST learned with a critic and without: nearness to the truth, and likeness to data.

    python benchmarks/pix2pix.py --task edges [--minutes 8] [--seeds 0 1 2] [--threads 2] [--out FILE.md]

``edges``: from the edges of a picture to the picture; ``half``: from its left half to the whole. Per seed, the same
U-Net is trained for the same processor time by ``PairedTranslation()`` and, without a critic, by the L1 distance alone.
On the test split: mean L1 distance of a pixel, PSNR and SSIM against the truth, and KID in the features of the data
set's own network against other test images. Beside them, the best constant image (the pixelwise median of the training
images) and what is given, taken for the answer.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
from pathlib import Path
from typing import Any

import torch
from budget import Budget
from torch import Tensor
from trend import processor

import ppgen
from ppgen.data import Dataset
from ppgen.evaluation.features import feature_network
from ppgen.evaluation.image_distances import psnr, ssim
from ppgen.evaluation.kid import kid

__all__ = ["main"]


@dataclasses.dataclass(frozen=True)
class Distance(ppgen.Objective):
    """The regression without a critic: E |x - G(given)|."""

    def loss(self, state: Any, player: str, step: Any) -> ppgen.Loss:
        made = step.model({"given": step.batch["given"]}, len(step.batch["x"]))["x"]
        return ppgen.Loss((step.batch["x"] - made).abs().mean())


def trained(data: Dataset, objective: ppgen.Objective, seed: int, args: argparse.Namespace) -> tuple[ppgen.Fit, int]:
    """A fit that took the budget, and its steps."""
    budget = Budget(args.minutes)
    torch.manual_seed(seed)
    fit = ppgen.fit(
        ppgen.models.Pix2Pix(data.x_shape, data.columns["given"].event_shape[0]),
        data,
        objective=objective,
        max_epochs=Budget.EPOCHS,
        batch_size=args.batch_size,
        learning_rate=args.learning_rate,
        schedule=budget.factor,
        callbacks=[budget],
        seed=seed,
        device="cpu",
        progress=False,
    )
    return fit, budget.steps


def scores(data: Dataset, made: Tensor, network: Any) -> dict[str, float]:
    """Of one answer to the test split; KID of one half's answers against the truth of the other half."""
    x = data.split("test")["x"]
    half = len(x) // 2
    found = kid(network.features(x[half : 2 * half]), network.features(made[:half]))
    return {
        "L1": float((made - x).abs().mean()),
        "PSNR": float(psnr(made, x).mean()),
        "SSIM": float(ssim(made, x).mean()),
        "KID": found.value,
        "± se": found.standard_error or 0.0,
    }


def line(name: str, found: dict[str, float], *facts: object) -> str:
    """A row of the table."""
    return f"| {name} | {' | '.join(f'{value:.4f}' for value in found.values())} | {' | '.join(map(str, facts))} |"


def main() -> None:
    """Train both a seed, print the table, write it to ``--out``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", choices=("edges", "half"), default="edges")
    parser.add_argument("--data", default="fashion")
    parser.add_argument("--data-root", default=None)
    parser.add_argument("--minutes", type=float, default=8.0, help="of processor time, of all threads, a model")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--l1", type=float, default=100.0)
    parser.add_argument("--figure", type=Path, default=None, help="panels of the first seed")
    parser.add_argument("--out", type=Path, default=None)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)

    data = ppgen.data.paired(ppgen.data.load(args.data, binarize=None, root=args.data_root), args.task)
    network = feature_network(data)
    test = data.split("test")
    constant = data.split("train")["x"].median(0).values.expand_as(test["x"])
    lines = [line("given itself", scores(data, test["given"], network), "", "")]
    lines += [line("constant image", scores(data, constant, network), "", "")]
    found: dict[str, list[dict[str, float]]] = {}
    for seed in args.seeds:
        for name, objective in (("critic and L1", ppgen.PairedTranslation(l1=args.l1)), ("L1 alone", Distance())):
            fit, steps = trained(data, objective, seed, args)
            found.setdefault(name, []).append(scores(data, fit.translate(), network))
            lines.append(line(name, found[name][-1], seed, steps))
            print(lines[-1], flush=True)
            if args.figure is not None and seed == args.seeds[0] and name != "L1 alone":
                ppgen.reporting.translation_figure(fit, test).save(args.figure)
    for name, every in found.items():
        medians = {key: statistics.median(each[key] for each in every) for key in every[0]}
        lines.append(line(f"{name}, median", medians, f"{len(every)} seeds", ""))
    text = (
        f"# pix2pix: {args.task} to {args.data}\n\n"
        f"`python benchmarks/pix2pix.py --task {args.task} --minutes {args.minutes:g}`\n\n"
        f"{processor()}, {args.threads} thread(s), {60 * args.minutes:.0f} s of processor time a model; "
        f"{len(test['x'])} test images.\n\n"
        "| answer | L1 | PSNR (dB) | SSIM | KID | ± se | seed | steps |\n|---|---|---|---|---|---|---|---|\n"
        + "\n".join(lines)
        + "\n"
    )
    print(text)
    if args.out is not None:
        args.out.write_text(text)


if __name__ == "__main__":
    main()
