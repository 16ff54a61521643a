"""Exact likelihoods of autoregressive networks on statically binarised MNIST, within a budget of processor time.

    python benchmarks/autoregressive_mnist.py block-pixelcnn [--minutes 20] [--data-root DIR] [--seed 0]
    python benchmarks/autoregressive_mnist.py row-lstm --minutes 10

Protocol: Larochelle and Murray's fixed bits, 50,000 / 10,000 / 10,000 (``binarized_mnist``). Training runs on one
thread for as many epochs as fit into the budget at the rate of a few steps timed first; 20 minutes of one thread are
10 minutes of two cores. The learning rate falls along a cosine and the weights are averaged over steps; the last
weights are evaluated, none are picked. Settings were chosen on the validation split. The number is -log p(x), exact,
of all 10,000 test images; 95 % of the spread is between images (a standard deviation of some 20 nats).
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pyro
import torch
from row import Clock, options, publish
from torch import Tensor

import ppgen
from ppgen import Model, models

__all__ = ["main"]

X_SHAPE = (1, 28, 28)
ROWS: dict[str, Callable[[], Model]] = {
    "block-pixelcnn": lambda: models.BlockPixelCNN(X_SHAPE, hidden=32, num_layers=5),
    "gated-pixelcnn": lambda: models.GatedPixelCNN(X_SHAPE, hidden=16, num_layers=4),
}


def seconds_of_epoch(model: Model, x: Tensor, batch_size: int) -> float:
    """Processor seconds of an epoch: the median of a few passes there and back, and a tenth for all else."""
    spent = []
    for batch in x[: 12 * batch_size].split(batch_size):
        before = time.process_time()
        (-pyro.poutine.trace(model).get_trace({"x": batch}, batch_size).log_prob_sum()).backward()
        spent.append(time.process_time() - before)
    return 1.1 * sorted(spent)[len(spent) // 2] * len(x) / batch_size


def main(argv: list[str] | None = None) -> None:
    """Train, evaluate, print, and append one line of JSON to ``--out``."""
    parser = options(__doc__, minutes=20.0, batch_size=16, learning_rate=3e-3, average=0.999)
    parser.add_argument("row", choices=sorted(ROWS))
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)

    data = ppgen.data.load("binarized_mnist", root=args.data_root)
    torch.manual_seed(args.seed)
    model = ROWS[args.row]().to(memory_format=torch.channels_last)
    train = data.split("train")["x"]
    epochs = max(1, int(60 * args.minutes / seconds_of_epoch(model, train, args.batch_size)))
    torch.manual_seed(args.seed)
    model = ROWS[args.row]().to(memory_format=torch.channels_last)
    print(f"{args.row}: {sum(p.numel() for p in model.parameters())} parameters, {epochs} epochs", flush=True)
    clock = Clock()
    fit = ppgen.fit(
        model,
        data,
        max_epochs=epochs,
        patience=None,
        batch_size=args.batch_size,
        learning_rate=args.learning_rate,
        schedule="cosine",
        average=args.average,
        seed=args.seed,
        device=args.device,
    )
    result = {**clock.read("train"), "epochs": epochs, "parameters": sum(p.numel() for p in model.parameters())}
    clock = Clock()
    for split in ("train", "valid", "test"):
        x = data.split(split)["x"]
        x = x[torch.randperm(len(x), generator=torch.Generator().manual_seed(args.seed))[:10_000]]
        found = fit.log_prob({"x": x})
        result |= {f"{split}_log_prob": found.value, f"{split}_standard_error": found.standard_error}
    publish(args, result | {"estimator": found.kind} | clock.read("evaluation"))


if __name__ == "__main__":
    main()
