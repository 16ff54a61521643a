"""Where three guides of one decoder lose nats: Cremer, Li & Duvenaud (2018) in small.

    python benchmarks/cremer2018.py [mean-field full-rank flow] [--minutes 2]
        [--out benchmarks/results/cremer2018.jsonl]

Static binarized MNIST. A VAE of 50 latents, decoder and encoder perceptrons of two layers of 200 units each, is trained
with each family of guides (the flow: four affine couplings) for ``--minutes`` of processor time by the ELBO alone; the
last weights are evaluated.
``gap_ledger`` of 100 test images, drawn by a seed (the file is sorted by digit), in nats each: log p by annealed
importance sampling from q*, the best member of the family for each image by itself; how far the ELBO is below it, split
into what q* lacks (approximation) and what the encoder lacks against q* (amortization); and the slack of log p, how far
the two bounds of bidirectional Monte Carlo are apart on images of the model.

With ``--out`` a row takes the place of the last one of its family, and a table is written beside it.
"""

from __future__ import annotations

import argparse
import functools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from budget import Budget
from kept_rows import keep, kept
from row import options
from torch import nn
from trend import processor

import ppgen
from ppgen.data import Dataset
from ppgen.evaluation import gap_ledger
from ppgen.guides import Flow, FullRank, MeanField
from ppgen.models import VAE
from ppgen.nets import MLP

__all__ = ["PAPER", "main", "measure", "table"]

X_SHAPE, LATENT_DIM, WIDTHS = (784,), 50, (200, 200)
FAMILIES: dict[str, Callable[..., Any]] = {
    "mean-field": MeanField,
    "full-rank": FullRank,
    "flow": functools.partial(Flow, flow="NICE", transforms=4),  # couplings, fast both ways in 50 dimensions
}
PARTS = ("log_prob", "elbo", "total", "approximation", "amortization", "slack")
PAPER = {
    "fully factorised Gaussian": (-89.80, -92.57, 2.77, 1.43, 1.34),
    "auxiliary flow": (-88.94, -91.79, 2.85, 1.44, 1.41),
}
"""log p, ELBO, total, approximation, amortization: the paper's table 2, 100 training images of binarized MNIST."""


def measure(name: str, args: argparse.Namespace) -> dict[str, Any]:
    """Train a VAE with a family of guides, and split its gap.

    Args:
        name: of the family.
        args: of the command line.
    """
    loaded = ppgen.data.load("binarized_mnist", root=args.data_root)
    splits = {split: {"x": columns["x"].flatten(1).float()} for split, columns in loaded.splits.items()}
    splits["valid"] = {"x": splits["valid"]["x"][:0]}
    data = Dataset("binarized_mnist", "binary", splits, protocol=loaded.protocol)
    torch.manual_seed(args.seed)
    model = VAE(X_SHAPE, LATENT_DIM, WIDTHS)
    network = nn.Sequential(MLP(X_SHAPE[0], WIDTHS[1], hidden=WIDTHS[:1]), nn.SiLU())
    budget = Budget(args.minutes)
    fit = ppgen.fit(
        model,
        data,
        guide=FAMILIES[name](model, encoder=network),
        max_epochs=Budget.EPOCHS,
        schedule=budget.factor,
        callbacks=[budget],
        learning_rate=args.learning_rate,
        batch_size=args.batch_size,
        seed=args.seed,
        device="cpu",
        progress=False,
    )
    x = data.split("test")["x"]
    x = x[torch.randperm(len(x), generator=torch.Generator().manual_seed(args.seed))[: args.num_data]]
    began = time.process_time()
    found = gap_ledger(fit, x, num_steps=args.num_steps, refinement=args.refinement, seed=args.seed)
    row: dict[str, Any] = {"name": name, "steps": budget.steps, "ledger_seconds": time.process_time() - began}
    row |= {part: (getattr(found, part).value, getattr(found, part).standard_error) for part in PARTS}
    row["settings"] = {key: value for key, value in vars(args).items() if isinstance(value, int | float)}
    return row | {"torch": torch.__version__, "machine": processor()}


def table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Lines of Markdown: what was measured, and what the paper has.

    Args:
        rows: of :func:`measure`.
    """
    head = "| guide | log p | ELBO | gap | approximation | amortization | slack | steps |"
    lines = [head, "|---|" + "---|" * 7]
    for row in rows:
        cells = [f"{row[part][0]:.2f} ± {row[part][1]:.2f}" for part in PARTS]
        lines.append(f"| {row['name']} | {' | '.join(cells)} | {row['steps']} |")
    for name, numbers in PAPER.items():
        lines.append(f"| the paper's {name} | {' | '.join(f'{number:.2f}' for number in numbers)} | | |")
    return lines


def main(argv: list[str] | None = None) -> None:
    """Train and measure; write rows and table."""
    parser = options(
        __doc__,
        minutes=2.0,
        num_data=100,
        num_steps=1000,
        refinement=500,
        batch_size=128,
        learning_rate=1e-3,
    )
    parser.add_argument("guides", nargs="*", help=", ".join(FAMILIES))
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    rows = []
    for name in args.guides:
        rows.append(measure(name, args))
        print("\n".join(table(rows)), flush=True)
        if args.out:
            keep(rows[-1], args.out, list(FAMILIES))
    if args.out:
        told = (__doc__ or "").split("cremer2018.jsonl]")[1].strip()
        lines = [
            "# Where guides lose nats",
            "",
            "`python benchmarks/cremer2018.py`; settings in `cremer2018.jsonl`.",
            "",
        ]
        lines += [told, "", *table(kept(args.out, list(FAMILIES))), ""]
        args.out.with_suffix(".md").write_text("\n".join(lines))


if __name__ == "__main__":
    main()
