"""Exact likelihoods of autoregressive networks on statically binarised MNIST, within a budget of processor time.

    python benchmarks/autoregressive_mnist.py block-pixelcnn --optimizer muon --learning-rate 4e-3 --rise 0.005 \\
        --bfloat16 [--data-root DIR] [--seed 0]
    python benchmarks/autoregressive_mnist.py row-lstm --minutes 2.5 --batch-size 32 --learning-rate 6e-3 --average 0.99

Protocol: Larochelle and Murray's fixed bits, 50,000 / 10,000 / 10,000 (``binarized_mnist``). Training lasts for the
budget, of processor time, on one thread; 20 minutes of one thread are 10 minutes of two cores. The learning rate falls
along a cosine and the weights are averaged over steps; the last weights are evaluated, none are picked, and nothing is
validated on the way. Settings were chosen on the validation split. With ``--bfloat16``, convolutions and products of
matrices are trained in that precision; what is evaluated is float32 throughout. The number is -log p(x), exact, of all
10,000 test images, and of ``--num-data`` of each other split; 95 % of the spread is between images (a standard
deviation of some 20 nats).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import torch
from budget import Budget
from row import Clock, options, publish
from torch import Tensor

import ppgen
from ppgen import Model, models
from ppgen.reporting import grids

__all__ = ["main"]

X_SHAPE = (1, 28, 28)
ROWS: dict[str, Callable[[], Model]] = {
    "block-pixelcnn": lambda: models.BlockPixelCNN(X_SHAPE, hidden=48, num_layers=5, dropout=0.1),
    "gated-pixelcnn": lambda: models.GatedPixelCNN(X_SHAPE, hidden=16, num_layers=4),
    "pixelcnn": lambda: models.PixelCNN(X_SHAPE, hidden=16, num_layers=4),
    "made": lambda: models.MADE(X_SHAPE, hidden=(1000,)),
    "row-lstm": lambda: models.RowLSTM(X_SHAPE, hidden=16, num_layers=2),
    "diagonal-bilstm": lambda: models.DiagonalBiLSTM(X_SHAPE, hidden=16, num_layers=2),
    "image-transformer": lambda: models.ImageTransformer(X_SHAPE, 32, num_layers=2, num_heads=2, block=(4, 7)),
}


def chosen(x: Tensor, count: int, seed: int) -> dict[str, Tensor]:
    """So many random images: never a prefix, since the test file is sorted by digit."""
    return {"x": x[torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))[:count]]}


def trained_on(data: ppgen.data.Dataset) -> ppgen.data.Dataset:
    """The data without a validation split, whose evaluation after each epoch would be paid for as training."""
    none = {name: x[:0] for name, x in data.splits["valid"].items()}
    return dataclasses.replace(data, splits={**data.splits, "valid": none})


def draw(fit: ppgen.Fit, x: Tensor, path: Path) -> None:
    """Samples, and test images of which the upper half was given and the lower drawn four times."""
    upper = (torch.arange(28) < 14).unsqueeze(1).expand(28, 28)
    drawn = fit.complete({"x": x.repeat_interleave(4, 0)}, upper, site="x").unflatten(0, (len(x), 4))
    rows = torch.cat([torch.stack([x, torch.where(upper, x, 0.5)], 1), drawn], 1)
    panels = {"samples": fit.sample(6 * len(x), site="x"), "test image, given half, completions": rows.flatten(0, 1)}
    grids(panels, columns=6, limits=(0.0, 1.0)).figure.savefig(path, dpi=200)


def main(argv: list[str] | None = None) -> None:
    """Train, evaluate, print, and append one line of JSON to ``--out``."""
    parser = options(__doc__, minutes=20.0, batch_size=16, learning_rate=3e-3, average=0.999, rise=0.0, num_data=10_000)
    parser.add_argument("row", choices=sorted(ROWS))
    parser.add_argument("--optimizer", default="adam", help='"muon" for the row of blocks')
    parser.add_argument("--bfloat16", action="store_true", help="train convolutions in bfloat16")
    parser.add_argument("--run", type=Path, help="keep the fit in this run folder")
    parser.add_argument("--figure", type=Path, help="draw samples and completions here")
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)

    data = ppgen.data.load("binarized_mnist", root=args.data_root)
    torch.manual_seed(args.seed)
    model = ROWS[args.row]().to(memory_format=torch.channels_last)
    print(f"{args.row}: {sum(p.numel() for p in model.parameters())} parameters", flush=True)
    clock, budget = Clock(), Budget(args.minutes, args.rise)
    # Without a cache: it would hand out the weights of the first step for ever.
    with torch.autocast(args.device, torch.bfloat16, enabled=args.bfloat16, cache_enabled=False):
        fit = ppgen.fit(
            model,
            trained_on(data),
            out=args.run,
            progress=False,
            max_epochs=Budget.EPOCHS,
            patience=None,
            batch_size=args.batch_size,
            optimizer=args.optimizer,
            learning_rate=args.learning_rate,
            schedule=budget.factor,
            callbacks=[budget],
            average=args.average,
            seed=args.seed,
            device=args.device,
        )
    result = {
        **clock.read("train"),
        "steps": budget.steps,
        "epochs": round(budget.steps * args.batch_size / data.size("train"), 2),
        "parameters": sum(p.numel() for p in model.parameters()),
    }
    clock = Clock()
    for split in ("train", "valid", "test"):
        count = 10_000 if split == "test" else args.num_data
        found = fit.log_prob(chosen(data.split(split)["x"], count, args.seed))
        result |= {f"{split}_log_prob": found.value, f"{split}_standard_error": found.standard_error}
    if args.figure:
        draw(fit, chosen(data.split("test")["x"], 6, args.seed)["x"], args.figure)
    publish(args, result | {"estimator": found.kind} | clock.read("evaluation"))


if __name__ == "__main__":
    main()
